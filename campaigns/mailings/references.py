"""Reference numbers of letters: a pattern such as `GC/{year}/{mailing:04}/{seq}`, frozen with the mailing, unique for ever.

What stands before `{seq}` is the mailing's stem: resolved at freeze, unique by constraint, and it never ends in a digit. So two
references are the same only if mailing and seq are, and a reference is found by its two halves without an index of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from campaigns.mailings.times import dated
from crm.errors import Invalid

if TYPE_CHECKING:
    from campaigns.mailings.models import Mailing

MAX_PATTERN = 80
_PLACE = re.compile(r"\{(\w+)(?::0?(\d{1,2}))?\}")
_HALVES = re.compile(r"(.*\D)(\d{1,9})")


@dataclass(frozen=True)
class Stem:
    """What all references of a mailing begin with, and how many digits the rest has at least."""

    text: str
    digits: int = 1

    def reference(self, seq: int) -> str:
        return f"{self.text}{seq:0{self.digits}d}"


def check_pattern(pattern: str) -> str:
    """The pattern, stripped; Invalid with a sentence when references made by it could be wrong or double."""
    pattern = " ".join(pattern.split())
    if not pattern:
        return ""
    if len(pattern) > MAX_PATTERN:
        raise Invalid(_("A pattern has 80 characters at most."), code="bad_pattern")
    rest = _PLACE.sub("", pattern)
    if "{" in rest or "}" in rest:
        raise Invalid(_("Braces hold a name, such as {year} or {mailing:04}."), code="bad_pattern")
    names = [found[1] for found in _PLACE.finditer(pattern)]
    if unknown := [name for name in names if name not in ("year", "month", "mailing", "seq")]:
        raise Invalid(
            _("“{%(name)s}” is unknown here. Known are {year}, {month}, {mailing} and {seq}.") % {"name": unknown[0]},
            code="bad_pattern",
        )
    last = list(_PLACE.finditer(pattern))[-1] if names else None
    if last is None or last[1] != "seq" or last.end() != len(pattern) or names.count("seq") != 1:
        raise Invalid(_("A pattern ends with {seq}, the number of each letter, once."), code="bad_pattern")
    if "mailing" not in names:
        raise Invalid(_("A pattern needs {mailing}: without it two mailings would share numbers."), code="bad_pattern")
    before = pattern[: last.start()]
    if before.endswith("}") or before[-1:].isdigit():
        raise Invalid(
            _("Put a sign such as / or - before {seq}, so that numbers do not run together."), code="bad_pattern"
        )
    return pattern


def pattern_of(mailing: Mailing) -> str:
    """The mailing's own pattern, else its sender's; empty for no reference."""
    return mailing.reference_pattern or (mailing.sender.reference_pattern if mailing.sender else "")


def stem_of(mailing: Mailing, moment: datetime | None = None) -> Stem | None:
    """What a mailing's references begin with: as frozen, else as it would be frozen at `moment`."""
    if mailing.reference_stem:
        return Stem(mailing.reference_stem, mailing.reference_digits)
    pattern = pattern_of(mailing)
    if not pattern:
        return None
    day = dated(mailing, moment)
    values = {"year": day.year, "month": day.month, "mailing": mailing.pk}
    digits = 1
    text = ""
    end = 0
    for found in _PLACE.finditer(pattern):
        text += pattern[end : found.start()]
        end = found.end()
        width = min(int(found[2] or (2 if found[1] == "month" else 1)), 12)
        if found[1] == "seq":
            digits = width
        else:
            text += f"{values[found[1]]:0{width}d}"
    return Stem(text, digits)


def frozen_stem(data: Mapping[str, Any]) -> Stem | None:
    """Of what `freeze_content` made."""
    found = data.get("reference")
    return Stem(found[0], found[1]) if found else None


def halves(words: str) -> tuple[str, int] | None:
    """(stem, seq) that a reference would have; None for what is none."""
    found = _HALVES.fullmatch(words.strip())
    return (found[1], int(found[2])) if found else None
