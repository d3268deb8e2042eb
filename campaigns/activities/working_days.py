"""Days on which people are at work in a country: no weekend there, no public holiday."""

from __future__ import annotations

import datetime as dt

from campaigns.mailings.calendars import day_of

LONGEST_BREAK = 21


def at_work(day: dt.date, country: str | None) -> dt.date:
    """That day, or the first one after it on which people are at work; without a country, Saturday and Sunday are free."""
    for later in range(LONGEST_BREAK):
        there = day + dt.timedelta(later)
        is_free, holiday = day_of(country, there) if country else (there.weekday() >= 5, "")
        if not is_free and not holiday:
            return there
    return day


def begins(day: dt.date, country: str | None, not_before: list[dt.date]) -> dt.date:
    """The first day at work from `day` on that is not before any of the others."""
    return at_work(max([day, *not_before]), country)
