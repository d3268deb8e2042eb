"""People who promised something for their institution, or wrote through its link: the promise stays, who it was goes."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.models import Commitment, CommitmentUpdate
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names

TEXTS = {
    "campaigns_commitment": ("text", "evidence", "link", "outcome", "outcome_link"),
    "campaigns_commitmentupdate": ("text", "link", "written_by", "reason"),
    "campaigns_milestone": ("text",),
}


def _promised(data: PersonalData) -> Any:
    return Commitment.objects.filter(promised_by__in=data.person_ids)


def _wrote(data: PersonalData) -> Any:
    rule = Q(pk__in=[])
    for needle in data.names:
        rule |= Q(written_by__icontains=needle)
    return CommitmentUpdate.objects.filter(rule)


def erase(data: PersonalData) -> int:
    count = int(_promised(data).update(promised_by=None))
    count += int(_wrote(data).update(written_by=""))
    return count + sum(replace_names(table, column, data) for table, columns in TEXTS.items() for column in columns)


def export(data: PersonalData) -> list[dict[str, Any]]:
    promised = [
        {"institution": row.organization.name, "promised": row.text, "on": row.made_on.isoformat(), "due": row.due_on.isoformat()}
        for row in _promised(data).select_related("organization").order_by("made_on", "pk")
    ]  # fmt: skip
    wrote = [
        {"institution": row.commitment.organization.name, "wrote": row.text, "as": row.written_by, "at": row.received_at.isoformat()}
        for row in _wrote(data).select_related("commitment__organization").order_by("received_at", "pk")
    ]  # fmt: skip
    return [*promised, *wrote]


def register() -> None:
    register_erasure(
        "commitments", _("What they promised for their institution, and wrote about it"),
        count=lambda data: _promised(data).count() + _wrote(data).count(), erase=erase, export=export, order=96,
        goes=_("Who promised or wrote it, and their name in the words."),
        stays=_("What the institution promised, and what became of it."),
    )  # fmt: skip
