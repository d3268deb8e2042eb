"""Delegations on the page of a person (named, accepted, sent back, withdrawn) and of an institution (asked, and whom it sends)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.delegations.models import Nomination, NominationMove, Nominator
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject, TimelineSource, register
from crm.accounts.models import User


def _words() -> dict[str, tuple[str, str, str]]:
    return {
        "proposed": (_("%(name)s named for the delegation of %(delegation)s to %(event)s"), "user-plus", "warn"),
        "accepted": (_("%(name)s accepted in the delegation of %(delegation)s to %(event)s"), "users-group", "ok"),
        "returned": (_("%(name)s sent back: delegation of %(delegation)s to %(event)s"), "circle-x", "bad"),
        "withdrawn": (_("%(name)s left the delegation of %(delegation)s to %(event)s"), "user-minus", "rest"),
        "replaced": (_("%(name)s replaced in the delegation of %(delegation)s to %(event)s"), "user-share", "rest"),
    }


def _about(subject: Subject) -> list[QuerySet[Any]]:
    if isinstance(subject, Person):
        return [Nomination.objects.filter(person=subject)]
    theirs = Q(organization=subject) | Q(delegation__organization=subject)
    return [Nomination.objects.filter(theirs), Nominator.objects.filter(theirs, asked_at__isnull=False)]


def delegations(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    nominations, *asked = _about(subject)
    seen = Nomination.objects.visible_to(user).filter(pk__in=nominations.values("pk")).values("pk")
    moves = NominationMove.objects.filter(nomination__in=seen).select_related(
        "nomination__delegation__event", "nomination__delegation__country", "nomination__delegation__organization"
    )
    if before is not None:
        moves = moves.filter(at__lt=before)
    words = _words()
    entries = []
    for move in moves.order_by("-at", "-pk")[:limit]:
        row = move.nomination
        title, icon, kind = words[move.state]
        said = {"name": row.name, "delegation": row.delegation.label, "event": row.delegation.event.label}
        entries.append(
            Entry(move.at, title % said, icon, kind, body=move.words, url=reverse("nomination_detail", args=[row.uid]))
        )
    for rows in asked:
        entries += _requests(rows, user, before, limit)
    yield from sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def _requests(rows: QuerySet[Any], user: User, before: datetime | None, limit: int) -> list[Entry]:
    seen = Nominator.objects.visible_to(user).filter(pk__in=rows.values("pk"))
    if before is not None:
        seen = seen.filter(asked_at__lt=before)
    seen = seen.select_related("delegation__event", "delegation__country", "delegation__organization")
    return [
        Entry(
            row.asked_at, _("Asked to name delegates of %(delegation)s to %(event)s") % {"delegation": row.delegation.label, "event": row.delegation.event.label},
            "mail-plus", "", url=reverse("delegation_detail", args=[row.delegation.uid]),
        )
        for row in seen.order_by("-asked_at", "-pk")[:limit] if row.asked_at
    ]  # fmt: skip


def register_sources() -> None:
    register(
        TimelineSource("delegation", gettext_lazy("Delegations"), "users-group", delegations, order=37, about=_about)
    )
