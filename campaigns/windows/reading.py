"""Windows out of what somebody pasted or uploaded: a calendar file (RFC 5545) or a table. What cannot be read is said by line.

Nothing is lost: `Read.rest` is the text of what was refused, ready to be mended and read again.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dateutil.rrule import rrulestr
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar.prop import vRecur

from campaigns.interactions.words import harmless, one_line
from campaigns.windows.leads import Lead, read_leads
from campaigns.windows.models import Kind
from contacts.directory.models import Country
from crm.errors import Invalid
from crm.ui.searchtext import normalise

LARGEST = 1_000_000  # characters
AHEAD = dt.timedelta(days=760)  # of events that repeat
OCCURRENCES = 12
EARLIEST, LATEST = dt.date(1990, 1, 1), dt.date(2100, 12, 31)
HEADS = {
    "country": {"country", "pays", "pais", "iso", "country code"},
    "name": {"name", "title", "summary", "window", "what", "event", "nom", "nombre"},
    "kind": {"kind", "type", "category"},
    "starts_on": {"from", "date", "start", "starts on", "starts", "day", "begin", "du"},
    "ends_on": {"until", "to", "end", "ends on", "ends", "au"},
    "note": {"note", "notes", "description"},
    "link": {"link", "url", "website"},
    "leads": {"lead times", "leads", "lead", "before"},
    "expected": {"expected", "tentative", "unsure"},
}
KINDS = {
    Kind.BUDGET: ("budget", "finance bill", "appropriation"),
    Kind.ELECTION: ("election", "ballot", "poll"),
    Kind.ANNIVERSARY: ("anniversary", "world day", "international day"),
    Kind.SESSION: ("session", "conference", "summit", "assembly", "congress", "meeting", "forum"),
}


@dataclass(frozen=True)
class Found:
    """One window as it stands in the text."""

    name: str
    starts_on: dt.date
    ends_on: dt.date
    kind: str = Kind.OTHER
    country: Country | None = None
    note: str = ""
    link: str = ""
    is_expected: bool = False
    external_id: str = ""
    leads: tuple[Lead, ...] = ()

    def dates(self) -> dict[str, Any]:
        """What moves when its event moved."""
        return {"starts_on": self.starts_on, "ends_on": self.ends_on, "name": self.name}


@dataclass(frozen=True)
class Wrong:
    """One that could not be read: the line on which it begins, and why."""

    line: int
    text: str
    why: str


@dataclass
class Read:
    origin: str
    found: list[Found] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    rest: str = ""


class Places:
    """Countries by code and by each of their names. One query."""

    def __init__(self) -> None:
        self._by_name: dict[str, Country] = {}
        for country in Country.objects.all():
            for name in (country.code, country.name, *map(str, country.names.values())):
                self._by_name.setdefault(normalise(name), country)

    def find(self, text: str) -> Country | None:
        return self._by_name.get(normalise(text)) if text.strip() else None

    def inside(self, text: str) -> Country | None:
        """The country that a place names, such as "Parliament House, Lusaka, Zambia"."""
        for part in [text, *reversed(text.replace(";", ",").split(","))]:
            if found := self.find(part):
                return found
        return None


def decode(content: bytes) -> str:
    """UTF-8 (with or without its mark), UTF-16 with its mark, else Windows-1252, which reads any bytes."""
    for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("cp1252", errors="replace")


def read(text: str, *, country: Country | None, kind: str, today: dt.date) -> Read:
    """country, kind: of what does not say its own. Raises Invalid for what is neither a calendar nor a table."""
    if len(text) > LARGEST:
        raise Invalid(_("This has more than a million characters. Nothing was saved; bring it in parts."), field="text")
    if not text.strip():
        raise Invalid(_("Paste something, or choose a file."), field="text")
    if "BEGIN:VCALENDAR" in text[:2000].upper() or "BEGIN:VEVENT" in text[:2000].upper():
        return _read_ics(text, country, kind, today)
    return _read_table(text, country, kind)


def kind_in(text: str, otherwise: str) -> str:
    words = text.lower()
    for kind, signs in KINDS.items():
        if words.strip() in {kind.value, str(kind.label).lower()} or any(sign in words for sign in signs):
            return kind.value
    return otherwise


# --- tables -----------------------------------------------------------------------------------------------------------
def _read_table(text: str, country: Country | None, kind: str) -> Read:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n")
    separator = max(";\t,", key=lines[0].count)
    heads = _heads(lines[0], separator)
    result, places = Read("csv"), Places()
    kept: list[str] = []
    for number, raw, cells in _rows(lines, separator):
        values = {name: cells[at].strip() for name, at in heads.items() if at < len(cells)}
        try:
            result.found.append(_row(values, places, country, kind))
        except ValueError as error:
            result.wrong.append(Wrong(number, raw[:200], str(error)))
            kept.append(raw)
    result.rest = "\n".join([lines[0], *kept]) if kept else ""
    if not result.found and not result.wrong:
        raise Invalid(
            _("There is a line with names of columns, and nothing below it. Nothing was saved."), field="text"
        )
    return result


def _heads(line: str, separator: str) -> dict[str, int]:
    cells = next(csv.reader([line], delimiter=separator), [])
    found: dict[str, int] = {}
    for at, cell in enumerate(cells):
        for name, words in HEADS.items():
            if normalise(cell) in words and name not in found:
                found[name] = at
    labels = {"name": _("name"), "starts_on": _("from")}
    if missing := [label for name, label in labels.items() if name not in found]:
        raise Invalid(
            _("The first line must name the columns; “%(missing)s” is missing there. Columns that are known: country, name, kind, from, until, note, link, lead times, expected. Nothing was saved.")
            % {"missing": "”, “".join(missing)},
            field="text",
        )  # fmt: skip
    return found


def _rows(lines: list[str], separator: str) -> Iterator[tuple[int, str, list[str]]]:
    """(number of its first line, its text, its cells); a cell in quotes may go over several lines."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator)
    start = 0
    for cells in reader:
        first, start = start + 1, reader.line_num
        if first > 1 and any(cell.strip() for cell in cells):
            yield first, "\n".join(lines[first - 1 : reader.line_num]), cells


def _row(values: Mapping[str, str], places: Places, country: Country | None, kind: str) -> Found:
    name = one_line(values.get("name", ""))
    if not name:
        raise ValueError(_("it has no name"))
    starts_on = _day(values.get("starts_on", ""))
    ends_on = _day(values["ends_on"]) if values.get("ends_on") else starts_on
    if ends_on < starts_on:
        raise ValueError(_("it ends before it begins"))
    where = country
    if said := values.get("country", ""):
        where = places.find(said)
        if where is None:
            raise ValueError(_("no country is called “%(name)s”") % {"name": said[:60]})
    try:
        leads = tuple(read_leads(values.get("leads", "").replace(";", "\n").replace("|", "\n")))
    except Invalid as error:
        raise ValueError(error.message) from error
    return Found(
        name=name, starts_on=starts_on, ends_on=ends_on, country=where, note=harmless(values.get("note", "")),
        kind=kind_in(values.get("kind", "") or name, kind), link=_link(values.get("link", "")), leads=leads,
        is_expected=values.get("expected", "").lower() in {"yes", "y", "1", "true", "x", "expected"},
    )  # fmt: skip


def _day(text: str) -> dt.date:
    """2027-02-10, or 10.02.2027 with the day first; 02/10/2027 could be two days, so it is refused."""
    text = text.strip()
    for shape in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d %B %Y", "%d %b %Y"):
        try:
            return _within(dt.datetime.strptime(text, shape).date())  # noqa: DTZ007 a day has no zone
        except ValueError:
            continue
    raise ValueError(_("“%(text)s” is no day as it is read here: 2027-02-10 or 10.02.2027") % {"text": text[:40]})


def _within(day: dt.date) -> dt.date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(_("the day is before 1990 or after 2100"))
    return day


def _link(text: str) -> str:
    if not text:
        return ""
    try:
        URLValidator(schemes=["http", "https"])(text)
    except ValidationError as error:
        raise ValueError(_("the link is no web address")) from error
    if len(text) > 1000:
        raise ValueError(_("the link is too long"))
    return text


# --- calendars --------------------------------------------------------------------------------------------------------
def _read_ics(text: str, country: Country | None, kind: str, today: dt.date) -> Read:
    """Event by event, so that one that is broken keeps none of the others out."""
    result, places = Read("ics"), Places()
    kept: list[str] = []
    for number, block in _events(text):
        try:
            result.found += _event(block, places, country, kind, today)
        except ValueError as error:
            result.wrong.append(Wrong(number, _summary(block), str(error)))
            kept.append(block)
    if kept:
        result.rest = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *kept, "END:VCALENDAR"])
    if not result.found and not result.wrong:
        raise Invalid(_("There is no event in this calendar. Nothing was saved."), field="text")
    return result


def _events(text: str) -> Iterator[tuple[int, str]]:
    begun, block = 0, list[str]()
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip().upper() == "BEGIN:VEVENT":
            begun, block = number, []
        if begun:
            block.append(line)
        if begun and line.strip().upper() == "END:VEVENT":
            yield begun, "\n".join(block)
            begun = 0
    if begun:
        yield begun, "\n".join([*block, "END:VEVENT"])


def _summary(block: str) -> str:
    return next((line[8:].strip() for line in block.split("\n") if line.upper().startswith("SUMMARY:")), "")[:200]


def _event(block: str, places: Places, country: Country | None, kind: str, today: dt.date) -> list[Found]:
    try:
        calendar = Calendar.from_ical(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-\r\n{block}\r\nEND:VCALENDAR\r\n")
        event = calendar.walk("VEVENT")[0]
        start = _date(event.get("DTSTART"))
        end = _date(event.get("DTEND"))
        rule = event.get("RRULE")
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(_("it is no event as RFC 5545 writes one")) from error
    name = one_line(str(event.get("SUMMARY", "")))
    if not name:
        raise ValueError(_("it has no name"))
    if start is None:
        raise ValueError(_("it does not say when it begins"))
    if end is not None and not isinstance(event.decoded("DTEND"), dt.datetime):
        end -= dt.timedelta(days=1)  # of whole days, the end is the day after
    length = max((end - start).days, 0) if end else 0
    words = " ".join([name, *_categories(event)])
    link = str(event.get("URL", "")).strip()
    uid = one_line(str(event.get("UID", "")), most=300)
    common: dict[str, Any] = {
        "name": name, "kind": kind_in(words, kind), "note": harmless(str(event.get("DESCRIPTION", "")))[:20_000],
        "country": places.inside(str(event.get("LOCATION", ""))) or country, "link": _link(link) if link else "",
        "is_expected": str(event.get("STATUS", "")).upper() == "TENTATIVE",
    }  # fmt: skip
    days = _repeated(start, rule, today) if rule is not None else [start]
    return [
        Found(
            starts_on=_within(day), ends_on=_within(day + dt.timedelta(days=length)),
            external_id=(f"{uid}/{day.isoformat()}" if rule is not None else uid) if uid else "", **common,
        )
        for day in days
    ]  # fmt: skip


def _date(value: Any) -> dt.date | None:
    if value is None:
        return None
    day = value.dt
    return day.date() if isinstance(day, dt.datetime) else day


def _categories(event: Any) -> list[str]:
    found = event.get("CATEGORIES", [])
    return [
        str(each) for group in (found if isinstance(found, list) else [found]) for each in getattr(group, "cats", [])
    ]


def _repeated(start: dt.date, rule: Any, today: dt.date) -> list[dt.date]:
    """The days ahead of an event that repeats, within two years."""
    if not isinstance(rule, vRecur) or str(rule.get("FREQ", [""])[0]) not in {"YEARLY", "MONTHLY"}:
        raise ValueError(_("it repeats by days or weeks, or in several ways; enter its days one by one"))
    last = min((_plain_day(value) for value in rule.get("UNTIL", [])), default=LATEST)
    try:
        times = rrulestr(_rule_text(rule), dtstart=dt.datetime.combine(start, dt.time()))
        first = dt.datetime.combine(max(today, start), dt.time())
        found = [moment.date() for moment in times.between(first, first + AHEAD, inc=True)]
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(_("how it repeats cannot be read")) from error
    days = [day for day in found if day <= last][:OCCURRENCES]
    if not days:
        raise ValueError(_("it is over: none of its days lies ahead"))
    return days


def _plain_day(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _rule_text(rule: vRecur) -> str:
    """Without its end, which may have a zone where the days that are counted have none."""
    return ";".join(f"{key}={','.join(map(str, values))}" for key, values in rule.items() if key != "UNTIL")
