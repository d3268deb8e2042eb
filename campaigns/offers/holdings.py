"""What offers hold about a person, and how long it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.offers.models import CommitmentOffer, OfferLetter
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _theirs(data: PersonalData) -> QuerySet[CommitmentOffer]:
    return CommitmentOffer.objects.filter(offered_by__in=data.person_ids)


def _export(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"institution": row.organization.name, "at": row.created_at.isoformat(), "text": row.text, "due_on": row.due_on.isoformat(), "state": row.state,
         "reason": row.reason}
        for row in _theirs(data).select_related("organization").order_by("pk")
    ]  # fmt: skip


def _erase(data: PersonalData) -> int:
    OfferLetter.objects.filter(offer__in=_theirs(data)).exclude(problem="").update(
        problem=""
    )  # a server may have named their address
    named = sum(replace_names("campaigns_commitmentoffer", column, data) for column in ("text", "reason"))
    return _theirs(data).update(offered_by=None) + named


def _old(before: datetime) -> QuerySet[CommitmentOffer]:
    """Decided before, or left waiting since before: its institution was archived, or nobody answered."""
    return CommitmentOffer.objects.filter(
        Q(decided_at__lt=before) | Q(state="waiting", created_at__lt=before, due_on__lt=before.date())
        | Q(state="waiting", organization__archived_at__lt=before)
    )  # fmt: skip


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return _old(before)[:limit].count()


def remove_old(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    CommitmentOffer.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def register() -> None:
    register_erasure(
        "commitment_offers", _("What they offered for their institution"), count=lambda data: _theirs(data).count(), erase=_erase,
        export=_export, order=97, goes=_("Who offered it, and their name in the words."), stays=_("What the institution offered."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="commitment_offers",
            label=_("Commitments that were offered"),
            what=_(
                "What institutions offered, once it is decided, its day is long over, or the institution is archived. The commitments that were made of it stay."
            ),
            default_days=365,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=49,
        )
    )
