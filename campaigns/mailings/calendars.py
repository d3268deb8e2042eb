"""Weekends and national holidays, country by country."""

from __future__ import annotations

import logging
from datetime import date
from functools import lru_cache
from typing import Any

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1024)
def _calendar(code: str, year: int) -> Any:
    """A country's year; None where nobody keeps one."""
    import holidays  # calendars of all countries, only when somebody plans a mailing

    try:
        return holidays.country_holidays(code, years=year, language="en_US")
    except NotImplementedError:
        return None
    except (
        Exception
    ):  # a calendar that cannot be computed must not keep anybody from pre-flight, nor a mailing from leaving
        logger.exception("The holidays of %s in %s cannot be computed.", code, year)
        return None


@lru_cache(maxsize=4096)
def day_of(code: str, day: date) -> tuple[bool, str]:
    """Whether a day is a weekend there, and the holiday that it is. Where no calendar is known, Saturday and Sunday are."""
    known = _calendar(code, day.year)
    if known is None:
        return day.weekday() >= 5, ""
    return day.weekday() in known.weekend, known.get(day, "") or ""
