"""Commitments: recorded, changed, settled, verified. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment, CommitmentUpdate, Milestone
from campaigns.planning.models import Drive
from campaigns.positions.models import Ask
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import (
    copy_into,
    created,
    edit_row,
    find_locked,
    invalid,
    lock,
    plain,
    put,
    same,
)
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid

FIELDS = ("text", "ask", "promised_by", "made_on", "due_on", "evidence", "link", "owner", "is_public")
NEW_FIELDS = ("organization", "drive", *FIELDS)
SETTLED = ("state", "settled_at", "settled_by", "outcome", "outcome_link", "verified_at", "verified_by")
MOST_TEXT = 5000
State = Commitment.State


def clean(text: str, most: int = MOST_TEXT) -> str:
    return text.replace("\x00", "").strip()[:most]


def make_commitment(
    *,
    organization: Organization,
    drive: Drive,
    actor: User | None,
    text: str,
    due_on: date,
    made_on: date | None = None,
    form_key: UUID | None = None,
    **values: Any,
) -> Commitment:
    """Record what an institution promised. form_key: one form saves one, however often it is sent."""
    if form_key and (known := Commitment.objects.filter(form_key=form_key).first()):
        return known
    row = Commitment(
        organization=organization, drive=drive, text=clean(text, 2000), due_on=due_on, recorded_by=actor,
        made_on=made_on or timezone.localdate(), form_key=form_key or new_uid(), **values,
    )  # fmt: skip
    _check_ask(row)
    try:
        row.full_clean(exclude=["organization", "drive", "promised_by", "owner", "recorded_by", "settled_by", "verified_by", "form_key"])  # fmt: skip
    except ValidationError as error:
        raise invalid(error) from error
    try:
        with transaction.atomic():
            row.save()
            created(target=row, fields=NEW_FIELDS, actor=actor)
    except IntegrityError:  # the same form, sent twice at the same time
        known = Commitment.objects.filter(form_key=row.form_key).first()
        if known is None:
            raise
        return known
    return row


def _check_ask(row: Commitment) -> None:
    if row.ask and row.ask.drive_id != row.drive_id:
        raise Invalid(_("This ask belongs to another drive. Nothing was saved."), code="bad_value")


def edit_commitment(
    *, commitment: Commitment, actor: User, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Raises StaleEdit when somebody changed the same meanwhile."""
    ask: Ask | None = changes.get("ask")
    if ask and ask.drive_id != commitment.drive_id:
        raise Invalid(_("This ask belongs to another drive. Nothing was saved."), code="bad_value")
    if "text" in changes and not clean(str(changes["text"])):
        raise Invalid(_("Write down what was promised."), code="bad_value")
    return edit_row(
        target=commitment, allowed=FIELDS, changes=changes, seen=seen, actor=actor, verb="commitment.edited"
    )


# --- how it ends ------------------------------------------------------------------------------------------------------
def settle(
    *, commitment: Commitment, actor: User, state: str, outcome: str = "", outcome_link: str = ""
) -> AuditEntry | None:
    """Kept, broken or withdrawn, with what shows it. Somebody else verifies it afterwards. None if it is settled so already."""
    if state not in {State.KEPT, State.BROKEN, State.WITHDRAWN}:
        raise Invalid(_("A commitment is kept, broken or withdrawn."), code="bad_value")
    now = timezone.now()
    after = {
        "state": state, "settled_at": now, "settled_by": actor, "outcome": clean(outcome), "outcome_link": outcome_link,
        "verified_at": None, "verified_by": None,
    }  # fmt: skip
    with transaction.atomic():
        row: Commitment = lock(commitment)
        if row.state == state and (row.outcome, row.outcome_link) == (after["outcome"], outcome_link):
            return None
        return _put(commitment, row, after, actor, "commitment.settled")


def reopen(*, commitment: Commitment, actor: User) -> AuditEntry | None:
    """It is open again: what was said of its end was wrong. None if it is open."""
    with transaction.atomic():
        row: Commitment = lock(commitment)
        if row.is_open:
            return None
        after = {
            "state": State.OPEN, "settled_at": None, "settled_by": None, "outcome": "", "outcome_link": "",
            "verified_at": None, "verified_by": None,
        }  # fmt: skip
        return _put(commitment, row, after, actor, "commitment.reopened")


def verify(*, commitment: Commitment, actor: User) -> AuditEntry | None:
    """Somebody who neither recorded nor settled it has looked at the evidence. None if it is verified."""
    with transaction.atomic():
        row: Commitment = lock(commitment)
        if row.state not in {State.KEPT, State.BROKEN}:
            raise Conflict(_("Only what is kept or broken can be verified."), code="not_settled")
        if row.verified_at:
            return None
        if actor.pk in {row.settled_by_id, row.recorded_by_id}:
            raise NotAllowed(_("Somebody else verifies it: not who recorded or settled it. Nothing was changed."))
        return _put(commitment, row, {"verified_at": timezone.now(), "verified_by": actor}, actor, "commitment.verified")  # fmt: skip


def _put(target: Commitment, row: Commitment, after: dict[str, Any], actor: User, verb: str) -> AuditEntry:
    changes = [(f, plain(getattr(row, f)), plain(v)) for f, v in after.items() if not same(getattr(row, f), v)]
    put(row, after)
    copy_into(target, row)
    event = {"organization": str(row.organization.uid), "state": row.state}
    return record(verb=verb, target=row, actor=actor, changes=changes, event=event)


# --- milestones -------------------------------------------------------------------------------------------------------
def add_milestone(*, commitment: Commitment, actor: User, text: str, due_on: date) -> Milestone:
    milestone = Milestone(commitment=commitment, text=clean(text, 300), due_on=due_on)
    with transaction.atomic():
        lock(commitment)
        try:
            milestone.full_clean(exclude=[])
        except ValidationError as error:
            raise invalid(error) from error
        milestone.save()
        _record_milestone(milestone, None, _told(milestone), actor)
    return milestone


def set_milestone(*, milestone: Milestone, actor: User, done_on: date | None) -> AuditEntry | None:
    """Tick a milestone, or take the tick away. None if nothing changes."""
    with transaction.atomic():
        row: Milestone = lock(milestone)
        if row.done_on == done_on:
            return None
        before = _told(row)
        row.done_on = done_on
        row.save(update_fields=["done_on"])
        if done_on:
            heard(row.commitment, done_on)
        return _record_milestone(row, before, _told(row), actor)


def remove_milestone(*, milestone: Milestone, actor: User) -> AuditEntry | None:
    with transaction.atomic():
        row = Milestone.objects.select_for_update().filter(pk=milestone.pk).first()
        if row is None:
            return None
        before = _told(row)
        entry = _record_milestone(row, before, None, actor)
        row.delete()
        return entry


def _told(milestone: Milestone) -> dict[str, str]:
    done = {"done_on": milestone.done_on.isoformat()} if milestone.done_on else {}
    return {"text": milestone.text, "due_on": milestone.due_on.isoformat(), **done}


def _record_milestone(milestone: Milestone, before: Any, after: Any, actor: User) -> AuditEntry:
    changes = [(f"milestone:{milestone.uid}", before, after)]
    return record(verb="commitment.milestone_set", target=milestone.commitment, actor=actor, changes=changes, event={})


# --- words about it ---------------------------------------------------------------------------------------------------
def heard(commitment: Commitment, on: date) -> None:
    """Somebody heard how it stands: it is not silent any more. In the caller's transaction."""
    later = Commitment.objects.filter(pk=commitment.pk).exclude(heard_on__gte=on)
    later.update(heard_on=on)


def note_word(
    *, commitment: Commitment, actor: User, progress: str, text: str, link: str = "", form_key: UUID | None = None
) -> CommitmentUpdate:
    """Staff heard how it stands, in a call or at a meeting."""
    if form_key and (known := CommitmentUpdate.objects.filter(form_key=form_key).first()):
        return known
    now = timezone.now()
    update = CommitmentUpdate(
        commitment=commitment, progress=progress, text=clean(text), link=link, received_at=now, state="accepted",
        decided_at=now, decided_by=actor, form_key=form_key or new_uid(),
    )  # fmt: skip
    if not update.text:
        raise Invalid(_("Say in a few words what you heard."), code="bad_value")
    with transaction.atomic():
        lock(commitment)
        try:
            update.full_clean(exclude=["commitment", "came_by", "decided_by", "form_key"])
        except ValidationError as error:
            raise invalid(error) from error
        update.save()
        heard(commitment, timezone.localdate())
        changes = [("word", None, {"progress": progress, "text": update.text[:300]})]
        record(
            verb="commitment.heard_of", target=commitment, actor=actor, changes=changes, event={"progress": progress}
        )
    return update


# --- undo -------------------------------------------------------------------------------------------------------------
def restore_commitment(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """A new one is withdrawn; a changed or settled one is as before; milestones come and go one by one."""
    row: Commitment = find_locked(Commitment, uid)
    if not Commitment.objects.visible_to(actor, Action.LOG).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "text" in values and values["text"] is None:
        put(row, {"state": State.WITHDRAWN, "settled_at": timezone.now(), "settled_by": actor, "outcome": _("Taken back right after it was recorded.")})  # fmt: skip
        return
    if row.verified_at and "state" in values and "verified_at" not in values:
        raise Conflict(_("Somebody verified it since, so it was left as it is. Open it again instead."), code="changed_since")  # fmt: skip
    plainly: dict[str, Any] = {}
    for field, before in values.items():
        if field.startswith("milestone:"):
            _restore_milestone(row, UUID(field.partition(":")[2]), before, expected[field])
        elif same(getattr(row, field), expected[field]):
            plainly[field] = _value(field, before)
        else:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if plainly:
        put(row, plainly)


def _restore_milestone(row: Commitment, uid: UUID, before: Any, after: Any) -> None:
    known = row.milestones.filter(uid=uid).first()
    if (_told(known) if known else None) != after:
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if before is None:
        row.milestones.filter(uid=uid).delete()
    else:
        Milestone.objects.update_or_create(uid=uid, defaults={"commitment": row, "done_on": None, **before})


def _value(field: str, before: Any) -> Any:
    related: dict[str, Any] = {
        "owner": User,
        "settled_by": User,
        "verified_by": User,
        "ask": Ask,
        "promised_by": Person,
    }
    if field in related:
        return related[field].objects.filter(uid=before).first() if before else None
    column: Any = Commitment._meta.get_field(field)
    return column.get_default() if before is None and not column.null else column.to_python(before)
