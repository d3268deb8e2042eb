"""The calendar entry that goes with a letter (RFC 5545, sent as RFC 5546 and 6047 say).

One UID for each seat. A change of time or place is the same entry with a higher SEQUENCE; so is a seat that was given back, with
METHOD:CANCEL. Times are UTC: no rule of a time zone is needed, and none can be wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from icalendar import Calendar, vCalAddress, vText
from icalendar import Event as Entry

from campaigns.events.models import Event, Registration
from campaigns.interactions.words import harmless, one_line

Method = Literal["REQUEST", "CANCEL"]
MOST_TEXT = 2_000


def entry(
    *,
    event: Event,
    registration: Registration,
    method: Method,
    sequence: int,
    organizer: tuple[str, str],
    language: str,
    url: str,
    now: datetime,
) -> bytes:
    """organizer: (name, address). url: of the guest's own page."""
    made = Calendar()
    made.add("prodid", "-//Groundswell//Events//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", method)
    row = Entry()
    row.add("uid", uid_of(registration))
    row.add("dtstamp", _utc(now))
    row.add("sequence", sequence)
    row.add("dtstart", _utc(event.starts_at))
    row.add("dtend", _utc(event.ends_at))
    row.add("summary", one_line(event.label))
    row.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    row.add("transp", "OPAQUE")
    if place := one_line(event.place) or event.online_url:
        row.add("location", place)
    if text := harmless("\n\n".join(part for part in (event.text(language), event.online_url) if part))[:MOST_TEXT]:
        row.add("description", text)
    if url:
        row.add("url", url)
    name, address = organizer
    row.add("organizer", _address(address, name))
    guest = _address(registration.email, registration.name)
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("ACCEPTED" if method == "REQUEST" else "DECLINED")
    guest.params["RSVP"] = vText("FALSE")
    row.add("attendee", guest)
    made.add_component(row)
    return bytes(made.to_ical())


def uid_of(registration: Registration) -> str:
    return f"seat-{registration.uid}@groundswell"


def _address(email: str, name: str) -> vCalAddress:
    made = vCalAddress(f"mailto:{email}")
    made.params["CN"] = vText(one_line(name).replace('"', "”"))
    return made


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
