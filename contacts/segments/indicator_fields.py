"""Figures of countries: a field for each indicator, about the latest figure, one year's, or how it changed over years."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import Indicator, IndicatorValue
from contacts.segments.registry import IN_A_YEAR, NUMBER, Context, Evidence, Field, Sql

COUNTRY = _("Country")
COMPARE = {"below": "<", "at_most": "<=", "above": ">", "at_least": ">="}
SAYS = {
    "below": _("in countries where **{subject} is below {value}**"),
    "at_most": _("in countries where **{subject} is at most {value}**"),
    "above": _("in countries where **{subject} is above {value}**"),
    "at_least": _("in countries where **{subject} is at least {value}**"),
    "between": _("in countries where **{subject} is between {low} and {high}**"),
    "known": _("in countries where **{subject} is known**"),
    "not_known": _("where **{subject} is not known**"),
    "below_in": _("in countries where **{subject} was below {value} in {year}**"),
    "at_least_in": _("in countries where **{subject} was at least {value} in {year}**"),
    "known_in": _("in countries where **{subject} is known for {year}**"),
    "not_known_in": _("where **{subject} is not known for {year}**"),
    "rose": _("in countries where **{subject} rose by at least {value} from {low} to {high}**"),
    "fell": _("in countries where **{subject} fell by at least {value} from {low} to {high}**"),
}


def _latest(ctx: Context, indicator_id: int) -> str:
    """The latest figure of each country, from about 200 rows made once."""
    return ctx.cte(
        f"latest_{int(indicator_id)}",
        "SELECT DISTINCT ON (country_id) country_id, value, year FROM contacts_indicatorvalue"  # noqa: S608 an integer
        f" WHERE indicator_id = {int(indicator_id)} AND country_id IS NOT NULL ORDER BY country_id, year DESC",
    )


def _in_year(ctx: Context, indicator_id: int, year: int) -> str:
    """The figures of one year; there is one at most of each country. Aggregates have none: to say so too would mislead the planner."""
    return ctx.cte(
        f"figure_{int(indicator_id)}_{int(year)}",
        "SELECT country_id, value, year FROM contacts_indicatorvalue"  # noqa: S608 integers
        f" WHERE indicator_id = {int(indicator_id)} AND year = {int(year)}",
    )


def indicator_sql(indicator_id: int) -> Sql:
    def sql(ctx: Context, operator: str, value: Any) -> str:
        """No figure: unknown, whatever is asked of it. A change is known where both years are."""
        if operator in ("rose", "fell"):
            first, last = (f"{_in_year(ctx, indicator_id, year)}.value" for year in value[:2])
            before, after = (first, last) if operator == "rose" else (last, first)
            return f"{after} - {before} >= {ctx.param(str(value[2]))}::numeric"
        if operator in ("known_in", "not_known_in"):
            return f"{_in_year(ctx, indicator_id, value)}.value IS {'NOT ' if operator == 'known_in' else ''}NULL"
        if operator in ("below_in", "at_least_in"):
            figure = f"{_in_year(ctx, indicator_id, value[0])}.value"
            return f"{figure} {COMPARE[operator.removesuffix('_in')]} {ctx.param(str(value[1]))}::numeric"
        figure = f"{_latest(ctx, indicator_id)}.value"
        if operator in ("known", "not_known"):
            return f"{figure} IS {'NOT ' if operator == 'known' else ''}NULL"
        if operator == "between":
            return f"{figure} BETWEEN {ctx.param(str(value[0]))}::numeric AND {ctx.param(str(value[1]))}::numeric"
        return f"{figure} {COMPARE[operator]} {ctx.param(str(value))}::numeric"

    return sql


def indicator_evidence(indicator_id: int) -> Evidence:
    """The figures that decide, with their years, as [[year, figure], …]."""

    def evidence(ctx: Context, operator: str, value: Any) -> str:
        if operator in ("rose", "fell"):
            tables = [_in_year(ctx, indicator_id, year) for year in value[:2]]
        elif operator in ("below_in", "at_least_in", "known_in", "not_known_in"):
            tables = [_in_year(ctx, indicator_id, value[0] if isinstance(value, list) else value)]
        else:
            tables = [_latest(ctx, indicator_id)]
        pairs = ", ".join(f"jsonb_build_array({table}.year, {table}.value)" for table in tables)
        return f"jsonb_build_array({pairs})"

    return evidence


def read_figures(unit: str, found: Any) -> str:
    """*19.4 % (2023)*; a year without a figure is not named."""
    from contacts.segments.values import shown_number

    return " → ".join(
        f"{shown_number(float(value), unit)} ({year})" for year, value in found or [] if value is not None
    )


def years_of(indicator_id: int) -> list[int]:
    rows = IndicatorValue.objects.filter(indicator_id=indicator_id, country__isnull=False)
    return list(rows.order_by("-year").values_list("year", flat=True).distinct())


def indicators() -> Iterator[Field]:
    """A field for each indicator: `indicator.<code>`."""
    for row in Indicator.objects.order_by("sort_key"):
        percent = row.unit == "%"
        yield Field(
            code=f"indicator.{row.code}",
            label=format_lazy("{} › {}", COUNTRY, row.label),
            group=COUNTRY,
            operators=(*NUMBER, *IN_A_YEAR),
            sql=indicator_sql(row.pk),
            says=SAYS,
            minimum=0 if percent else None,
            maximum=100 if percent else None,
            unit=row.unit,
            unknown=_("there is no figure for their country"),
            order=24,
            subject=row.label[:1].lower() + row.label[1:],
            years=partial(years_of, row.pk),
            evidence=indicator_evidence(row.pk),
            reads=partial(read_figures, row.unit),
        )
