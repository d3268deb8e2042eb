"""Reference data: every database has it after its migrations."""

from decimal import Decimal

import pytest

from contacts.directory.models import Constituency, Country, Indicator, IndicatorValue, Region
from contacts.directory.reference import COVERAGE, load_reference

pytestmark = pytest.mark.django_db


def test_the_seven_fixed_constituencies_come_first_in_four_languages():
    fixed = Constituency.objects.filter(is_fixed=True).order_by("position")

    assert [c.code for c in fixed] == ["GOV", "EMP", "WRK", "SSI", "CSO", "IGO", "DON"]
    assert Constituency.objects.get(code="WRK").names == {
        "en": "Workers’ organization",
        "fr": "Organisation de travailleurs",
        "es": "Organización de trabajadores",
        "ar": "منظمة عمال",
    }
    assert list(Constituency.objects.filter(is_fixed=False).order_by("position").values_list("code", flat=True)) == [
        "RES",
        "MED",
        "IND",
    ]


def test_countries_are_those_of_iso_3166_with_cldr_names():
    chad = Country.objects.get(alpha3="TCD")

    assert Country.objects.count() == 249
    assert (chad.code, chad.name, chad.names["fr"], chad.names["ar"]) == ("TD", "Chad", "Tchad", "تشاد")
    assert (chad.languages, chad.time_zone) == (["ar", "fr"], "Africa/Ndjamena")
    assert Country.objects.get(search_text__contains="cote d'ivoire").code == "CI"


def test_every_country_but_antarctica_lies_in_a_region_below_one_of_the_five():
    middle_africa = Country.objects.get(code="TD").region

    assert [r.code for r in (middle_africa, middle_africa.parent, middle_africa.parent.parent)] == ["017", "202", "002"]
    assert list(Country.objects.filter(region=None).values_list("code", flat=True)) == ["AQ"]
    assert sorted(Region.objects.filter(parent=None).values_list("code", flat=True)) == [
        "002",
        "009",
        "019",
        "142",
        "150",
    ]


def test_coverage_has_232_entities_and_keeps_aggregates_apart():
    values = IndicatorValue.objects.filter(indicator__code=COVERAGE)
    countries = values.filter(country__isnull=False).values("country").distinct().count()
    aggregates = set(values.filter(country=None).values_list("aggregate", flat=True))

    assert values.count() == 656
    assert (countries, len(aggregates)) == (214, 18)
    assert {"World", "Africa (UN)"} <= aggregates
    assert set(values.filter(country=None).values_list("aggregate_code", flat=True)) >= {"", "OWID_WRL", "UN_AFR"}


def test_the_latest_figure_of_chad_is_as_measured():
    latest = IndicatorValue.objects.filter(indicator__code=COVERAGE, country="TD").latest("year")

    assert (latest.year, latest.value) == (2022, Decimal("2.48"))


def test_the_indicator_names_its_source_and_licence():
    indicator = Indicator.objects.get(code=COVERAGE)

    assert "ILO" in indicator.source and "Our World in Data" in indicator.source
    assert (indicator.licence, indicator.unit) == ("CC BY 4.0", "%")


def test_loading_again_changes_nothing_and_keeps_a_renamed_constituency():
    Constituency.objects.filter(code="EMP").update(name="Business side")
    Country.objects.filter(code="TD").update(name="Wrong")
    before = IndicatorValue.objects.count()

    load_reference()

    assert IndicatorValue.objects.count() == before
    assert Constituency.objects.get(code="EMP").name == "Business side"
    assert Country.objects.get(code="TD").name == "Chad"
