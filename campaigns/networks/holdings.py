"""What networks hold about a person, for erasure and for the file with their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.networks import joining
from campaigns.networks.models import Application, Member, NetworkLetter, Representative, Vote
from contacts.consent.erasure.registry import PersonalData, register_erasure
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500
GIVEN_UP = "given up"


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
            "email": row.email, "organization": row.organization_name, "answers": [{"question": q, "answer": a} for q, a in row.said(row.language)], "reason": row.reason,
        }
        for row in _applications(data).select_related("network__form").order_by("pk")
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


def _letters(data: PersonalData) -> QuerySet[NetworkLetter]:
    """About their applications, what they represent, and memberships that are theirs or that they spoke for when it was sent."""
    return NetworkLetter.objects.filter(
        Q(application__in=_applications(data)) | Q(representative__in=_representatives(data)) | Q(member__in=_members(data))
        | Q(vote__member__in=_members(data))
    )  # fmt: skip


def _export_letters(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"about": row.about, "due_at": row.due_at.isoformat(), "sent_at": row.sent_at.isoformat() if row.sent_at else None}
        for row in _letters(data).order_by("pk")
    ]  # fmt: skip


def _erase_letters(data: PersonalData) -> int:
    """What a mail server said of their address goes; the letters themselves go with what they are about."""
    return _letters(data).exclude(problem="").exclude(problem=GIVEN_UP).update(problem=GIVEN_UP)


def _votes(data: PersonalData) -> QuerySet[Vote]:
    return Vote.objects.filter(member__person__in=data.person_ids)


def _export_votes(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"network": row.application.network.name, "asked_at": row.asked_at.isoformat(), "is_yes": row.is_yes}
        for row in _votes(data).select_related("application__network").order_by("pk")
    ]


# --- how long ---------------------------------------------------------------------------------------------------------
def _declined(before: datetime) -> QuerySet[Application]:
    return Application.objects.filter(state=Application.State.DECLINED, decided_at__lt=before)


def count_declined(before: datetime, since: datetime | None, limit: int) -> int:
    return _declined(before)[:limit].count()


def remove_declined(before: datetime, since: datetime | None) -> Batch:
    ids = list(_declined(before).order_by("decided_at", "pk").values_list("pk", flat=True)[:SIZE])
    Application.objects.filter(pk__in=ids, state=Application.State.DECLINED).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def _old_letters(before: datetime) -> QuerySet[NetworkLetter]:
    """Sent or given up long ago; one about somebody of whom nothing is decided stays, for it says that they were asked."""
    done = Q(sent_at__lt=before) | Q(closed_at__lt=before, sent_at__isnull=True)
    return NetworkLetter.objects.filter(done).exclude(vote__application__state__in=Application.OPEN)


def count_letters(before: datetime, since: datetime | None, limit: int) -> int:
    return _old_letters(before)[:limit].count()


def remove_letters(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old_letters(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    NetworkLetter.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def _register_kinds() -> None:
    register_kind(
        Kind(
            code="network_refusals",
            label=_("Applications that were declined"),
            what=_(
                "Who wanted to join a network and was not taken in: name, address, answers, and the reason that was given."
            ),
            default_days=730,
            minimum_days=30,
            count=count_declined,
            work=remove_declined,
            order=47,
        )
    )
    register_kind(
        Kind(
            code="network_letters",
            label=_("Letters of networks"),
            what=_("That a letter about a membership was sent, and when. The memberships stay."),
            default_days=730,
            minimum_days=400,
            count=count_letters,
            work=remove_letters,
            order=48,
        )
    )


def register() -> None:
    _register_kinds()
    register_erasure(
        "network_letters", _("Letters of networks"), count=lambda data: _letters(data).count(), erase=_erase_letters,
        export=_export_letters, order=147, goes=_("What mail servers said of their address; and the letters, with what they are about."),
        stays=_("That an institution was written to."),
    )  # fmt: skip
    register_erasure(
        "network_votes", _("What they said of applicants"), count=lambda data: _votes(data).count(),
        erase=lambda data: _votes(data).delete()[1].get("campaigns.Vote", 0), export=_export_votes, order=148,
        goes=_("Their votes as an individual member."), stays=_("Those of institutions."),
    )  # fmt: skip
    register_erasure(
        "network_representatives", _("Representing an institution in networks"),
        count=lambda data: _representatives(data).count(), export=_export_representatives, order=149,
        erase=lambda data: _representatives(data).delete()[1].get("campaigns.Representative", 0),
        goes=_("That they represented an institution."), stays=_("That their institution is a member."),
    )  # fmt: skip
    register_erasure(
        "network_applications", _("Applications to networks"), count=lambda data: _applications(data).count(),
        erase=lambda data: joining.forget(_applications(data)), export=_export_applications,
        order=150, goes=_("All of them, with what they answered."),
    )  # fmt: skip
    register_erasure(
        "network_members", _("Memberships of networks"), count=lambda data: _members(data).count(),
        erase=_erase_members, export=_export_members, order=151, goes=_("Their own memberships."),
        stays=_("That their institution is a member."),
    )  # fmt: skip
