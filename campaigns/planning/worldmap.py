"""A drive on the world map: coverage, reach, position or contacts of its countries, by year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count
from django.db.models.functions import ExtractYear
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.interactions.models import Party
from campaigns.planning.grid import Row, countries_of, grid_of
from campaigns.planning.models import Drive
from campaigns.positions.ladder import Stance, word_of
from campaigns.positions.models import Ask
from contacts.directory.geography import numeric_codes
from contacts.directory.models import IndicatorValue
from contacts.directory.reference import COVERAGE
from crm.accounts.models import User
from crm.ui.charts import Chart

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MEASURES: dict[str, StrOrPromise] = {
    "coverage": gettext_lazy("coverage"),
    "reach": gettext_lazy("institutions reached"),
    "position": gettext_lazy("position"),
    "activity": gettext_lazy("two-way contacts"),
}
# Of each country's sides, as they stood on a day: the newest step of each institution, and that of the most powerful for its side.
STOOD = """
WITH newest AS (
  SELECT DISTINCT ON (s.organization_id) s.organization_id, s.stance FROM campaigns_positionstep s
   WHERE s.ask_id = %(ask)s AND s.withdrawn_at IS NULL AND s."on" <= %(day)s ORDER BY s.organization_id, s."on" DESC, s.id DESC)
SELECT DISTINCT ON (o.country_id, c.root_code) o.country_id, n.stance
  FROM newest n JOIN contacts_organization o ON o.id = n.organization_id JOIN contacts_constituency c ON c.id = o.constituency_id
  LEFT JOIN campaigns_power w ON w.organization_id = o.id AND w.campaign_id = %(campaign)s
 WHERE o.archived_at IS NULL AND o.country_id = ANY (%(countries)s) AND (c.code = ANY (%(sides)s) OR c.root_code = ANY (%(sides)s))
 ORDER BY o.country_id, c.root_code, w.power DESC NULLS LAST, o.id"""


@dataclass
class WorldMap:
    """What the page draws. years: those that can be chosen, latest first; year: the one shown, None for the latest or all."""

    chart: Chart
    years: list[int]
    year: int | None
    unknown: int
    ask: Ask | None  # of a map of positions: the drive's first


def map_of(drive: Drive, user: User, *, measure: str, year: int | None) -> WorldMap:
    """As the user may see it. A year that there is none of shows the latest, or all. Two more queries than the grid at most."""
    ask = Ask.objects.filter(drive=drive, archived_at=None).in_order().first()
    sent = dict(drive.mailings.annotate(year=ExtractYear("frozen_at")).values_list("pk", "year"))
    mailings = list(sent)
    if measure == "reach" and year in sent.values():
        mailings = [pk for pk, at in sent.items() if at == year]
    grid = grid_of(drive, countries=countries_of(drive, user), mailings=mailings, ask=ask.pk if ask else None)
    codes = [row.country.code for row in grid.rows]
    values: dict[str, float] = {}
    years: list[int]
    if measure == "reach":
        years = sorted({at for at in sent.values() if at}, reverse=True)
    elif measure == "position":
        values, years = _stood(drive, ask, codes, year)
    else:
        values, years = {"coverage": _coverage, "activity": _activity}[measure](codes, year)
    if year not in years:
        year = None
    points, blank = [], []
    for row in grid.rows:
        value, words = _value(row, measure, values, is_past=year is not None)
        point: dict[str, Any] = {
            "country": numeric_codes().get(row.country.code, row.country.code), "label": row.country.label,
            "url": _rows_url(drive, row, measure),
        }  # fmt: skip
        if value is None:
            blank.append(point | {"words": _("not known")})
        else:
            points.append(point | {"value": value, "words": words})
    colors = [stance.colour for stance in Stance] if measure == "position" else []
    scale = [word_of(stance) for stance in Stance] if measure == "position" else []
    unit = " %" if measure in {"coverage", "reach"} else ""
    chart = Chart(
        "map", points=points, unit=unit, name=str(MEASURES[measure]), colors=colors, scale=scale, can_save=True, blank=blank,
        blank_label=_("not known"), outside_label=_("not in this drive"),
    )  # fmt: skip
    return WorldMap(chart, years, year, len(blank), ask if measure == "position" else None)


def _value(row: Row, measure: str, values: dict[str, float], *, is_past: bool) -> tuple[float | None, str]:
    if measure == "position" and is_past:
        stood = values.get(row.country.code)
        return stood, word_of(int(stood) if stood else None)
    if measure == "position":
        known = [cell.stance for cell in row.cells if cell.stance]
        middle = median_low(known) if known else None
        return middle, word_of(middle)
    if measure == "reach":
        all_of = sum(cell.institutions for cell in row.cells)
        share = round(100 * sum(cell.reached for cell in row.cells) / all_of, 1) if all_of else None
        return share, f"{share} %"
    value = values.get(row.country.code)
    return value, f"{value} %" if measure == "coverage" else str(value)


def _coverage(codes: Sequence[str], year: int | None) -> tuple[dict[str, float], list[int]]:
    """The latest figure up to the year that is asked for."""
    rows = IndicatorValue.objects.filter(indicator__code=COVERAGE, country__in=codes).order_by("year")
    found = list(rows.values_list("country_id", "year", "value"))
    values = {country: round(float(value), 1) for country, at, value in found if year is None or at <= year}
    return {country: value for country, value in values.items() if country}, sorted(
        {at for _c, at, _v in found}, reverse=True
    )


def _activity(codes: Sequence[str], year: int | None) -> tuple[dict[str, float], list[int]]:
    """Two-way contacts with institutions of each country, of the year that is asked for or of all."""
    rows = Party.objects.two_way().filter(organization__country__in=codes)
    counted = rows.annotate(year=ExtractYear("at")).values_list("organization__country", "year").annotate(n=Count("pk"))
    found = list(counted.order_by())
    years = sorted({at for _country, at, _number in found}, reverse=True)
    values: dict[str, float] = dict.fromkeys(codes, 0)
    for country, at, number in found:
        if year not in years or at == year:
            values[country] += number
    return values, years


def _stood(drive: Drive, ask: Ask | None, codes: Sequence[str], year: int | None) -> tuple[dict[str, float], list[int]]:
    """Where the middle one of each country's sides stood at the end of a year, and the years that have steps."""
    if ask is None:
        return {}, []
    found = ask.steps.standing().order_by().values_list("on__year", flat=True).distinct()
    years = sorted(found, reverse=True)
    if year is None or year not in years:
        return {}, years
    sides = list(drive.constituencies.values_list("code", flat=True))
    given: dict[str, Any] = {
        "ask": ask.pk,
        "day": date(year, 12, 31),
        "campaign": drive.campaign_id,
        "countries": list(codes),
        "sides": sides,
    }
    stances: dict[str, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(STOOD, given)
        for country, stance in cursor.fetchall():
            stances.setdefault(country, []).append(stance)
    return {country: median_low(known) for country, known in stances.items()}, years


def _rows_url(drive: Drive, row: Row, measure: str) -> str:
    name = "position_list" if measure == "position" else "drive_institutions"
    return f"{reverse(name, args=[drive.uid])}?{urlencode({'country': row.country.code})}"


def choices(drive: Drive, measure: str) -> list[dict[str, Any]]:
    """The measures as tabs."""
    url = reverse("drive_map", args=[drive.uid])
    return [
        {"label": words, "url": f"{url}?measure={name}", "current": name == measure} for name, words in MEASURES.items()
    ]


def title_of(measure: str, year: int | None) -> str:
    words = {
        "coverage": _("People with at least one social protection benefit, latest figure"),
        "reach": _("Institutions that a mail of this drive reached"),
        "position": _("Where the middle one of its sides stood at the end of the year")
        if year
        else _("Where the middle one of its sides stands"),
        "activity": _("Contacts in which they talked with us"),
    }[measure]
    return f"{words} · {year}" if year else words
