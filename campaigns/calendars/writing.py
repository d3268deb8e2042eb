"""A feed as RFC 5545 text. Days are days (VALUE=DATE), moments are UTC: no rule of a time zone is needed, and none can be wrong.

UIDs are those of the rows, so that a calendar updates what it has; DTSTAMP is when the row last changed, so that a feed that says the
same is the same, byte for byte. The library folds lines at 75 octets and escapes texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from campaigns.interactions.words import harmless, one_line

REFRESH = timedelta(hours=1)
MOST_TEXT = 2_000  # characters of a description: calendars cut it anyway


@dataclass(frozen=True)
class Item:
    """One entry. Days: `first` to `last`, both included; or a moment with `ends`. is_busy: it takes time of its owner."""

    uid: UUID
    kind: str
    title: str
    changed_at: datetime
    first: date | datetime
    last: date | datetime | None = None
    text: str = ""
    url: str = ""
    place: str = ""
    is_done: bool = False
    is_busy: bool = False


def calendar(name: str, items: Iterable[Item]) -> bytes:
    """The whole feed. name: as calendars list it."""
    made = Calendar()
    made.add("prodid", "-//Groundswell//Calendar feed//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    made.add("name", one_line(name))  # RFC 7986
    made.add("x-wr-calname", one_line(name))  # what most programs read
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT1H")  # what RFC 7986 calls refresh-interval, for older programs
    for item in items:
        made.add_component(_event(item))
    return bytes(made.to_ical())


def _event(item: Item) -> Event:
    event = Event()
    event.add("uid", f"{item.kind}-{item.uid}@groundswell")
    event.add("dtstamp", _utc(item.changed_at))
    event.add("last-modified", _utc(item.changed_at))
    event.add("summary", one_line(item.title))
    first, last = item.first, item.last or item.first
    if isinstance(first, datetime) and isinstance(last, datetime):
        event.add("dtstart", _utc(first))
        event.add("dtend", _utc(max(first, last)))
    else:
        event.add("dtstart", first)
        event.add("dtend", last + timedelta(days=1))  # the end of a day entry is the day after
    event.add("transp", "OPAQUE" if item.is_busy else "TRANSPARENT")
    event.add("status", "CONFIRMED")
    event.add("categories", [item.kind])
    if item.text:
        event.add("description", harmless(item.text)[:MOST_TEXT])
    if item.place:
        event.add("location", one_line(item.place))
    if item.url:
        event.add("url", item.url)
    return event


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
