"""How far a round is, and the sheet of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.guard.queries import Conflict, conflicts_of
from campaigns.queue.registry import CONTEXT, Line
from campaigns.rounds.models import CallLine, CallRound
from contacts.directory.models import ContactPoint
from crm.accounts.models import User

COLOURS = {
    "reached": "ok",
    "call_back": "blue",
    "no_answer": "warn",
    "message": "warn",
    "refused": "bad",
    "wrong": "odd",
}


@dataclass(frozen=True)
class Progress:
    total: int
    over: int
    parts: list[dict[str, Any]]

    @property
    def open(self) -> int:
        return self.total - self.over


def progress_of(rows: Any) -> Progress:
    """The lines by what came of them: one query. What is to be called again counts by its last outcome, and as open."""
    tally = rows.tally()
    labels = dict(CallLine.Outcome.choices)
    over = sum(n for (state, _outcome), n in tally.items() if state != "open")
    parts = [
        {"count": n, "label": str(labels[code]), "kind": COLOURS[code], "url": ""}
        for code in COLOURS
        if (n := sum(n for (state, outcome), n in tally.items() if state == "done" and outcome == code))
    ]
    skipped = sum(n for (state, _outcome), n in tally.items() if state == "skipped")
    parts += [{"count": skipped, "label": _("skipped"), "kind": "odd", "url": ""}] if skipped else []
    total = sum(tally.values())
    parts += [{"count": total - over, "label": _("to be called"), "kind": "rest", "url": ""}] if total > over else []
    return Progress(total, over, parts)


@dataclass(frozen=True)
class Sheet:
    """What the caller has before them."""

    round: CallRound
    line: CallLine
    phones: list[ContactPoint]
    context: list[Line]
    conflicts: list[Conflict]


def sheet_of(line: CallLine, user: User) -> Sheet:
    phones = ContactPoint.objects.none()
    if line.person:
        phones = line.person.contact_points.filter(kind="phone").order_by("-is_preferred", "pk")
    elif line.organization:
        phones = line.organization.contact_points.filter(kind="phone").order_by("-is_preferred", "pk")
    key = line.organization_id
    context = [found for provider in CONTEXT for found in provider([key], user).get(key, [])] if key else []
    conflicts = conflicts_of([key], now=timezone.now(), user=user).get(key, []) if key else []
    return Sheet(line.round, line, list(phones), sorted(context, key=lambda one: one.order), conflicts)
