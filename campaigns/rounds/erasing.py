"""Calls to somebody in rounds: that a line was called stays, whom it was and why it was held go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.rounds.models import CallLine
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _with_notes(before: datetime) -> Any:
    return CallLine.objects.exclude(note="").filter(done_at__lt=before)


def count_notes(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_with_notes(before).order_by()[:limit].count())


def blank_notes(before: datetime, since: datetime | None) -> Batch:
    ids = list(_with_notes(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    CallLine.objects.filter(pk__in=ids).update(note="")
    return Batch(len(ids), more=len(ids) == SIZE)


def _theirs(data: PersonalData) -> Any:
    return CallLine.objects.filter(person__in=data.person_ids)


def erase(data: PersonalData) -> int:
    """Nobody calls them any more: an open line is over, and none of their lines keeps words."""
    rows = _theirs(data)
    count = int(rows.exclude(note="").update(note=""))
    count += int(
        rows.filter(state="open").update(
            state="skipped", done_at=timezone.now(), token=None, lease_until=None, claimed_by=None
        )
    )
    return (
        count + replace_names("campaigns_callline", "note", data) + replace_names("campaigns_callround", "script", data)
    )


def export(data: PersonalData) -> list[dict[str, Any]]:
    rows = _theirs(data).select_related("round").order_by("round__created_at", "pk")
    return [
        {"round": row.round.name, "state": row.state, "outcome": row.outcome, "tries": row.tries, "note": row.note}
        for row in rows
    ]


def register() -> None:
    register_erasure(
        "call_lines", _("Calls in call rounds"), count=lambda data: _theirs(data).count(), erase=erase, export=export, order=92,
        goes=_("Why a call was held or skipped; calls that were still to be made are taken out."),
        stays=_("That a call was made, and what came of it, without a name."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="call_notes", label=_("Notes of call rounds"),
            what=_("Why a call was held or skipped. That it was called, and what came of it, stays; what was said stands in the log."),
            default_days=730, minimum_days=30, count=count_notes, work=blank_notes, order=46,
        )
    )  # fmt: skip
