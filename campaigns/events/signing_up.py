"""Somebody without an invitation asks for a seat on the event's page: asked → the address confirmed by its holder → a seat, or a colleague
decides first. Nothing here tells a visitor whether they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.events.answering import answer, organization_of, person_at
from campaigns.events.letters import queue_sign_up
from campaigns.events.models import Event, EventLetter, Invitation, Registration, SignUp, SignUpFile
from campaigns.events.seats import lock_event, seat_or_wait
from campaigns.files.storage import release_all
from campaigns.forms.asking import take
from campaigns.interactions.words import harmless, one_line
from contacts.consent.addresses import address_hashes, address_key
from contacts.directory.services.editing import find_locked
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, NotAllowed, WrongState

State, About = SignUp.State, EventLetter.About
FIELDS = ("name", "organization_name", "country", "note", "answers")
UNDO_MINUTES = 5  # a refusal waits so long before its letter leaves


def sign_up(
    *, event: Event, email: str, language: str, files: Callable[[], Iterable[Any]] | None = None, **values: Any
) -> SignUp | None:
    """Take what somebody wrote and have the letter sent that asks to confirm it. values: FIELDS. files: stores those that came along.

    Signing up again before that replaces what was said. None, with the same answer to the visitor, where nothing is sent: the address
    asked never to be written to, it waits for a decision already, or was asked three times today.
    """
    said = {field: values[field] for field in FIELDS if field in values} | {
        "language": language,
        "name": one_line(values["name"], most=200),
        "organization_name": one_line(values.get("organization_name", "")),
        "note": harmless(values.get("note", ""))[:1000],
    }
    row: SignUp | None = take(
        event.asked,
        email=email,
        limit=("event-letter", str(event.uid)),
        said=said,
        files=files,
        queue=lambda row: queue_sign_up(row, About.CONFIRM),
    )
    return row


@dataclass(frozen=True)
class Outcome:
    """What the link of the letter leads to. `is_late`: the link is over; else the sign-up as it is now."""

    row: SignUp | None
    is_late: bool = False


def find(uid: UUID) -> Outcome:
    rows = SignUp.objects.select_related(
        "event__drive__campaign", "event__country", "event__form", "country", "registration__event"
    )
    row = rows.filter(uid=uid).first()
    return Outcome(row, is_late=row is None or (row.state == State.ASKED and not _may_confirm(row)))


def _may_confirm(row: SignUp) -> bool:
    return row.created_at > timezone.now() - timedelta(days=settings.OPT_IN_DAYS) and row.event.takes_sign_ups()


def confirm(*, uid: UUID) -> Outcome:
    """The holder of the address pressed the button. Twice is once. Who was invited by this address answers the invitation; else the
    event's rule decides: a seat or a place in the line at once, or a colleague."""
    with transaction.atomic():
        found = SignUp.objects.select_related("event").filter(uid=uid).first()
        if found is None:
            return find(uid)
        event = lock_event(found.event)
        row = SignUp.objects.select_for_update(of=("self",)).select_related("event", "country").get(pk=found.pk)
        if row.state != State.ASKED or not _may_confirm(row):
            return find(uid)
        row.state, row.confirmed_at = State.CONFIRMED, timezone.now()
        row.save(update_fields=["state", "confirmed_at", "updated_at"])
        record(
            verb="signup.confirmed", target=row, door=Door.LINK, summary=row.label, event={"event": str(event.uid)},
            changes=[("state", State.ASKED.value, State.CONFIRMED.value)],
        )  # fmt: skip
        invitation = _invitation_of(event, row.email)
        seat = _seat_of(event, row)
        if seat is None and invitation is not None:
            answers = dict(row.answers) if row.answers else None
            files = [one.file for one in row.files.select_related("file").order_by("pk")]
            answer(
                invitation=invitation, says=Invitation.Answer.YES, road=Invitation.Road.LINK, answers=answers,
                files=(lambda: files) if files else None,
            )  # fmt: skip
            seat = invitation.registrations.active().filter(role=Registration.Role.INVITED).first()
        if seat is not None:
            _close(row, State.ACCEPTED, None, seat)
        elif event.sign_ups == Event.SignUps.OPEN:
            _close(row, State.ACCEPTED, None, _seat(event, row))
    return find(uid)


def _invitation_of(event: Event, email: str) -> Invitation | None:
    """The one invitation of the person whose address it is."""
    person = person_at(email)
    return event.invitations.filter(person=person).first() if person else None


def _seat_of(event: Event, row: SignUp) -> Registration | None:
    """A seat, or a place in the line, that this address has already."""
    hashes = address_hashes(address_key(row.email))
    return event.registrations.active().filter(address_hash__in=hashes).order_by("pk").first()


def _seat(event: Event, row: SignUp) -> Registration:
    """A seat or the end of the line. event: locked."""
    person = person_at(row.email)
    organization = organization_of(person)
    seat = Registration(
        event=event, role=Registration.Role.SIGNED_UP, name=row.name, email=row.email, address_hash=row.address_hash, person=person,
        organization=organization, organization_name="" if organization else row.organization_name,
        constituency=organization.constituency if organization else None, language=row.language, asked_at=row.confirmed_at or timezone.now(),
    )  # fmt: skip
    seat_or_wait(event, seat)
    return seat


def _close(row: SignUp, state: SignUp.State, actor: User | None, seat: Registration | None = None) -> None:
    row.state, row.decided_at, row.decided_by, row.registration = state, timezone.now(), actor, seat
    row.save(update_fields=["state", "decided_at", "decided_by", "registration", "reason", "updated_at"])


# --- staff ------------------------------------------------------------------------------------------------------------
def accept(*, row: SignUp, actor: User) -> Registration:
    """They get a seat, or the end of the line where none is free; a letter says which. Raises WrongState when it is decided already."""
    with transaction.atomic():
        event = lock_event(row.event)
        found = _locked(row, State.ACCEPTED)
        if not event.takes_answers_or_runs():
            raise WrongState(_("This event is over or called off, so nobody gets a seat any more."))
        seat = _seat_of(event, found) or _seat(event, found)
        _close(found, State.ACCEPTED, actor, seat)
        record(
            verb="signup.accepted", target=found, actor=actor, summary=found.label, event={"event": str(event.uid)},
            changes=[("state", State.CONFIRMED.value, State.ACCEPTED.value)],
        )  # fmt: skip
    return seat


def decline(*, row: SignUp, actor: User, reason: str = "") -> AuditEntry:
    """No seat, with a reason that the letter quotes; without one the letter gives none. Until it left, undo takes it back."""
    with transaction.atomic():
        lock_event(row.event)  # before the sign-up, as whoever calls the event off
        found = _locked(row, State.DECLINED)
        found.reason = harmless(reason)[:1000]
        _close(found, State.DECLINED, actor)
        queue_sign_up(found, About.DECLINED, wait=timedelta(minutes=UNDO_MINUTES))
        return record(
            verb="signup.declined", target=found, actor=actor, summary=found.label, event={"event": str(found.event.uid)},
            changes=[("state", State.CONFIRMED.value, State.DECLINED.value)],
        )  # fmt: skip


def _locked(row: SignUp, to: str) -> SignUp:
    found = SignUp.objects.select_for_update(of=("self",)).select_related("event", "country").get(pk=row.pk)
    if found.state == State.ASKED or to not in SignUp.MOVES[found.state]:
        raise WrongState(
            _("This sign-up is %(state)s already, so nothing was changed.") % {"state": found.get_state_display()}
        )
    return found


def restore_sign_up(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a refusal, as long as its letter did not go, they did not sign up again, and the event is not over or called off."""
    del values, expected
    event_id = SignUp.objects.filter(uid=uid).values_list("event_id", flat=True).first()
    event = lock_event(Event(pk=event_id)) if event_id else None
    row = find_locked(SignUp, uid)
    if not SignUp.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    letter = row.letters.select_for_update().filter(about=About.DECLINED).first()
    if row.state != State.DECLINED or (letter and letter.sent_at):
        raise Conflict(_("The letter has left, so this stays as it is. They may sign up again."), code="letter_left")
    if event is None or not event.takes_answers_or_runs():
        raise Conflict(_("The event is over or called off, so this stays as it is."), code="event_closed")
    if event.asked.filter(address_hash=row.address_hash, state__in=SignUp.OPEN).exists():
        raise Conflict(
            _("They signed up again meanwhile. Decide about that one; this stays as it is."), code="asked_again"
        )
    if letter:
        letter.delete()
    row.state, row.decided_at, row.decided_by, row.reason = State.CONFIRMED, None, None, ""
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "updated_at"])


def tell_called_off(event: Event) -> None:
    """Those who wait for a decision hear that the event does not take place. event: locked, and called off."""
    for row in event.asked.waiting().select_for_update(of=("self",)).order_by("pk"):
        _close(row, State.DECLINED, None)
        queue_sign_up(row, About.CANCELLED)


# --- what goes --------------------------------------------------------------------------------------------------------
def forget(rows: Any) -> int:
    """Sign-ups go, with files that nobody else has; seats that came of them stay."""
    with transaction.atomic():
        ids = list(rows.values_list("pk", flat=True))
        release_all(SignUpFile.objects.filter(sign_up__in=ids))
        return SignUp.objects.filter(pk__in=ids).delete()[1].get("campaigns.SignUp", 0)


def forget_unconfirmed(*, limit: int = 1000) -> int:
    """What nobody confirmed goes, with everything that was typed; returns how many."""
    before = timezone.now() - timedelta(days=settings.OPT_IN_DAYS)
    ids = SignUp.objects.unconfirmed_before(before).order_by("pk").values_list("pk", flat=True)[:limit]
    return forget(SignUp.objects.filter(pk__in=list(ids), state=State.ASKED))
