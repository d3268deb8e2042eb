"""Briefs as PDF, one page each. Texts come as data; what is too long for a page is set smaller rather than cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.briefs.building import Brief
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui import formats

TEMPLATE = Path(__file__).with_name("brief.typ")
SIZES = (9.5, 8.6, 7.8, 7.0)  # points: the first that fits; below that nobody reads it over a table
_PAGES = re.compile(rb"/Type\s*/Page\b")
# the theme's light colours of the ladder and of lights: paper is always light
COLORS = {
    "p1": "#b3261e", "p2": "#c8642b", "p3": "#8b95a8", "p4": "#6b7280", "p5": "#4f7fd1", "p6": "#2b62d9", "p7": "#17845b",
    "ok": "#17845b", "warn": "#b86a00", "bad": "#c62f4b", "odd": "#6b4bc8", "rest": "#8b95a8",
}  # fmt: skip


def briefs_pdf(briefs: Sequence[Brief]) -> bytes:
    """All of them on A4, each on a page of its own."""
    data = [_data(brief) for brief in briefs]
    made = b""
    for size in SIZES:
        made = pdf(TEMPLATE, briefs=data, words=_words(), size=size)
        if pages(made) <= len(data):
            break
    return made


def pages(content: bytes) -> int:
    return len(_PAGES.findall(content))


def _words() -> dict[str, str]:
    return {
        "asks": _("What we ask, and where they stand"), "promises": _("What they promised"), "people": _("Who they are"),
        "contacts": _("What was said last"), "facts": _("The country"), "mind": _("Mind"), "notes": _("Notes"),
        "done_when": _("Done when"), "last": _("Last step"), "no_asks": _("No running drive asks them anything."),
        "no_promises": _("Nothing that we know of."), "no_people": _("We know nobody there yet."),
        "no_contacts": _("Nobody has logged a contact yet."), "no_facts": _("No figure is known."),
        "lang": (get_language() or "en").split("-")[0],
    }  # fmt: skip


def _data(brief: Brief) -> dict[str, Any]:
    row = brief.organization
    under = [row.constituency.label, row.country.label if row.country else ""]
    said = _("Brief of %(day)s · %(who)s · for our own use")
    return {
        "title": row.label,
        "acronym": row.acronym,
        "under": " · ".join(filter(None, under)),
        "footer": said % {"day": formats.long_day(brief.made_on), "who": Installation.current().name},
        "guards": [{"words": each.words, "is_hard": each.is_hard} for each in brief.guards],
        "asks": [
            {"name": one.name, "done_when": one.done_when, "stance": one.stance, "color": COLORS.get(one.colour, COLORS["rest"]),
             "step": one.last_step, "evidence": one.evidence}
            for one in brief.asks
        ],
        "promises": [
            {"text": one.row.text[:220], "due": formats.day(one.row.due_on), "light": one.light.label, "why": one.light.why,
             "color": COLORS.get(one.light.colour, COLORS["rest"])}
            for one in brief.promises
        ],
        "people": [
            {"name": one.person.label, "said": one.said, "post": one.post, "formal": one.formal, "greeting": one.greeting,
             "language": one.language}
            for one in brief.people
        ],
        "contacts": [{"title": one.shown.title, "line": one.line, "words": one.words} for one in brief.contacts],
        "facts": [{"label": one.label, "words": one.words, "source": one.source} for one in brief.facts],
        "more": {name: _("and %(n)s more") % {"n": n} for name, n in brief.more.items()},
    }  # fmt: skip
