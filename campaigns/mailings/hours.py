"""When each recipient may get a mailing, by the clock and the calendar where they are.

A mailing leaves for everybody at one moment, or when it is its time where each of them is. Besides, it may keep to hours of the
day, and skip weekends and national holidays: who cannot have it now waits for the next opening in their country.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.mailings.calendars import day_of
from campaigns.mailings.models import Mailing
from contacts.directory.models import Country

MOST_DAYS = 60  # nowhere are so many days in a row closed
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Turn:
    """From when on a country's recipients get it; `closes`: until when, if the rest must wait for another day."""

    due: datetime
    closes: datetime | None = None


@dataclass(frozen=True)
class Place:
    """Where recipients are. code: of the country, empty for those whose country is not known."""

    code: str
    name: str
    zone: str

    @property
    def city(self) -> str:
        """The zone's, as it may be shown."""
        return self.zone.rpartition("/")[2].replace("_", " ")


@dataclass(frozen=True)
class Hours:
    """A mailing's rules. local: the wall clock at which each gets it; opens, closes: hours of their day."""

    local: datetime | None = None
    opens: time | None = None
    closes: time | None = None
    weekends: bool = False  # skipped
    holidays: bool = False  # skipped

    @property
    def skips_days(self) -> bool:
        return self.weekends or self.holidays

    def is_closed(self, code: str, day: date) -> bool:
        """Whether nothing arrives there on this day."""
        if not self.skips_days:
            return False
        is_weekend, holiday = day_of(code, day)
        return (self.weekends and is_weekend) or (self.holidays and holiday != "")

    def turn(self, start: datetime, place: Place) -> Turn:
        """The first opening at `place` that is not before `start` (UTC)."""
        zone = zone_of(place.zone)
        day = start.astimezone(zone).date()
        if self.local is not None:
            day = max(day, self.local.date())
        for _number in range(MOST_DAYS):
            if not self.is_closed(place.code, day) and (due := self._due(day, start, zone)) is not None:
                end = self._end(day, zone)
                return Turn(due, end if end and end > due else None)  # a day whose clocks change may swallow its end
            day += _ONE_DAY
        return Turn(start)

    def _due(self, day: date, start: datetime, zone: ZoneInfo) -> datetime | None:
        """The moment of an open day at which it may begin; None when the day has none left."""
        if self.local is not None:
            due = to_utc(day, self.local.time(), zone)
            return due if due >= start else None
        due = max(start, to_utc(day, self.opens or time.min, zone))
        end = self._end(day, zone)
        return due if end is None or due < end else None

    def _end(self, day: date, zone: ZoneInfo) -> datetime | None:
        if self.closes is not None:
            return to_utc(day, self.closes, zone)
        return to_utc(day + _ONE_DAY, time.min, zone) if self.skips_days else None


def to_utc(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """UTC of a wall clock, as RFC 5545 (3.3.5) has it: a time that comes twice is meant the first time; one that is skipped is
    read by the clock before the change, so that 02:30 becomes 03:30."""
    return datetime.combine(day, clock, zone).replace(fold=0).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def hours_of(mailing: Mailing) -> Hours | None:
    """A mailing's rules; None when it leaves at one moment, whatever the hour is anywhere."""
    found = Hours(
        local=mailing.send_local.replace(tzinfo=None) if mailing.sends_local and mailing.send_local else None,
        opens=mailing.hours_from,
        closes=mailing.hours_until,
        weekends=mailing.skips_weekends,
        holidays=mailing.skips_holidays,
    )
    return None if found == Hours() else found


def places_of(mailing: Mailing, codes: Collection[str] | None = None, *, everywhere: bool = False) -> list[Place]:
    """Where its recipients may be, and last the place of those whose country is not known.

    codes: only these countries, by default those of its scope; everywhere: all there are.
    """
    wanted = None if everywhere else mailing.scope_countries if codes is None else codes
    rows = Country.objects.all() if wanted is None else Country.objects.filter(code__in=wanted)
    known = [Place(row.code, row.label, row.time_zone) for row in rows]
    return [*known, Place("", "", mailing.send_zone)] if codes is None or "" in codes else known


def turns(mailing: Mailing, places: Iterable[Place], *, start: datetime | None = None) -> list[tuple[Place, Turn]]:
    """Each place with its turn, in the order in which they come. start: by default when the mailing begins to leave."""
    hours = hours_of(mailing) or Hours()
    begin = start or mailing.send_at
    if begin is None:
        return []
    found = [(place, hours.turn(begin, place)) for place in places]
    return sorted(found, key=lambda one: (one[1].due, one[0].name))


def span(local: datetime, places: Iterable[Place]) -> tuple[datetime, datetime]:
    """When it is this wall clock first and last, weekends and holidays apart."""
    moments = [to_utc(local.date(), local.time(), zone_of(place.zone)) for place in places]
    return min(moments), max(moments)
