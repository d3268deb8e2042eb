"""Social protection coverage as screens show it: the figure, its year, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from contacts.directory.models import Indicator, IndicatorValue
from contacts.directory.reference import COVERAGE


@dataclass(frozen=True)
class Figure:
    """A country's figure of one year, in per cent as measured."""

    country: str
    year: int
    value: Decimal


def indicator() -> Indicator | None:
    """The coverage indicator, with its source and licence."""
    return Indicator.objects.filter(code=COVERAGE).first()


def latest(codes: Iterable[str]) -> dict[str, Figure]:
    """Country code → its latest figure. A country without a figure is not in it: unknown is not zero."""
    values = (
        IndicatorValue.objects.filter(indicator__code=COVERAGE, country__in=list(codes))
        .order_by("country_id", "-year")
        .distinct("country_id")
        .values_list("country_id", "year", "value")
    )
    return {country: Figure(country, year, value) for country, year, value in values}


def over_years(code: str) -> list[Figure]:
    """Every figure of a country, oldest first."""
    values = IndicatorValue.objects.filter(indicator__code=COVERAGE, country=code).order_by("year")
    return [Figure(code, year, value) for year, value in values.values_list("year", "value")]


def of_country(code: str | None) -> tuple[Figure | None, Indicator | None]:
    """A country's latest figure with the indicator that names its source: one query where there is a figure."""
    if not code:
        return None, None
    found = IndicatorValue.objects.filter(indicator__code=COVERAGE, country=code).select_related("indicator")
    value = found.order_by("-year").first()
    return (Figure(code, value.year, value.value), value.indicator) if value else (None, indicator())
