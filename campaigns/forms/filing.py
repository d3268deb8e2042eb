"""Answers find their person: by themselves where it is certain, else by a colleague who sees both side by side.

As imports do, a form only adds: a country or a phone number where there is none, once a colleague has decided, and the wish to be written to, which a letter
asks to confirm. It changes nothing that is known, makes nobody, and reverses no withdrawal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.forms.engine import questions_of
from campaigns.forms.matching import doubts_about, people_at
from campaigns.forms.models import Submission
from campaigns.forms.questions import Kind
from contacts.consent.models import Topic
from contacts.consent.services import ask_permission
from contacts.directory.models import ContactPoint, Person
from contacts.directory.services import add_contact_point, create_person, edit_person
from contacts.directory.services.editing import find_locked
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState
from crm.one_by_one import one_by_one

State = Submission.State
LIMIT = 2000


def file_received(*, until: float) -> int:
    """Look at what arrived, each by itself, until a time of the monotonic clock. Two of these at once file nothing twice."""
    ids = Submission.objects.filter(state=State.RECEIVED).order_by("id").values_list("pk", flat=True)[:LIMIT]
    return one_by_one(list(ids), handle=_file, give_up=_give_up, what="Submission", until=until)


def _file(pk: int) -> Submission | None:
    with transaction.atomic():
        rows = Submission.objects.select_for_update(skip_locked=True, of=("self",)).select_related("form__campaign")
        row = rows.filter(pk=pk, state=State.RECEIVED).first()
        if row is None:
            return None
        if not row.email:
            _move(row, State.KEPT)
            return row
        people = people_at(row.email)
        row.doubts = doubts_about(row, people)
        if row.doubts:
            _move(row, State.WAITING)
        else:
            _give_to(row, people[0], actor=None)
    return row


def _give_up(pk: int, problem: str) -> None:
    """Something broke: a colleague decides, and sees what it was."""
    doubts = [_("It could not be compared with the directory (%(problem)s).") % {"problem": problem[:200]}]
    Submission.objects.filter(pk=pk, state=State.RECEIVED).update(
        state=State.WAITING, doubts=doubts, updated_at=timezone.now()
    )


def _move(row: Submission, state: State) -> None:
    row.state = state
    row.save(update_fields=["state", "doubts", "updated_at"])


# --- staff ------------------------------------------------------------------------------------------------------------
def decide(*, submission: Submission, actor: User, person: Person | None = None) -> AuditEntry:
    """These are the answers of `person`; without one, of somebody new. Raises WrongState when it is decided already."""
    with transaction.atomic():
        row = _locked(submission, State.FILED)
        if person is None:
            if not row.name:
                raise Invalid(
                    _("They did not say their name. Choose somebody, or set the answers aside."), code="no_name"
                )
            person = create_person(
                actor=actor, name=row.name, country=row.country, language=row.language, email=row.email
            )
        row.decided_at, row.decided_by = timezone.now(), actor
        return _give_to(row, person, actor=actor)


def set_aside(*, submission: Submission, actor: User) -> AuditEntry:
    """It counts no more: a try, a joke, a machine. The answers stay, until retention lets them go."""
    with transaction.atomic():
        row = _locked(submission, State.ASIDE)
        before = row.state
        row.state, row.decided_at, row.decided_by = State.ASIDE, timezone.now(), actor
        row.save(update_fields=["state", "decided_at", "decided_by", "updated_at"])
        return record(
            verb="submission.set_aside", target=row, actor=actor, changes=[("state", str(before), State.ASIDE.value)],
            summary=row.label,
        )  # fmt: skip


def restore_submission(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a decision: it waits again. What was added to the directory stays, as after an import."""
    row = find_locked(Submission, uid)
    if not Submission.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if row.state != expected.get("state"):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    # what filed itself must not do so again
    state = State.WAITING if values["state"] in (None, State.RECEIVED) else values["state"]
    row.state, row.person, row.decided_at, row.decided_by = state, None, None, None
    row.save(update_fields=["state", "person", "decided_at", "decided_by", "updated_at"])


def _locked(submission: Submission, to: str) -> Submission:
    rows = Submission.objects.select_for_update(of=("self",)).select_related("form__campaign", "country")
    row = rows.get(pk=submission.pk)
    if to not in Submission.MOVES[row.state]:
        raise WrongState(_("These answers are %(state)s already.") % {"state": row.get_state_display()})
    return row


# --- what filing adds -------------------------------------------------------------------------------------------------
def _give_to(row: Submission, person: Person, *, actor: User | None) -> AuditEntry:
    before = row.state
    row.state, row.person = State.FILED, person
    row.save(update_fields=["state", "person", "doubts", "decided_at", "decided_by", "updated_at"])
    entry = record(
        verb="submission.filed", target=row, actor=actor, door=None if actor else Door.LINK,
        changes=[("state", str(before), State.FILED.value)], summary=f"{row.form.name}: {person.label}",
        event={"form": str(row.form.uid), "person": str(person.uid)},
    )  # fmt: skip
    _tighten(row, person, actor)
    _ask_for_permissions(row, person, actor)
    return entry


def _tighten(row: Submission, person: Person, actor: User | None) -> None:
    """Only what is not known yet; nothing is replaced. Anybody can type an address: without a colleague's yes nothing is added."""
    if actor is None:
        return
    if row.country and person.country_id is None:
        edit_person(person=person, actor=actor, changes={"country": row.country})
    points = person.contact_points
    if row.phone and not points.filter(kind=ContactPoint.Kind.PHONE).exists():
        try:
            with transaction.atomic():
                add_contact_point(person=person, kind=ContactPoint.Kind.PHONE, value=row.phone, actor=actor)
        except (Invalid, Conflict):
            return  # a number that the directory cannot take stays in the answers


def _ask_for_permissions(row: Submission, person: Person, actor: User | None) -> None:
    """Anybody can type an address: a letter asks whoever has it. Who withdrew, or has the topic, is not asked."""
    wanted = {uid for q in questions_of(row.form) if q.kind == Kind.CONSENT for uid in row.answers.get(q.key, [])}
    for topic in Topic.objects.filter(uid__in=wanted, archived_at=None).order_by("pk"):
        try:
            with transaction.atomic():
                ask_permission(
                    subject=person, topic=topic, source="form", actor=actor,
                    evidence=f"Ticked on the form “{row.form.name}”, {row.created_at:%Y-%m-%d %H:%M} UTC. Submission {row.uid}.",
                )  # fmt: skip
        except Invalid:
            continue
