"""What networks hold about a person, for erasure and for the file with their data."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.networks.models import Application, Member, Representative
from contacts.consent.erasure.registry import PersonalData, register_erasure


def _applications(data: PersonalData) -> QuerySet[Application]:
    """By their addresses, and those that made them a member or somebody who speaks for one."""
    theirs = Q(member__person__in=data.person_ids) | Q(member__contact__in=data.person_ids)
    return Application.objects.filter(Q(address_hash__in=data.hashes) | theirs)


def _members(data: PersonalData) -> QuerySet[Member]:
    return Member.objects.filter(Q(person__in=data.person_ids) | Q(contact__in=data.person_ids))


def _export_applications(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "network": row.network.name, "state": row.state, "at": row.created_at.isoformat(), "name": row.name,
            "email": row.email, "organization": row.organization_name, "answers": row.answers, "reason": row.reason,
        }
        for row in _applications(data).select_related("network").order_by("pk")
    ]  # fmt: skip


def _representatives(data: PersonalData) -> QuerySet[Representative]:
    return Representative.objects.filter(Q(person__in=data.person_ids) | Q(address_hash__in=data.hashes))


def _export_representatives(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "network": row.member.network.name, "institution": row.member.label, "state": row.state, "name": row.name,
            "post": row.post, "email": row.email, "is_admin": row.is_admin, "since": row.created_at.isoformat(),
            "until": row.ended_at.isoformat() if row.ended_at else None,
        }
        for row in _representatives(data).select_related("member__network", "member__organization").order_by("pk")
    ]  # fmt: skip


def _export_members(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "network": row.network.name, "member": row.label, "since": row.joined_at.isoformat(),
            "until": row.left_at.isoformat() if row.left_at else None, "is_listed": row.is_listed,
        }
        for row in _members(data).select_related("network", "organization", "person").order_by("pk")
    ]  # fmt: skip


def _erase_members(data: PersonalData) -> int:
    """A person's own membership goes; an institution stays a member, and nobody speaks for it."""
    gone = Member.objects.filter(person__in=data.person_ids).delete()[1].get("campaigns.Member", 0)
    return gone + Member.objects.filter(contact__in=data.person_ids).update(contact=None)


def register() -> None:
    register_erasure(
        "network_representatives", _("Representing an institution in networks"),
        count=lambda data: _representatives(data).count(), export=_export_representatives, order=149,
        erase=lambda data: _representatives(data).delete()[1].get("campaigns.Representative", 0),
        goes=_("That they represented an institution."), stays=_("That their institution is a member."),
    )  # fmt: skip
    register_erasure(
        "network_applications", _("Applications to networks"), count=lambda data: _applications(data).count(),
        erase=lambda data: _applications(data).delete()[1].get("campaigns.Application", 0), export=_export_applications,
        order=150, goes=_("All of them, with what they answered."),
    )  # fmt: skip
    register_erasure(
        "network_members", _("Memberships of networks"), count=lambda data: _members(data).count(),
        erase=_erase_members, export=_export_members, order=151, goes=_("Their own memberships."),
        stays=_("That their institution is a member."),
    )  # fmt: skip
