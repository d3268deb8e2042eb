"""How numbers, times and names read on screens, in the reader's language and time zone (by Babel, from CLDR)."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

NBSP = "\u00a0"
MINUTE, HOUR, DAY = 60, 3600, 86400


def current_locale() -> Locale:
    """The reader's locale; plain English means British order of day and month."""
    return _locale_of(translation.get_language() or "en")


# A page writes the same days and numbers again and again, and Babel reads its patterns anew each time: what has been written
# once is kept. Each is a function of its arguments alone, the locale among them.
@lru_cache(maxsize=64)
def _locale_of(tag: str) -> Locale:
    try:
        return Locale.parse("en_GB" if tag == "en" else tag, sep="-" if "-" in tag else "_")
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")


def number(value: int | float | Decimal | None, *, digits: int = 0) -> str:
    """12345 → "12,345"; nothing known reads as a dash."""
    if value is None:
        return "–"
    return _decimal(value, "#,##0" if not digits else f"#,##0.{'0' * digits}", current_locale())


@lru_cache(maxsize=4096, typed=True)
def _decimal(value: int | float | Decimal, pattern: str, locale: Locale) -> str:
    return format_decimal(value, format=pattern, locale=locale)


def percent(value: float | Decimal | None, *, digits: int = 1) -> str:
    """6.7 → "6.7 %". The value is in percent already, as it was measured; a trailing ".0" goes."""
    if value is None:
        return "–"
    pattern = "#,##0" + (f".{'#' * digits}" if digits else "")
    return f"{_decimal(value, pattern, current_locale())}{NBSP}%"


def share(part: int | None, whole: int | None) -> str:
    """412 of 6120 → "6.7 %"; of nothing → a dash."""
    if part is None or not whole:
        return "–"
    return percent(100 * part / whole)


def size(octets: int) -> str:
    """38912 → "38 KB"."""
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if octets >= scale:
            return f"{number(octets / scale, digits=0 if octets >= 10 * scale else 1)}{NBSP}{unit}"
    return f"{octets}{NBSP}B"


def duration(seconds: float | None) -> str:
    """7800 → "2 h 10 min": the two largest units, which is all that a reader uses."""
    if seconds is None:
        return "–"
    seconds = max(0, round(seconds))
    if seconds < MINUTE:
        return gettext("%(n)s s") % {"n": seconds}
    if seconds < HOUR:
        return gettext("%(n)s min") % {"n": round(seconds / MINUTE)}
    if seconds < DAY:
        hours, minutes = divmod(round(seconds / MINUTE), 60)
        if minutes:
            return gettext("%(h)s h %(m)s min") % {"h": hours, "m": minutes}
        return gettext("%(n)s h") % {"n": hours}
    days = round(seconds / DAY)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def relative(at: dt.datetime, *, now: dt.datetime | None = None) -> str:
    """When something was or will be, as one says it: "5 min ago", "yesterday", "in 2 h 10 min", "3 Sept"."""
    now = now or timezone.now()
    gap = (now - at).total_seconds()
    days = (timezone.localtime(now).date() - timezone.localtime(at).date()).days
    if abs(gap) < 45:  # two clocks differ by a second
        return gettext("just now") if gap > -2 else gettext("in a moment")
    if abs(gap) < 6 * HOUR or days == 0:
        text = gettext("%(time)s ago") if gap > 0 else gettext("in %(time)s")
        return text % {"time": duration(abs(gap))}
    if days == 1:
        return gettext("yesterday")
    if days == -1:
        return gettext("tomorrow, %(time)s") % {"time": clock(at)}
    if 1 < days < 7:
        return gettext("%(n)s days ago") % {"n": days}
    if -7 < days < -1:
        return gettext("in %(n)s days") % {"n": -days}
    return day(at, now=now)


def day(value: dt.date | dt.datetime, *, now: dt.datetime | None = None) -> str:
    """ "23 Nov", with its year when it is another one."""
    today = timezone.localdate(now)
    date = timezone.localtime(value).date() if isinstance(value, dt.datetime) else value
    return _by_skeleton("MMMd" if date.year == today.year else "yMMMd", date, current_locale())


def long_day(value: dt.date) -> str:
    """ "Monday 23 November"."""
    text = _by_skeleton("MMMMEEEEd", value, current_locale())
    return text.replace(", ", " ") if current_locale().language == "en" else text


def month(value: dt.date, *, short: bool = False) -> str:
    """ "November 2026", or "Nov"."""
    return format_date(value, "LLL" if short else "LLLL y", locale=current_locale())


def weekday(value: dt.date) -> str:
    """ "Mon"."""
    return format_date(value, "ccc", locale=current_locale())


def clock(at: dt.datetime) -> str:
    """ "14:05" in the zone that is active."""
    local = timezone.localtime(at)
    return _clock(local.hour, local.minute, current_locale())


def moment(at: dt.datetime, *, now: dt.datetime | None = None) -> str:
    """ "23 Nov, 14:05"."""
    return f"{day(at, now=now)}, {clock(at)}"


def full_moment(at: dt.datetime) -> str:
    """ "Monday, 23 November 2026 at 14:05 (Africa/Lusaka)": what stands behind a short time."""
    local = timezone.localtime(at)
    return f"{_full_day(local.date(), current_locale())}, {clock(at)} ({timezone.get_current_timezone_name()})"


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def isolated(text: str) -> str:
    """A name for the middle of a sentence: one that reads right to left does not turn the words beside it round (UAX #9, FSI … PDI)."""
    return f"\u2068{text}\u2069" if _RIGHT_TO_LEFT.search(text) else text


def listing(items: list[str]) -> str:
    """["a", "b", "c"] → "a, b and c", as the language does it."""
    return format_list([str(item) for item in items], locale=current_locale()) if items else ""


def initials(name: str) -> str:
    """ "Fatou Ndiaye" → "FN"; for scripts without initials the first letter."""
    words = [word for word in str(name).split() if unicodedata.category(word[0]).startswith("L")]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@lru_cache(maxsize=4096)
def _by_skeleton(skeleton: str, value: dt.date, locale: Locale) -> str:
    # skeletons format moments; at noon no zone conversion can turn the day
    return format_skeleton(skeleton, dt.datetime(value.year, value.month, value.day, 12), locale=locale)


@lru_cache(maxsize=4096)
def _full_day(value: dt.date, locale: Locale) -> str:
    return format_date(value, "full", locale=locale)


@lru_cache(maxsize=1440)
def _clock(hour: int, minute: int, locale: Locale) -> str:
    return format_time(dt.time(hour, minute), "HH:mm", locale=locale)
