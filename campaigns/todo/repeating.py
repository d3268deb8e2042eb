"""When a task that repeats is due again. Counted from its first day, so that the 31st stays the last of each month."""

from __future__ import annotations

from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

_STEPS = {
    "day": relativedelta(days=1),
    "week": relativedelta(weeks=1),
    "fortnight": relativedelta(weeks=2),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 31, "quarter": 92, "year": 366}


def next_day(*, repeat: str, anchor: date, after: date) -> date:
    """The first day of the rhythm that begins on `anchor` and lies behind `after`. A 31st of a shorter month is its last day."""
    if after < anchor:
        return anchor
    number = max(
        0, (after - anchor) // timedelta(days=_DAYS[repeat])
    )  # never too far: the longest month was taken for all
    while (day := anchor + _STEPS[repeat] * number) <= after:
        number += 1
    return day
