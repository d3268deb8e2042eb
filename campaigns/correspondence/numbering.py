"""Reference numbers of the register: a pattern such as `OUT/{year}/{number:04}`, counted by year and way, never given twice."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from crm.errors import Invalid

MOST = 60
DEFAULT_IN, DEFAULT_OUT = "IN/{year}/{number:04}", "OUT/{year}/{number:04}"
_PLACE = re.compile(r"\{(\w+)(?::0?(\d{1,2}))?\}")


def check_pattern(pattern: str) -> str:
    """The pattern, stripped; Invalid with a sentence when two letters could get the same number by it."""
    pattern = " ".join(pattern.split())
    rest = _PLACE.sub("", pattern)
    names = [found[1] for found in _PLACE.finditer(pattern)]
    if len(pattern) > MOST:
        raise Invalid(_("A pattern has 60 characters at most."), code="bad_pattern")
    if "{" in rest or "}" in rest or set(names) - {"year", "number"}:
        raise Invalid(_("Known are {year} and {number}, or {number:04} for four digits."), code="bad_pattern")
    if sorted(names) != ["number", "year"]:
        raise Invalid(
            _("A pattern needs {year} and {number}, each once: numbers begin anew each year."), code="bad_pattern"
        )
    if re.search(r"\}\{|\}\d|\d\{", pattern):
        raise Invalid(
            _("Put a sign such as / or - beside {year} and {number}, so that numbers do not run together."),
            code="bad_pattern",
        )
    return pattern


def reference_of(pattern: str, *, year: int, number: int) -> str:
    def put(found: re.Match[str]) -> str:
        value = year if found[1] == "year" else number
        return f"{value:0{int(found[2] or 1)}d}"

    return _PLACE.sub(put, pattern)
