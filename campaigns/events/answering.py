"""What somebody says to an invitation, whatever the road: the link, a reply, a calendar, or a colleague who noted it.

Each answer is one transaction under the lock of the event. The same answer twice changes nothing, so a form sent twice, a forwarded
link and a mail that comes in again do no harm; another answer replaces the one before, until the event takes none any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.events.models import Event, Invitation, Registration
from campaigns.events.seats import give_back, lock_event, move_up, seat_or_wait
from campaigns.interactions.words import harmless, one_line
from contacts.consent.addresses import address_hash, address_key
from contacts.directory.models import ContactPoint, Membership, Person
from crm.accounts.models import User
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid

Answer, Road, Role = Invitation.Answer, Invitation.Road, Registration.Role


@dataclass(frozen=True)
class Human:
    """Somebody as they are named in an answer. email may be empty for a guest."""

    name: str
    email: str = ""


def answer(
    *,
    invitation: Invitation,
    says: str,
    road: str,
    delegate: Human | None = None,
    guests: Sequence[Human] | None = None,
    note: str | None = None,
    answers: Mapping[str, Any] | None = None,
    files: Callable[[], Iterable[Any]] | None = None,
    actor: User | None = None,
) -> Invitation:
    """Take an answer. says: yes, maybe, no or other (with `delegate`). guests: all who come along, None to leave them as they are.

    answers: to the event's questions, checked by campaigns.forms; None to leave them as they are. files: stores those that came with
    them, in this transaction, and returns their rows.

    Raises Conflict (`event_closed`) where the event takes no answers any more, Invalid for a delegate or guests that it does not take.
    """
    if says not in (Answer.YES, Answer.MAYBE, Answer.NO, Answer.OTHER):
        raise Invalid(_("Choose one of the answers. Nothing was changed."), code="no_answer")
    with transaction.atomic():
        event = lock_event(invitation.event)
        row = (
            Invitation.objects.select_for_update(of=("self",))
            .select_related("person", "organization")
            .get(pk=invitation.pk)
        )
        if not event.takes_answers():
            raise Conflict(_("This event takes no answers any more. Nothing was changed."), code="event_closed")
        _check(event, says, delegate, guests)
        before = row.answer
        comes = says in (Answer.YES, Answer.OTHER)
        main = row.registrations.active().filter(role__in=[Role.INVITED, Role.DELEGATE]).first()
        if main is not None and not (comes and _is_same(main, says, delegate)):
            give_back(event, main)
            main = None
        if comes and main is None:
            main = _new(event, row, delegate if says == Answer.OTHER else None)
        if main is not None and guests is not None:
            _bring(event, row, main, guests)
        move_up(event)
        said = row.note if note is None else harmless(note)[:1000]
        told = row.answers if answers is None else dict(answers)
        for file in files() if files else ():
            row.files.get_or_create(file=file)
        if (before, row.note, row.answers) == (says, said, told) and not actor:
            _copy(row, invitation)
            return invitation
        row.answer, row.answered_at, row.came_by, row.note, row.answers = says, timezone.now(), road, said, told
        row.save(update_fields=["answer", "answered_at", "came_by", "note", "answers", "updated_at"])
        record(
            verb="invitation.answered", target=row, actor=actor, door=None if actor else Door.LINK, summary=row.label,
            changes=[("answer", before or None, says)], event={"event": str(event.uid), "answer": says, "road": road},
        )  # fmt: skip
    _copy(row, invitation)
    return invitation


def _copy(row: Invitation, to: Invitation) -> None:
    for name in ("answer", "answered_at", "came_by", "note", "answers"):
        setattr(to, name, getattr(row, name))


def _check(event: Event, says: str, delegate: Human | None, guests: Sequence[Human] | None) -> None:
    if says == Answer.OTHER:
        if not event.allows_delegate:
            raise Invalid(_("Only who was invited can come to this event. Nothing was changed."), code="no_delegates")
        if delegate is None or not delegate.name.strip() or not delegate.email.strip():
            raise Invalid(_("Say who comes instead, with an e-mail address."), code="no_delegate")
    for human in (*([delegate] if delegate else []), *(guests or ())):
        if human.email:
            address_key(human.email)  # Invalid where no mail can go
    if guests and len(guests) > event.guests_each:
        raise Invalid(_("At most %(n)s guests can come along. Nothing was changed.") % {"n": event.guests_each}, code="too_many_guests")  # fmt: skip


def _is_same(main: Registration, says: str, delegate: Human | None) -> bool:
    if says == Answer.YES:
        return main.role == Role.INVITED
    return (
        main.role == Role.DELEGATE
        and delegate is not None
        and address_key(main.email) == address_key(delegate.email)
        and main.name == one_line(delegate.name, most=200)
    )


def _new(event: Event, invitation: Invitation, delegate: Human | None) -> Registration:
    """The one that an invitation is for, or whom they send; guests follow them."""
    organization = invitation.organization or organization_of(invitation.person)
    common: dict[str, Any] = {
        "event": event, "invitation": invitation, "organization": organization, "language": invitation.language,
        "constituency": organization.constituency if organization else None, "asked_at": timezone.now(),
    }  # fmt: skip
    if delegate is not None:
        email = delegate.email.strip()
        row = Registration(
            **common, role=Role.DELEGATE, name=one_line(delegate.name, most=200), email=email,
            address_hash=address_hash(address_key(email)), person=person_at(email),
        )  # fmt: skip
    else:
        email = invitation.email or _address_of(invitation)
        row = Registration(
            **common, role=Role.INVITED, name=one_line(invitation.label, most=200) or "?", email=email, person=invitation.person,
            address_hash=address_hash(address_key(email)) if email else None,
        )  # fmt: skip
    seat_or_wait(event, row)
    return row


def _bring(event: Event, invitation: Invitation, host: Registration, guests: Sequence[Human]) -> None:
    """Guests as named now: who is no longer named gives the seat back, who is new gets in line."""
    wanted = {one_line(human.name, most=200): human for human in guests if human.name.strip()}
    for guest in host.guests.active():
        if guest.name not in wanted:
            give_back(event, guest)
        else:
            del wanted[guest.name]
    for name, human in wanted.items():
        email = human.email.strip()
        guest = Registration(
            event=event, invitation=invitation, host=host, role=Role.GUEST, name=name, email=email, language=host.language,
            address_hash=address_hash(address_key(email)) if email else None, person=person_at(email) if email else None,
            organization=host.organization, constituency=host.constituency, asked_at=timezone.now(),
        )  # fmt: skip
        seat_or_wait(event, guest)


def person_at(email: str) -> Person | None:
    """The one person whose own address it is; None where it is nobody's, or several people's."""
    points = ContactPoint.objects.filter(
        kind="email", address_key=address_key(email), person__archived_at=None, person__erased_at=None
    )
    found = list(points.exclude(person=None).select_related("person").order_by("pk")[:2])
    return found[0].person if len(found) == 1 else None


def organization_of(person: Person | None) -> Any:
    if person is None:
        return None
    held = Membership.objects.current().filter(person=person).select_related("organization__constituency")
    membership = held.order_by("-is_primary", "pk").first()
    return membership.organization if membership else None


def _address_of(invitation: Invitation) -> str:
    subject = invitation.subject
    point = subject.contact_points.best() if subject else None
    return point.value if point else ""


def leave(*, registration: Registration, actor: User | None = None) -> bool:
    """Somebody gives their own seat back (a delegate or a guest by their link, or staff for them). False when they did already."""
    with transaction.atomic():
        event = lock_event(registration.event)
        row = (
            Registration.objects.select_for_update(of=("self",))
            .select_related("constituency", "invitation")
            .get(pk=registration.pk)
        )
        if not give_back(event, row):
            return False
        move_up(event)
        invitation = row.invitation
        if invitation is not None and row.role in (Role.INVITED, Role.DELEGATE):
            before = invitation.answer
            invitation.answer, invitation.answered_at = Answer.NO, timezone.now()
            invitation.came_by = Road.STAFF if actor else Road.LINK
            invitation.save(update_fields=["answer", "answered_at", "came_by", "updated_at"])
            changes = [("answer", before or None, Answer.NO.value)]
            record(verb="invitation.answered", target=invitation, actor=actor, door=None if actor else Door.LINK, summary=invitation.label, changes=changes, event={"event": str(event.uid), "answer": "no", "road": invitation.came_by})  # fmt: skip
        record(
            verb="registration.left", target=row, actor=actor, door=None if actor else Door.LINK, summary=row.name,
            changes=[("state", "seat" if row.seated_at else "waiting", "gone")], event={"event": str(event.uid)},
        )  # fmt: skip
    registration.refresh_from_db()
    return True


def place_in_line(row: Registration) -> int:
    """1 for who moves up next."""
    ahead = row.event.registrations.filter(state="waiting")
    return (
        ahead.filter(asked_at__lt=row.asked_at).count() + ahead.filter(asked_at=row.asked_at, pk__lt=row.pk).count() + 1
    )
