"""A person's data on paper: the same parts as in the file for a browser."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from contacts.consent.erasure.registry import Holding
from contacts.directory.models import Person
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui import formats

TEMPLATE = Path(__file__).with_name("person.typ")
LONGEST = 20_000  # characters of one value on paper; the other files have it whole


def printed(person: Person, found: list[tuple[Holding, list[dict[str, Any]]]], now: datetime) -> bytes:
    """The PDF, on A4."""
    organization = str(Installation.current())
    data = {
        "title": person.name,
        "intro": _("Everything that %(who)s holds about this person, as of %(day)s.")
        % {"who": organization, "day": formats.long_day(now.date())},
        "footer": organization,
        "nothing": _("Nothing."),
        "parts": [{"label": str(holding.label), "rows": [_pairs(row) for row in rows]} for holding, rows in found],
    }
    return pdf(TEMPLATE, person=data)


def _pairs(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _shown(value)) for name, value in row.items() if value not in ("", None)]


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
