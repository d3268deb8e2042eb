"""What the partners' side holds about a person, for erasure and for the file with their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.partners.models import ChangeWish, PartnerAccount
from contacts.consent.erasure.registry import PersonalData, register_erasure
from crm.accounts.models import User
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _accounts(data: PersonalData) -> QuerySet[PartnerAccount]:
    return PartnerAccount.objects.filter(person__in=data.person_ids)


def _erase(data: PersonalData) -> int:
    """With the user, its sessions and passkeys."""
    users = list(_accounts(data).values_list("user_id", flat=True))
    return User.objects.filter(pk__in=users, is_partner=True).delete()[1].get("crm.User", 0)


def _export(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "email": row.user.email, "language": row.user.language, "opened_at": row.created_at.isoformat(),
            "last_signed_in_at": row.user.last_login.isoformat() if row.user.last_login else None,
            "erasure_asked_at": row.erase_asked_at.isoformat() if row.erase_asked_at else None,
        }
        for row in _accounts(data).select_related("user").order_by("pk")
    ]  # fmt: skip


def _wishes(data: PersonalData) -> QuerySet[ChangeWish]:
    return ChangeWish.objects.filter(asked_by__in=data.person_ids)


def _export_wishes(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"institution": row.organization.name, "at": row.created_at.isoformat(), "values": row.values, "note": row.note, "state": row.state}
        for row in _wishes(data).select_related("organization").order_by("pk")
    ]  # fmt: skip


def _old(before: datetime) -> QuerySet[ChangeWish]:
    return ChangeWish.objects.filter(decided_at__lt=before)


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return _old(before)[:limit].count()


def remove_old(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old(before).order_by("decided_at", "pk").values_list("pk", flat=True)[:SIZE])
    ChangeWish.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def register() -> None:
    register_kind(
        Kind(
            code="change_wishes",
            label=_("Changes asked for by partners"),
            what=_(
                "What partners asked to have changed of their institution, once it is decided. What was changed stays."
            ),
            default_days=365,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=46,
        )
    )
    register_erasure(
        "partner_account", _("Partner’s account"), count=lambda data: _accounts(data).count(), erase=_erase, export=_export,
        order=147, goes=_("The account, its passkeys, and where it is signed in."),
    )  # fmt: skip
    register_erasure(
        "change_wishes", _("Changes asked for of an institution"), count=lambda data: _wishes(data).count(),
        erase=lambda data: _wishes(data).update(asked_by=None, note=""), export=_export_wishes, order=148,
        goes=_("That it was they who asked, and what they wrote."), stays=_("What was changed of the institution."),
    )  # fmt: skip
