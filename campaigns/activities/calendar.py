"""The calendar of a drive as data: weeks with bars in lanes, and months as rows of bars. Nothing here reads the database."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

LANES = 12
FIRST_YEAR, LAST_YEAR = 1950, 2150


@dataclass(frozen=True)
class Bar:
    """An activity in one week: its columns (1 to 7) and its lane (1 to LANES)."""

    row: Any
    column: int
    span: int
    lane: int
    begins_here: bool
    ends_here: bool


@dataclass(frozen=True)
class Week:
    days: list[dt.date]
    bars: list[Bar]
    hidden: int = 0  # bars that found no lane

    @property
    def lanes(self) -> int:
        return max((bar.lane for bar in self.bars), default=0)


@dataclass(frozen=True)
class Line:
    """An activity over months: where its bar begins and how long it is, in days of the whole span."""

    row: Any
    start: int
    length: int


@dataclass(frozen=True)
class Span:
    """The days that a view shows, and how to step to the next ones."""

    view: str  # month, quarter, year
    first: dt.date
    last: dt.date
    before: dt.date | None
    after: dt.date | None
    months: list[dt.date] = field(default_factory=list)

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1


MONTHS = {"month": 1, "quarter": 3, "year": 12}


def read_month(text: str, today: dt.date) -> dt.date:
    """ "2026-09" as its first day; anything else is this month."""
    try:
        year, month = (int(part) for part in text.split("-"))
        if FIRST_YEAR <= year <= LAST_YEAR:
            return dt.date(year, month, 1)
    except ValueError:
        pass
    return today.replace(day=1)


def span_of(view: str, month: dt.date) -> Span:
    """The month, or the calendar quarter or year that it lies in."""
    view = view if view in MONTHS else "month"
    count = MONTHS[view]
    first = month.replace(month=(month.month - 1) // count * count + 1)
    following = _months_on(first, count)
    before = _months_on(first, -count)
    return Span(
        view,
        first,
        following - dt.timedelta(1),
        before if before.year >= FIRST_YEAR else None,
        following if following.year <= LAST_YEAR else None,
        [_months_on(first, number) for number in range(count)],
    )


def _months_on(first: dt.date, count: int) -> dt.date:
    year, month = divmod(first.year * 12 + first.month - 1 + count, 12)
    return dt.date(year, month + 1, 1)


def weeks_of(span: Span, rows: Iterable[Any], first_weekday: int = 0) -> list[Week]:
    """Whole weeks around a month; each activity stands once in each week that it touches, longest first in the upper lanes."""
    days = list(calendar.Calendar(first_weekday).itermonthdates(span.first.year, span.first.month))
    ordered = sorted(rows, key=lambda row: (row.starts_on, -(row.due_on - row.starts_on).days, row.pk))
    return [_week(days[at : at + 7], ordered) for at in range(0, len(days), 7)]


def _week(days: list[dt.date], rows: Sequence[Any]) -> Week:
    taken: list[int] = [0] * LANES  # the last column that each lane is filled to
    bars, hidden = [], 0
    for row in rows:
        if row.starts_on > days[-1] or row.due_on < days[0]:
            continue
        start = max(0, (row.starts_on - days[0]).days) + 1
        end = min(6, (row.due_on - days[0]).days) + 1
        lane = next((number for number, until in enumerate(taken) if until < start), None)
        if lane is None:
            hidden += 1
            continue
        taken[lane] = end
        bars.append(Bar(row, start, end - start + 1, lane + 1, row.starts_on >= days[0], row.due_on <= days[-1]))
    return Week(days, bars, hidden)


def lines_of(span: Span, rows: Iterable[Any]) -> list[Line]:
    """Each activity that touches the span, cut at its edges."""
    found = []
    for row in sorted(rows, key=lambda row: (row.starts_on, row.due_on, row.pk)):
        if row.starts_on > span.last or row.due_on < span.first:
            continue
        start = max(0, (row.starts_on - span.first).days)
        end = min(span.length - 1, (row.due_on - span.first).days)
        found.append(Line(row, start, end - start + 1))
    return found
