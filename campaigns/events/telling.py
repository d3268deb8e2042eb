"""When and where an event is, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_location
from django.utils import translation

from campaigns.events.models import Event
from crm.ui.formats import current_locale


def zone_name(zone: str, locale: str | Locale) -> str:
    """“Geneva time” is said as the zone's city: Zurich, Dakar; UTC stays UTC."""
    if zone == "UTC":
        return zone
    return str(get_timezone_location(zone, locale=locale, return_city=True))


def locale_in(language: str) -> Locale:
    """The reader's own where no language is given."""
    if not language:
        return current_locale()
    with translation.override(language):
        return current_locale()


def when_of(event: Event, language: str = "") -> str:
    """Day, clock time and whose clock: “Tuesday, 9 June 2026, 09:00–17:00 (Geneva time)”."""
    locale = locale_in(language)
    first, last = event.starts_local, event.ends_local
    begin, end = _clock(first, locale), _clock(last, locale)
    where = zone_name(event.zone, locale)
    if first.date() == last.date():
        return f"{format_date(first.date(), 'full', locale=locale)}, {begin}–{end} ({where})"
    return f"{format_date(first.date(), 'full', locale=locale)}, {begin} – {format_date(last.date(), 'full', locale=locale)}, {end} ({where})"


def _clock(moment: datetime, locale: str | Locale) -> str:
    return str(format_time(moment.time(), "HH:mm", locale=locale))


def place_of(event: Event) -> str:
    return ", ".join(part for part in (event.place, event.country.label if event.country else "") if part)


@dataclass(frozen=True)
class Slot:
    """A session as people read it."""

    time: str
    title: str
    place: str


def sessions_of(event: Event, language: str = "") -> list[tuple[str, list[Slot]]]:
    """(day, its sessions in order)."""
    locale = locale_in(language)
    days: dict[str, list[Slot]] = {}
    for row in event.sessions.all():
        day = str(format_date(row.starts_local.date(), "full", locale=locale))
        time = f"{_clock(row.starts_local, locale)}–{_clock(row.ends_local, locale)}"
        days.setdefault(day, []).append(Slot(time, row.title, row.place))
    return list(days.items())
