"""Staff accept whom they read about, or send them back with a reason. Who is accepted has a seat at the event, their steps, and a page.

As with imports, a name that was sent in changes nothing that is known: it adds what was missing, once a colleague has said who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delegations.composing import lock
from campaigns.delegations.letters import queue_of
from campaigns.delegations.models import Delegation, DelegationMail, Nomination
from campaigns.delegations.naming import free_seat, moved, note
from campaigns.delegations.papers import number_papers
from campaigns.delegations.steps import make_steps
from campaigns.events.models import Registration
from campaigns.events.seats import seat_or_wait
from campaigns.interactions.words import one_line
from contacts.directory.models import Membership, Person
from contacts.directory.services import create_person, edit_person, start_membership
from contacts.directory.suspects import Suspect, people_like
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid, NotAllowed, WrongState

State, About = Nomination.State, DelegationMail.About


def accept(*, nomination: Nomination, actor: User, person: Person | None = None, is_new: bool = False) -> AuditEntry:
    """They come: a seat, steps, numbered letters, and a mail with their own page. person: who of the directory it is; is_new: nobody there yet, so they are added as they were named; neither: staged,
    they come and somebody says later who they are.

    Raises Conflict (`no_seat`) when all seats of their kind are taken, WrongState when it was decided already.
    """
    with transaction.atomic():
        row, delegation = _locked(nomination)
        if row.state != State.PROPOSED:
            raise WrongState(_("This was decided already, so nothing was changed."))
        if delegation.left_out_at or delegation.event.cancelled_at or delegation.event.is_over:
            raise WrongState(_("This delegation takes nobody any more, so nothing was changed."))
        seats = delegation.seats.filter(constituency=row.constituency, role=row.role).first()
        if seats is None or seats.taken >= seats.seats:
            raise Conflict(
                _("All seats of this kind are taken. Withdraw somebody first, or give the delegation another seat."),
                code="no_seat",
            )
        seats.taken += 1
        seats.save(update_fields=["taken"])
        row.person = person or (_added(row, actor) if is_new else None)
        if row.person is not None:
            _tighten(row, row.person, actor)
        row.state, row.decided_at, row.decided_by, row.reason = State.ACCEPTED, timezone.now(), actor, ""
        row.registration = _registered(row, delegation)
        row.save()
        moved(row, actor)
        make_steps(row, delegation.event.composition, actor)
        number_papers(row)
        if row.email:
            queue_of(row, About.DELEGATE)
        if row.named_by:
            queue_of(row, About.ACCEPTED)
        return note(row, "nomination.accepted", actor, [("state", State.PROPOSED.value, State.ACCEPTED.value)])


def suspects_of(row: Nomination, user: User) -> list[Suspect]:
    """Who in the directory was named, as far as the user may see."""
    of = row.delegation.organization
    country = row.delegation.country_id or (of.country_id if of else None)
    return people_like(user, name=row.name, email=row.email, country_id=country)


def accept_if_sure(*, nomination: Nomination, actor: User) -> AuditEntry | None:
    """Accept who is certainly one of the directory, or like nobody there. None where somebody has to look first."""
    found = suspects_of(nomination, actor)
    sure = [one.row for one in found if one.is_sure]
    if found and not sure:
        return None
    return accept(nomination=nomination, actor=actor, person=sure[0] if sure else None, is_new=not found)


def identify(*, nomination: Nomination, actor: User, person: Person | None = None) -> AuditEntry | None:
    """Say later who of the directory an accepted delegate is; None adds them."""
    with transaction.atomic():
        row, _delegation = _locked(nomination)
        if row.state != State.ACCEPTED or row.person_id:
            raise WrongState(_("This was decided already, so nothing was changed."))
        row.person = person or _added(row, actor)
        _tighten(row, row.person, actor)
        row.save(update_fields=["person", "updated_at"])
        if row.registration and row.registration.person_id is None:
            row.registration.person = row.person
            row.registration.save(update_fields=["person", "updated_at"])
        for step in row.steps.select_related("task"):
            if step.task and step.task.person_id is None:
                step.task.person = row.person
                step.task.save(update_fields=["person", "updated_at"])
        return note(row, "nomination.identified", actor, [("person", None, str(row.person.uid))])


def send_back(*, nomination: Nomination, actor: User, reason: str) -> AuditEntry:
    """Not like this: who named them reads why, and can name them anew or somebody else."""
    reason = one_line(reason, most=500)
    if not reason:
        raise Invalid(_("Say why, so that they know what to do."), code="no_reason")
    with transaction.atomic():
        row, _delegation = _locked(nomination)
        if row.state != State.PROPOSED:
            raise WrongState(_("This was decided already, so nothing was changed."))
        row.state, row.reason, row.decided_at, row.decided_by = State.RETURNED, reason, timezone.now(), actor
        row.save(update_fields=["state", "reason", "decided_at", "decided_by", "updated_at"])
        moved(row, actor, reason)
        if row.named_by:
            queue_of(row, About.RETURNED)
        changes = [("state", State.PROPOSED.value, State.RETURNED.value), ("reason", None, reason)]
        return note(row, "nomination.returned", actor, changes)


def restore_nomination(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a decision: they wait to be looked at again, and an accepted one's seat is free. Of an edit: as they were named before."""
    found = (
        Nomination.objects.visible_to(actor, Action.DRIVES).filter(uid=uid).select_related("delegation__event").first()
    )
    if found is None:
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row, delegation = _locked(found)
    for name, value in expected.items():
        if hasattr(row, name) and name in values and str(getattr(row, name) or "") != str(value or ""):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if "state" not in values:
        for name, value in values.items():
            setattr(row, name, value or "")
        row.save()
        return
    before, row.state = row.state, State.PROPOSED
    row.reason, row.decided_at, row.decided_by = "", None, None
    if (
        row.address_hash
        and delegation.nominations.live().filter(address_hash=row.address_hash).exclude(pk=row.pk).exists()
    ):
        raise Conflict(_("Somebody with this address was named since, so it was left as it is."), code="named_already")
    row.save(update_fields=["state", "reason", "decided_at", "decided_by", "updated_at"])
    moved(row, actor)
    if before == State.ACCEPTED:
        free_seat(delegation, row)
        row.registration, row.person = None, None
        row.save(update_fields=["registration", "person", "updated_at"])
    row.mails.filter(sent_at=None, closed_at=None).delete()


def seat_given_back(registration: Registration) -> None:
    """Listener of events: who gives their seat back by their own link is no longer of the delegation. In the transaction that frees it,
    under the event's lock."""
    found = Nomination.objects.accepted().filter(registration=registration).select_related("delegation__event").first()
    if found is None:
        return
    row, delegation = _locked(found)
    if row.state != State.ACCEPTED:
        return
    row.state = State.WITHDRAWN
    row.save(update_fields=["state", "updated_at"])
    moved(row, None, _("gave the seat back"))
    free_seat(delegation, row)
    note(row, "nomination.withdrawn", None, [("state", State.ACCEPTED.value, State.WITHDRAWN.value)])


def _locked(nomination: Nomination) -> tuple[Nomination, Delegation]:
    delegation = lock(nomination.delegation)
    rows = Nomination.objects.select_for_update(of=("self",)).select_related(
        "constituency", "named_by", "organization__country", "registration", "person"
    )
    row = rows.get(pk=nomination.pk)
    row.delegation = delegation
    return row, delegation


def _added(row: Nomination, actor: User) -> Person:
    gender = row.gender if row.gender in Person.Gender.values else ""
    return create_person(
        actor=actor, name=row.name, honorific_prefix=row.honorific, gender=gender, language=row.language, email=row.email,
        country=row.delegation.country,
    )  # fmt: skip


def _tighten(row: Nomination, person: Person, actor: User) -> None:
    """Only what is not known yet; nothing is replaced."""
    changes: dict[str, Any] = {}
    if not person.gender and row.gender in Person.Gender.values and row.gender:
        changes["gender"] = row.gender
    if not person.honorific_prefix and row.honorific:
        changes["honorific_prefix"] = row.honorific
    if changes:
        edit_person(person=person, actor=actor, changes=changes)
    of = row.organization
    # a permanent mission names people of the whole government: who is in no institution yet is put there, nobody is moved
    if of is not None and not Membership.objects.current().filter(person=person).exists():
        start_membership(person=person, organization=of, role=row.function, actor=actor)


def _registered(row: Nomination, delegation: Delegation) -> Registration:
    """Their seat at the event: the one that they have already, else a new one, or a place in the line where it is full."""
    active = delegation.event.registrations.active()
    known = None
    if row.address_hash:
        known = active.filter(address_hash=row.address_hash, nomination=None).first()
    if known is None and row.person is not None:
        known = active.filter(person=row.person, nomination=None).first()
    if known is not None:
        return known
    made = Registration(
        event=delegation.event, role=Registration.Role.DELEGATE, name=row.name, email=row.email, address_hash=row.address_hash,
        person=row.person, organization=row.organization, organization_name="" if row.organization else delegation.label,
        constituency=row.constituency, language=row.language, asked_at=timezone.now(),
    )  # fmt: skip
    seat_or_wait(delegation.event, made)
    return made
