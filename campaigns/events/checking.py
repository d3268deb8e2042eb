"""At the door: who came, noted by devices that may be offline, and heard of once.

A device makes the key of each note. Notes may come late, out of order, twice, and from two doors at once: what holds is the last of them by
the device's clock, and somebody is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.events.models import CheckIn, Event, Registration
from campaigns.events.seats import lock_event
from campaigns.interactions.words import one_line
from contacts.directory.models import Membership, Person
from contacts.directory.services import create_person, start_membership
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record

MOST_NOTES = 500  # of one request: a door that was offline for a day


@dataclass(frozen=True)
class Note:
    """seat: of whom it is; None for somebody who walked in, with a name. at: aware. is_out: it was a mistake."""

    key: UUID
    at: datetime
    seat: UUID | None = None
    name: str = ""
    organization: str = ""
    is_out: bool = False


def take_notes(*, event: Event, actor: User, notes: Sequence[Note], now: datetime | None = None) -> dict[str, str]:
    """Keep what a door noted; returns key → ok, or why not (`unknown`: no such seat here, `no_name`). Twice is once."""
    now = now or timezone.now()
    answers: dict[str, str] = {}
    with transaction.atomic():
        row = lock_event(event)  # two doors that note the same person wait for each other here
        known = set(CheckIn.objects.filter(key__in=[note.key for note in notes]).values_list("key", flat=True))
        seats = {
            seat.uid: seat
            for seat in Registration.objects.visible_to(actor, Action.LOG).filter(
                event=row, uid__in=[note.seat for note in notes if note.seat]
            )
        }
        for note in notes:
            if note.key in known:
                answers[str(note.key)] = "ok"
                continue
            answers[str(note.key)] = _take(row, actor, note, seats, now)
            known.add(note.key)
    return answers


def _take(event: Event, actor: User, note: Note, seats: dict[UUID, Registration], now: datetime) -> str:
    at = min(note.at, now)
    if note.seat is not None:
        seat = seats.get(note.seat)
        if seat is None:
            return "unknown"
    else:
        name = one_line(note.name, most=200)
        if not name:
            return "no_name"
        seat = Registration.objects.create(
            event=event, role=Registration.Role.WALK_IN, state=Registration.State.SEAT, name=name, asked_at=at, seated_at=at,
            organization_name=one_line(note.organization),
        )  # fmt: skip
    CheckIn.objects.create(key=note.key, event=event, registration=seat, is_out=note.is_out, at=at, noted_by=actor)
    before, seat.came_at = seat.came_at, came_at(seat)
    if before != seat.came_at:
        seat.save(update_fields=["came_at", "updated_at"])
        record(
            verb="registration.checked_in", target=seat, actor=actor, summary=seat.name,
            changes=[("came_at", before.isoformat() if before else None, seat.came_at.isoformat() if seat.came_at else None)],
            event={"event": str(event.uid), "came": seat.came_at is not None},
        )  # fmt: skip
    return "ok"


def came_at(seat: Registration) -> datetime | None:
    """The first note since the last one that took it back."""
    came: datetime | None = None
    for is_out, at in seat.check_ins.order_by("at", "pk").values_list("is_out", "at"):
        came = None if is_out else (came or at)
    return came


def door_list(event: Event, user: User) -> list[dict[str, Any]]:
    """Who may come through the door, for the device: it keeps the list while it is offline."""
    rows = Registration.objects.visible_to(user).filter(event=event).exclude(state="gone", came_at=None)
    return [
        {
            "uid": str(row.uid), "name": row.name, "of": row.of, "state": row.state, "role": str(row.get_role_display()),
            "came_at": row.came_at.isoformat() if row.came_at else None,
        }
        for row in rows.select_related("organization").order_by("name", "pk")
    ]  # fmt: skip


def door_url(row: Registration) -> str:
    """What a badge's code says: a phone's camera opens the door's page with it."""
    return f"{settings.BASE_URL}{reverse('event_door', args=[row.event.uid])}#{row.uid}"


def adopt(*, registration: Registration, actor: User) -> Person | None:
    """Put somebody who came into the directory, as they named themselves; None when they are there already."""
    with transaction.atomic():
        row = (
            Registration.objects.select_for_update(of=("self",))
            .select_related("organization", "event")
            .get(pk=registration.pk)
        )
        if row.person_id:
            return None
        language = row.language or ""
        person = create_person(actor=actor, name=row.name, language=language, email=row.email)
        if (
            row.organization
            and not Membership.objects.current().filter(person=person, organization=row.organization).exists()
        ):
            start_membership(person=person, organization=row.organization, actor=actor)
        row.person = person
        row.save(update_fields=["person", "updated_at"])
        record(
            verb="registration.adopted", target=row, actor=actor, summary=row.name, changes=[("person", None, str(person.uid))],
            event={"event": str(row.event.uid)},
        )  # fmt: skip
    return person
