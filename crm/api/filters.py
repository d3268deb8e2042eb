"""Query parameters that narrow a list. Each says what it is called, what it takes and what it does; the schema is made of them.

A parameter that a list does not know is refused: a mistyped filter must not give everybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.api.problems import bad_query

Apply = Callable[[Any, Any, User], Any]
MOST_VALUES, LONGEST = 100, 20_000


@dataclass(frozen=True)
class Filter:
    name: str
    about: str
    apply: Apply
    read: Callable[[str, str], Any]
    schema: dict[str, Any]
    many: bool = False
    example: Any = None
    choices: Sequence[str] = field(default=())


def text(name: str, about: str, apply: Apply, *, example: str | None = None) -> Filter:
    """Words; at most 200 letters."""
    return Filter(name, about, apply, _text, {"type": "string", "maxLength": 200}, example=example)


def codes(name: str, about: str, apply: Apply, *, pattern: str = "^[A-Za-z0-9_-]{1,40}$", example: str = "") -> Filter:
    """One or several codes, repeated or with commas between."""
    item = {"type": "string", "pattern": pattern}
    return Filter(name, about, apply, _code(pattern), {"type": "array", "items": item}, many=True, example=[example])


def choice(name: str, about: str, values: Sequence[str], apply: Apply) -> Filter:
    def read(given: str, value: str) -> str:
        if value not in values:
            raise bad_query(
                given, _("“%(name)s” is one of: %(values)s.") % {"name": given, "values": ", ".join(values)}
            )
        return value

    return Filter(
        name, about, apply, read, {"type": "array", "items": {"type": "string", "enum": list(values)}}, many=True,
        choices=values,
    )  # fmt: skip


def uid(name: str, about: str, apply: Apply) -> Filter:
    return Filter(name, about, apply, _uid, {"type": "string", "format": "uuid"})


def flag(name: str, about: str, apply: Apply) -> Filter:
    return Filter(name, about, apply, _flag, {"type": "boolean"})


def moment(name: str, about: str, apply: Apply) -> Filter:
    """A time with its offset, as RFC 3339 has it."""
    return Filter(name, about, apply, _moment, {"type": "string", "format": "date-time"})


def day(name: str, about: str, apply: Apply) -> Filter:
    return Filter(name, about, apply, _day, {"type": "string", "format": "date"})


def rules(name: str, about: str, apply: Apply, example: Any) -> Filter:
    """JSON in a parameter."""
    return Filter(
        name, about, apply, _json, {"type": "string", "contentMediaType": "application/json"}, example=example
    )


def narrow(rows: Any, filters: Sequence[Filter], given: dict[str, list[str]], user: User) -> Any:
    """`rows` under every filter that was given."""
    known = {item.name: item for item in filters}
    for name, values in given.items():
        item = known.get(name)
        if item is None:
            offered = ", ".join(sorted(known)) or _("none")
            raise bad_query(name[:60], _("There is no parameter “%(name)s” here. Filters: %(offered)s.") % {"name": name[:60], "offered": offered})  # fmt: skip
        if item.many:
            parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
            if not parts or len(parts) > MOST_VALUES:
                raise bad_query(name, _("Give “%(name)s” between 1 and %(most)s values.") % {"name": name, "most": MOST_VALUES})  # fmt: skip
            rows = item.apply(rows, [item.read(name, part) for part in parts], user)
            continue
        if len(values) > 1:
            raise bad_query(name, _("Give “%(name)s” once.") % {"name": name})
        rows = item.apply(rows, item.read(name, values[0]), user)
    return rows


# --- what a value may be ------------------------------------------------------------------------------------------
def _text(name: str, value: str) -> str:
    if not value.strip() or len(value) > 200:
        raise bad_query(name, _("“%(name)s” takes 1 to 200 characters.") % {"name": name})
    return value.strip()


def _code(pattern: str) -> Callable[[str, str], str]:
    import re

    known = re.compile(pattern)

    def read(name: str, value: str) -> str:
        if not known.fullmatch(value):
            raise bad_query(name, _("“%(value)s” is no value for “%(name)s”.") % {"value": value[:60], "name": name})
        return value

    return read


def _uid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise bad_query(name, _("“%(name)s” takes a uid.") % {"name": name}) from None


def _flag(name: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise bad_query(name, _("“%(name)s” is “true” or “false”.") % {"name": name})
    return value == "true"


def _moment(name: str, value: str) -> datetime:
    wrong = bad_query(
        name, _("“%(name)s” takes a time with its offset, such as 2026-12-01T12:00:00Z.") % {"name": name}
    )
    try:
        found = parse_datetime(value.strip().replace(" ", "+"))
        if found is None or found.tzinfo is None:
            raise wrong
        found.astimezone()  # a year that no clock reaches
    except (ValueError, OverflowError):
        raise wrong from None
    return found


def _day(name: str, value: str) -> date:
    wrong = bad_query(name, _("“%(name)s” takes a day, such as 2026-12-01.") % {"name": name})
    try:
        found = parse_date(value.strip())
    except ValueError:
        raise wrong from None
    if found is None:
        raise wrong
    return found


def _json(name: str, value: str) -> Any:
    if len(value) > LONGEST:
        raise bad_query(name, _("“%(name)s” is too long for a query. Use POST.") % {"name": name})
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise bad_query(name, _("“%(name)s” takes JSON, and this is not.") % {"name": name}) from None
