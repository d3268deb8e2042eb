"""What the partners' side holds about a person, for erasure and for the file with their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.partners.models import ChangeWish, PartnerAccount
from contacts.consent.erasure.registry import PersonalData, register_erasure
from crm.accounts import partners
from crm.accounts.models import User
from crm.accounts.session_models import BrowserSession
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _accounts(data: PersonalData) -> QuerySet[PartnerAccount]:
    return PartnerAccount.objects.filter(person__in=data.person_ids)


def _erase(data: PersonalData) -> int:
    """With the user, its sessions and passkeys, and what the trail says of its sign-ins until now."""
    return partners.remove(_users(data))


def _users(data: PersonalData) -> QuerySet[User]:
    return User.objects.filter(partner_account__person__in=data.person_ids, is_partner=True)


def _uids(data: PersonalData) -> list[UUID]:
    """Those under which the trail tells of their account."""
    return [uid for pair in _accounts(data).values_list("user__uid", "uid") for uid in pair]


def _count_sign_ins(data: PersonalData) -> int:
    return partners.still_told_of(_uids(data)).count()


def _export_sign_ins(data: PersonalData) -> list[dict[str, Any]]:
    """What the trail tells of their sign-ins, then where they are signed in now: address and browser in words."""
    told = [
        {
            "at": entry.at.isoformat(), "what": entry.verb, "said": entry.summary,
            "changes": [{"field": row.field, "before": row.before, "after": row.after} for row in entry.changes.all()],
        }
        for entry in partners.told_of(_uids(data)).prefetch_related("changes").order_by("at", "pk")
    ]  # fmt: skip
    return told + [
        {"at": row.signed_in_at.isoformat(), "what": "session", "said": f"{row.address} · {row.agent}", "changes": []}
        for row in BrowserSession.objects.filter(user__in=_users(data)).order_by("signed_in_at", "pk")
    ]


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
        "partner_sign_ins", _("Sign-ins of a partner’s account"), count=_count_sign_ins,
        erase=lambda data: partners.forget_told(_uids(data)), export=_export_sign_ins, order=146,
        goes=_("What the audit trail says of them: network address, browser, names of passkeys."),
        stays=_("That somebody signed in, and when, under a number that names nobody."),
    )  # fmt: skip
    register_erasure(
        "partner_account", _("Partner’s account"), count=lambda data: _accounts(data).count(), erase=_erase, export=_export,
        order=147, goes=_("The account, its passkeys, and where it is signed in."),
    )  # fmt: skip
    register_erasure(
        "change_wishes", _("Changes asked for of an institution"), count=lambda data: _wishes(data).count(),
        erase=lambda data: _wishes(data).update(asked_by=None, note=""), export=_export_wishes, order=148,
        goes=_("That it was they who asked, and what they wrote."), stays=_("What was changed of the institution."),
    )  # fmt: skip
