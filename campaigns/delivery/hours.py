"""What the clock says where a mailing arrives: at night, at the weekend, on a holiday. Country by country, for pre-flight.

The zone is the country's (of a large one, that of its capital); weekend and holidays are the country's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.findings import OK, WARN, Finding
from campaigns.mailings.calendars import day_of
from campaigns.mailings.hours import Place, Turn, hours_of, places_of, turns, zone_of
from campaigns.mailings.models import Mailing
from campaigns.mailings.when import begins, explain, passed
from contacts.directory.models import Country
from crm.ui import formats

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


def hour_findings(mailing: Mailing, people: Mapping[str, int]) -> Iterable[Finding]:
    """Between which local times it arrives, and who gets it when nobody is at work. Nothing without a time to come."""
    if hours_of(mailing) is not None:
        yield from _by_their_clock(mailing, people)
        return
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


def turns_of(mailing: Mailing, people: Mapping[str, int], now: datetime) -> list[tuple[Place, Turn, int]]:
    """Each country of the audience with its turn and how many get it, in the order in which they come. One query."""
    found = turns(mailing, places_of(mailing, people), start=begins(mailing, now))
    return [(place, turn, people[place.code]) for place, turn in found]


def _by_their_clock(mailing: Mailing, people: Mapping[str, int]) -> Iterable[Finding]:
    """Of a mailing with hours: who gets it when, who waits for a working day, and for whom it is a bad hour all the same."""
    moment = timezone.now()
    found = turns_of(mailing, people, moment)
    rows = []
    for place, turn, count in found:
        local = turn.due.astimezone(zone_of(place.zone))
        is_weekend, holiday = day_of(place.code, local.date())
        rows.append(Arrival(place.name or _("elsewhere"), place.zone, local, count, is_weekend, holiday))
    for title, whom in _unlucky(rows):
        yield Finding(WARN, "moon", title, "; ".join(whom) + ".")
    said = explain(mailing, codes=people, now=moment)
    if said:
        places = [place for place, _turn, _count in found if place.code]
        kind = WARN if passed(mailing, places, begins(mailing, moment)) else OK
        yield Finding(kind, "world", said[0].rstrip("."), " ".join(said[1:]))


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
