"""Reference data that every installation starts with: constituencies, regions, countries, social protection coverage.

`load_reference()` may run any number of times. Constituencies are only added, because staff may rename them; countries,
regions and figures are brought up to date. Migration 0003 runs it, so that every database has the data.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import transaction

from contacts.directory import geography
from crm.ui.searchtext import normalise, sorting

COVERAGE = "SI_COV_BENFTS"
COVERAGE_FILE = Path(__file__).parent / "data" / "social_protection_coverage.csv"
INDIVIDUAL = "IND"  # the constituency of a person without a membership

# code, is fixed, English, French, Spanish, Arabic
CONSTITUENCIES = [
    ("GOV", True, "Government", "Gouvernement", "Gobierno", "حكومة"),
    (
        "EMP",
        True,
        "Employers’ organization",
        "Organisation d’employeurs",
        "Organización de empleadores",
        "منظمة أصحاب عمل",
    ),
    (
        "WRK",
        True,
        "Workers’ organization",
        "Organisation de travailleurs",
        "Organización de trabajadores",
        "منظمة عمال",
    ),
    (
        "SSI",
        True,
        "Social security institution",
        "Institution de sécurité sociale",
        "Institución de seguridad social",
        "مؤسسة ضمان اجتماعي",
    ),
    (
        "CSO",
        True,
        "Civil society organization",
        "Organisation de la société civile",
        "Organización de la sociedad civil",
        "منظمة مجتمع مدني",
    ),
    (
        "IGO",
        True,
        "International organization",
        "Organisation internationale",
        "Organización internacional",
        "منظمة دولية",
    ),
    ("DON", True, "Donor government", "Gouvernement donateur", "Gobierno donante", "حكومة مانحة"),
    ("RES", False, "Research", "Recherche", "Investigación", "بحث علمي"),
    ("MED", False, "Media", "Médias", "Medios de comunicación", "إعلام"),
    (INDIVIDUAL, False, "Individual supporter", "Sympathisant individuel", "Simpatizante individual", "مناصر فردي"),
]

GetModel = Callable[[str, str], Any]


def load_reference(get_model: GetModel = apps.get_model) -> dict[str, int]:
    """Load or refresh the reference data; returns kind → rows. get_model: the current models, or a migration's."""
    with transaction.atomic():
        return {
            "constituencies": _load_constituencies(get_model("contacts", "Constituency")),
            "regions": _load_regions(get_model("contacts", "Region")),
            "countries": _load_countries(get_model("contacts", "Country")),
            "figures": _load_coverage(get_model),
        }


def _named(name: str, names: dict[str, str], *more: str) -> dict[str, Any]:
    """The stored columns of a NamedModel: a migration's models have no save() that would compute them."""
    return {
        "name": name,
        "names": names,
        "sort_key": sorting(name)[:300],
        "search_text": normalise(*dict.fromkeys([name, *names.values(), *more])),
    }


def _load_constituencies(model: Any) -> int:
    rows = []
    for position, (code, is_fixed, *texts) in enumerate(CONSTITUENCIES, start=1):
        names = dict(zip(geography.LANGUAGES, texts, strict=True))
        rows.append(model(code=code, root_code=code, is_fixed=is_fixed, position=position, **_named(texts[0], names)))
    model.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _load_regions(model: Any) -> int:
    rows = []
    for code, parent in geography.REGIONS.items():
        names = geography.names_of(code)
        rows.append(model(code=code, parent_id=parent or None, **_named(names["en"], names)))
    fields = ["parent", "name", "names", "sort_key", "search_text"]
    model.objects.bulk_create(rows, update_conflicts=True, unique_fields=["code"], update_fields=fields)
    return len(rows)


def _load_countries(model: Any) -> int:
    rows = [
        model(
            code=land.code,
            alpha3=land.alpha3,
            region_id=land.region,
            languages=land.languages,
            time_zone=land.time_zone,
            **_named(land.name, land.names, land.alpha3),
        )
        for land in geography.lands()
    ]
    fields = ["alpha3", "region", "languages", "time_zone", "name", "names", "sort_key", "search_text"]
    model.objects.bulk_create(rows, update_conflicts=True, unique_fields=["code"], update_fields=fields)
    return len(rows)


def _load_coverage(get_model: GetModel) -> int:
    names = {
        "en": "Social protection coverage",
        "fr": "Couverture de la protection sociale",
        "es": "Cobertura de la protección social",
        "ar": "تغطية الحماية الاجتماعية",
    }
    indicator, _created = get_model("contacts", "Indicator").objects.update_or_create(
        code=COVERAGE,
        defaults={
            "unit": "%",
            "source": "ILO, World Social Protection Data Dashboards (modelled estimates, 2024), through Our World in Data",
            "licence": "CC BY 4.0",
            "url": "https://ourworldindata.org/grapher/sdg-social-protection",
            **_named(names["en"], names),
        },
    )
    alpha2 = dict(get_model("contacts", "Country").objects.values_list("alpha3", "code"))
    model = get_model("contacts", "IndicatorValue")
    rows = [model(indicator=indicator, **figure) for figure in read_coverage(alpha2)]
    model.objects.filter(indicator=indicator).delete()
    model.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def read_coverage(alpha2: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The file's figures as columns of IndicatorValue. alpha2: alpha-3 → alpha-2 codes of the countries that we know.

    Whatever has no country's code is an aggregate: UN_, UNSDG_ and OWID_ codes, and rows with an empty code.
    """
    with COVERAGE_FILE.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for entity, alpha3, year, value in rows:
            country = alpha2.get(alpha3)
            yield {
                "country_id": country,
                "aggregate": "" if country else entity,
                "aggregate_code": "" if country else alpha3,
                "year": int(year),
                "value": Decimal(value),
            }
