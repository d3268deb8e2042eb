"""What the clock says where a mailing arrives: at night, at the weekend, on a holiday. Country by country, for pre-flight.

The zone is the country's (of a large one, that of its capital); weekend and holidays are the country's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.findings import OK, WARN, Finding
from campaigns.mailings.models import Mailing
from contacts.directory.models import Country
from crm.ui import formats

logger = logging.getLogger(__name__)
MORNING, EVENING = 7, 20  # before and from then on it is night
SHOWN = 5


@dataclass(frozen=True)
class Arrival:
    """One country: when it is there, and how many get it. holiday: its name, empty on a common day."""

    country: str
    zone: str
    local: datetime
    people: int
    is_weekend: bool
    holiday: str

    @property
    def is_night(self) -> bool:
        return not MORNING <= self.local.hour < EVENING

    @property
    def place(self) -> str:
        """The zone's city, as it may be shown."""
        return self.zone.rpartition("/")[2].replace("_", " ")


def arrivals(moment: datetime, people: Mapping[str, int]) -> list[Arrival]:
    """By country code → how many, from east to west. One query; a country without a zone is left out."""
    found = []
    for country in Country.objects.filter(code__in=people):
        try:
            local = moment.astimezone(ZoneInfo(country.time_zone))
        except (KeyError, ValueError, OSError):
            continue
        is_weekend, holiday = day_of(country.code, local.date())
        found.append(Arrival(country.name, country.time_zone, local, people[country.code], is_weekend, holiday))
    # as the sun goes: from the clocks that are ahead to those that are behind
    return sorted(found, key=lambda one: (-(one.local.utcoffset() or timedelta()), one.country))


@lru_cache(maxsize=1024)
def day_of(code: str, day: date) -> tuple[bool, str]:
    """Whether a day is a weekend there, and the holiday that it is. Where holidays are not known, none is."""
    import holidays  # calendars of all countries, only when somebody plans a mailing

    try:
        known = holidays.country_holidays(code, years=day.year, language="en_US")
    except NotImplementedError:
        return day.weekday() >= 5, ""
    except Exception:  # a calendar that cannot be computed must not keep anybody from pre-flight
        logger.exception("The holidays of %s in %s cannot be computed.", code, day.year)
        return day.weekday() >= 5, ""
    return day.weekday() in known.weekend, known.get(day, "") or ""


def hour_findings(mailing: Mailing, people: Mapping[str, int]) -> Iterable[Finding]:
    """Between which local times it arrives, and who gets it when nobody is at work. Nothing without a time to come."""
    if mailing.send_at is None or mailing.send_at <= timezone.now():
        return
    found = arrivals(mailing.send_at, people)
    if not found:
        return
    for title, whom in _unlucky(found):
        yield Finding(WARN, "moon", title, "; ".join(whom) + ".")
    if len(found) > 1 and found[0].local.utcoffset() != found[-1].local.utcoffset():
        yield Finding(
            OK,
            "clock",
            _("It arrives between %(first)s in %(there)s and %(last)s in %(here)s")
            % {
                "first": _when(found[0]),
                "there": found[0].place,
                "last": _when(found[-1]),
                "here": found[-1].place,
            },
            _("Everybody gets it at the same moment, in %(n)s countries. The zone of a large country is its capital’s.")
            % {"n": len(found)},
        )


def _unlucky(found: list[Arrival]) -> Iterable[tuple[str, list[str]]]:
    """Night first, then holidays, then weekends: a country stands in one of them."""
    night = [one for one in found if one.is_night]
    holiday = [one for one in found if one.holiday and not one.is_night]
    weekend = [one for one in found if one.is_weekend and not one.holiday and not one.is_night]
    for rows, singular, plural in (
        (night, _("It is night for %(n)s person"), _("It is night for %(n)s people")),
        (holiday, _("It is a holiday for %(n)s person"), _("It is a holiday for %(n)s people")),
        (weekend, _("It is the weekend for %(n)s person"), _("It is the weekend for %(n)s people")),
    ):
        if not rows:
            continue
        count = sum(one.people for one in rows)
        shown = sorted(rows, key=lambda one: (-one.people, one.country))[:SHOWN]
        words = [f"{one.country}: {_when(one) if one.is_night else one.holiday or _when(one)}" for one in shown]
        if len(rows) > SHOWN:
            words.append(
                ngettext("and %(n)s country more", "and %(n)s countries more", len(rows) - SHOWN)
                % {"n": len(rows) - SHOWN}
            )
        yield (singular if count == 1 else plural) % {"n": formats.number(count)}, words


def _when(one: Arrival) -> str:
    """Day and clock there: what stands on a wall, so it is written without a zone."""
    return f"{format_date(one.local.date(), 'EEE', locale=formats.current_locale())} {one.local:%H:%M}"
