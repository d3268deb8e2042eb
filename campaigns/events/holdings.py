"""What events hold about a person, for erasure and for the file with their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.events import signing_up
from campaigns.events.models import CheckIn, Event, Invitation, InvitationFile, Registration, SignUp
from campaigns.events.seats import give_back, lock_event, move_up
from campaigns.files.storage import release_all
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _invitations(data: PersonalData) -> QuerySet[Invitation]:
    return Invitation.objects.filter(person__in=data.person_ids)


def _registrations(data: PersonalData) -> QuerySet[Registration]:
    theirs = Q(person__in=data.person_ids) | Q(address_hash__in=data.hashes)
    # their own seat, by whatever address
    return Registration.objects.filter(theirs | Q(role=Registration.Role.INVITED, invitation__in=_invitations(data)))


def _export_invitations(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "event": row.event.name, "begins": row.event.starts_at.isoformat(), "invited_at": row.created_at.isoformat(),
            "email": row.email, "answer": row.answer, "answered_at": row.answered_at.isoformat() if row.answered_at else None,
            "note": row.note, "answers": row.answers,
        }
        for row in _invitations(data).select_related("event").order_by("pk")
    ]  # fmt: skip


def _export_registrations(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "event": row.event.name, "role": row.role, "state": row.state, "name": row.name, "email": row.email,
            "organization": row.of, "asked_at": row.asked_at.isoformat(),
            "came_at": row.came_at.isoformat() if row.came_at else None,
        }
        for row in _registrations(data).select_related("event", "organization").order_by("pk")
    ]  # fmt: skip


def _erase_registrations(data: PersonalData) -> int:
    """Rows go, and seats that they held at events to come are free again."""
    rows = _registrations(data)
    for event in (
        Event.objects.filter(registrations__in=rows.filter(state__in=Registration.ACTIVE)).distinct().order_by("pk")
    ):
        locked = lock_event(event)
        for row in (
            rows.filter(event=locked, state__in=Registration.ACTIVE).select_related("constituency").order_by("pk")
        ):
            row.refresh_from_db(fields=["state"])
            give_back(locked, row, tells=False)
        move_up(locked)
    CheckIn.objects.filter(registration__in=rows).delete()
    return rows.delete()[1].get("campaigns.Registration", 0)


def _erase_invitations(data: PersonalData) -> int:
    """Rows go, with files that nobody else has. Whom they sent, with guests, keeps the seat: it is that person's own, and counted."""
    rows = _invitations(data)
    Registration.objects.filter(invitation__in=rows).update(invitation=None)
    release_all(InvitationFile.objects.filter(invitation__in=rows))
    return rows.delete()[1].get("campaigns.Invitation", 0)


def _sign_ups(data: PersonalData) -> QuerySet[SignUp]:
    return SignUp.objects.filter(Q(address_hash__in=data.hashes) | Q(registration__person__in=data.person_ids))


def _export_sign_ups(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "event": row.event.name, "at": row.created_at.isoformat(), "name": row.name, "email": row.email, "state": row.state,
            "organization": row.organization_name, "note": row.note, "answers": row.answers,
            "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else None,
        }
        for row in _sign_ups(data).select_related("event").order_by("pk")
    ]  # fmt: skip


def _erase_sign_ups(data: PersonalData) -> int:
    """Their own go whole; where others named them, the name goes."""
    named = sum(replace_names("campaigns_signup", column, data) for column in ("note", "reason"))
    return signing_up.forget(_sign_ups(data)) + named


def _old(before: datetime) -> QuerySet[SignUp]:
    return SignUp.objects.filter(created_at__lt=before)


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return _old(before)[:limit].count()


def remove_old(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old(before).order_by("created_at", "id").values_list("pk", flat=True)[:SIZE])
    return Batch(signing_up.forget(SignUp.objects.filter(pk__in=ids)), more=len(ids) == SIZE)


def register() -> None:
    # before the seats: their rows are found by them too
    register_erasure(
        "event_sign_ups", _("Sign-ups for events"), count=lambda data: _sign_ups(data).count(),
        erase=_erase_sign_ups, export=_export_sign_ups, order=151, goes=_("All of them, with the files that they sent."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="event_sign_ups",
            label=_("Sign-ups for events"),
            what=_("What people wrote who signed up on an event’s page. The seat that came of it stays."),
            default_days=730,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=46,
        )
    )
    register_erasure(
        "event_registrations", _("Seats at events"), count=lambda data: _registrations(data).count(), erase=_erase_registrations,
        export=_export_registrations, order=152, goes=_("All of them, with when they came."),
    )  # fmt: skip
    register_erasure(
        "event_invitations", _("Invitations to events"), count=lambda data: _invitations(data).count(),
        erase=_erase_invitations, export=_export_invitations,
        order=153, goes=_("All of them, with what they answered."),
    )  # fmt: skip
