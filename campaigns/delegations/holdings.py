"""What delegations hold about a person, for erasure and for the file with their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.delegations.composing import lock
from campaigns.delegations.models import Delegation, DelegationSeats, Nomination, Nominator, Step
from campaigns.todo.models import Task
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import BLANK, like, pattern, replace_names, run
from crm.audit.models import AuditChange, AuditEntry
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind


def _nominations(data: PersonalData) -> QuerySet[Nomination]:
    return Nomination.objects.filter(Q(person__in=data.person_ids) | Q(address_hash__in=data.hashes))


def _nominators(data: PersonalData) -> QuerySet[Nominator]:
    return Nominator.objects.filter(Q(person__in=data.person_ids) | Q(address_hash__in=data.hashes))


def _export_nominations(data: PersonalData) -> list[dict[str, Any]]:
    rows = _nominations(data).select_related(
        "delegation__event", "delegation__country", "delegation__organization", "constituency"
    )
    return [
        {
            "event": row.delegation.event.name, "delegation": row.delegation.label, "constituency": row.constituency.name, "role": row.role,
            "state": row.state, "name": row.name, "form_of_address": row.honorific, "function": row.function, "email": row.email,
            "gender": row.gender, "passport_name": row.passport_name, "reason": row.reason, "named_at": row.created_at.isoformat(),
            "decided_at": row.decided_at.isoformat() if row.decided_at else None,
            "letters": [f"{paper.reference} {paper.on}" for paper in row.papers.all()],
            "steps": [f"{step.due_on} {step.text('en')}" for step in row.steps.all()],
        }
        for row in rows.prefetch_related("papers", "steps").order_by("pk")
    ]  # fmt: skip


def _erase_nominations(data: PersonalData) -> int:
    """Rows go with their history, letters and steps; seats that they held are free again. Where others are written about, the name goes."""
    found = _nominations(data)
    _erase_trail(found)
    for delegation in (
        Delegation.objects.filter(nominations__in=found).select_related("event").distinct().order_by("event", "pk")
    ):
        row = lock(delegation)
        mine = found.filter(delegation=row, state="accepted")
        for accepted in mine:
            seats = DelegationSeats.objects.get(
                delegation=row, constituency=accepted.constituency_id, role=accepted.role
            )
            seats.taken = max(0, seats.taken - 1)
            seats.save(update_fields=["taken"])
    Task.objects.filter(delegate_step__nomination__in=found).delete()
    return found.delete()[1].get("campaigns.Nomination", 0) + _erase_mentions(data)


def _erase_trail(found: QuerySet[Nomination]) -> None:
    """They may have been named in another spelling than the directory's, which the trail keeps."""
    uids = [
        *found.values_list("uid", flat=True),
        *Step.objects.filter(nomination__in=found).values_list("uid", flat=True),
    ]
    entries = AuditEntry.objects.filter(object_uid__in=uids)
    AuditChange.objects.filter(entry__in=entries).update(before=None, after=None)
    entries.update(summary="")


def _erase_mentions(data: PersonalData) -> int:
    if not data.needles:
        return 0
    # a line of the history is never changed: it is written anew without the name
    moves = run(
        "WITH gone AS (DELETE FROM campaigns_nominationmove WHERE words ILIKE ANY (%s) AND words ~* %s RETURNING *)"
        " INSERT INTO campaigns_nominationmove (nomination_id, state, at, by_id, words)"
        " SELECT nomination_id, state, at, by_id, regexp_replace(words, %s, %s, 'gi') FROM gone",
        [like(data.needles), pattern(data.needles), pattern(data.needles), BLANK],
    )
    places = (("campaigns_nomination", "reason"), ("campaigns_delegation", "note"))
    return moves + sum(replace_names(table, column, data) for table, column in places)


def _erase_nominators(data: PersonalData) -> int:
    """The institution still names; its link is revoked, for it went to them."""
    return _nominators(data).update(
        person=None, email="", address_hash=None, revoked_at=timezone.now(), updated_at=timezone.now()
    )


SIZE = 500


def _old(before: datetime) -> QuerySet[Nomination]:
    """After an event: who did not come, and of who came what was only for the journey."""
    over = Nomination.objects.filter(delegation__event__ends_at__lt=before)
    return over.filter(~Q(state="accepted") | ~Q(passport_name="") | ~Q(email="") | Q(address_hash__isnull=False))


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return _old(before)[:limit].count()


def remove_old(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    rows = Nomination.objects.filter(pk__in=ids)
    came = rows.accepted().update(passport_name="", email="", address_hash=None, updated_at=timezone.now())
    gone = rows.exclude(state="accepted")
    Task.objects.filter(delegate_step__nomination__in=gone).delete()
    return Batch(came + gone.delete()[1].get("campaigns.Nomination", 0), more=len(ids) == SIZE)


def register() -> None:
    register_kind(
        Kind(
            code="nominations",
            label=_("Names for delegations"),
            what=_("After an event: who was named and did not come, and the addresses and passport names of who came. The list of delegates stays."),
            default_days=730,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=47,
        )
    )  # fmt: skip
    register_erasure(
        "nominations", _("Delegations they were named for"), count=lambda data: _nominations(data).count(), erase=_erase_nominations,
        export=_export_nominations, order=150, goes=_("All of them, with their letters and steps."),
    )  # fmt: skip
    register_erasure(
        "nominators", _("Delegations that they name people for"), count=lambda data: _nominators(data).count(), erase=_erase_nominators,
        export=lambda data: [
            {"event": row.delegation.event.name, "institution": row.label, "email": row.email}
            for row in _nominators(data).select_related("delegation__event", "delegation__country", "organization").order_by("pk")
        ],
        order=151, goes=_("Their name and address; the link that went to them opens nothing any more."),
    )  # fmt: skip
