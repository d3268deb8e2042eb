"""Tasks given, done, put off, handed on and dropped. Each is one transaction with one audit entry, and can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.words import notes, one_line
from campaigns.outreach.models import Interaction
from campaigns.todo.models import Task
from campaigns.todo.repeating import next_day
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import back_from_plain, find_locked, invalid, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from crm.ids import new_uid

FIELDS = ("title", "note", "due_on", "assignee", "repeat", "organization", "person")
_UNDOABLE = (*FIELDS, "done_at", "done_by", "dropped_at")


def add_task(
    *,
    actor: User | None,
    title: str,
    due_on: date,
    assignee: User | None = None,
    note: str = "",
    repeat: str = "",
    organization: Organization | None = None,
    person: Person | None = None,
    interaction: Interaction | None = None,
    source: str = "",
    source_uid: UUID | None = None,
) -> Task:
    """Give a task, by default to oneself. source, source_uid: the feature's object that it came from.

    Raises Invalid for a task without words or for somebody who cannot do it, NotAllowed for a subject out of the actor's scope.
    """
    who = assignee or actor
    if who is None:
        raise Invalid(_("Say who does it."), code="no_assignee")
    _may_do(who)
    if actor is not None:
        _may_give(actor, organization, person)
    task = Task(
        title=one_line(title), note=notes(note), due_on=due_on, assignee=who, created_by=actor, repeat=repeat,
        organization=organization, person=person, interaction=interaction, source=source, source_uid=source_uid,
    )  # fmt: skip
    if repeat:
        task.series, task.anchor_on = new_uid(), due_on
    with transaction.atomic():
        _save_new(task)
        changes = [(name, None, plain(getattr(task, name))) for name in FIELDS if getattr(task, name)]
        record(verb="task.created", target=task, actor=actor, changes=changes, event={"due_on": due_on.isoformat()})
    return task


def _save_new(task: Task) -> None:
    try:
        task.full_clean(exclude=["assignee", "created_by", "organization", "person", "interaction", "done_by"])
    except ValidationError as error:
        raise invalid(error) from error
    task.save(force_insert=True)


def _may_do(user: User) -> None:
    if not user.is_active or not user.may(Action.SEE):
        raise Invalid(
            _("%(name)s cannot sign in any more. Choose somebody else.") % {"name": user.name}, code="assignee"
        )


def _may_give(actor: User, organization: Organization | None, person: Person | None) -> None:
    scope = actor.scope(Action.LOG)
    if not scope:
        raise NotAllowed(_("Your role does not let you give tasks. Nothing was saved."))
    for row in (organization, person):
        if row is not None and not type(row).objects.visible_to(actor, Action.LOG).filter(pk=row.pk).exists():
            raise NotAllowed(_("Your role does not reach %(name)s. Nothing was saved.") % {"name": row.label})


def may_change(task: Task, actor: User) -> bool:
    return actor.may(Action.LOG) and Task.objects.visible_to(actor, Action.LOG).filter(pk=task.pk).exists()


def edit_task(
    *, task: Task, actor: User, seen: Mapping[str, Any] | None = None, verb: str = "task.edited", **changes: Any
) -> AuditEntry | None:
    """Change FIELDS of an open task. seen: what the form showed. Raises StaleEdit when somebody changed one of those since."""
    if unknown := set(changes) - set(FIELDS):
        raise ValueError(f"tasks have no editable field {unknown.pop()}")
    with transaction.atomic():
        row: Task = find_locked(Task, task.uid)
        _refuse_over(row)
        _refuse_stale(row, seen or {})
        if "title" in changes:
            changes["title"] = one_line(changes["title"])
        if "note" in changes:
            changes["note"] = notes(changes["note"])
        if (who := changes.get("assignee")) is not None and who != row.assignee:
            _may_do(who)
        _may_give(actor, changes.get("organization"), changes.get("person"))
        made = [(n, plain(getattr(row, n)), plain(v)) for n, v in changes.items() if not same(getattr(row, n), v)]
        if not made:
            return None
        _put(row, {name: changes[name] for name, _before, _after in made})
        return record(
            verb=verb, target=row, actor=actor, changes=made, event={"fields": [change[0] for change in made]}
        )


def postpone_task(*, task: Task, actor: User, until: date) -> AuditEntry | None:
    return edit_task(task=task, actor=actor, verb="task.postponed", due_on=until)


def hand_over_task(*, task: Task, actor: User, to: User) -> AuditEntry | None:
    """Somebody else does it from now on."""
    return edit_task(task=task, actor=actor, verb="task.handed_over", assignee=to)


def _put(row: Task, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    if "due_on" in values or "assignee" in values:  # a new day, or a new reader, is reminded anew
        row.reminded_at, row.remind_after, row.remind_tries = None, None, 0
    if "repeat" in values or ("due_on" in values and row.repeat):
        row.series = (row.series or new_uid()) if row.repeat else None
        row.anchor_on = row.due_on if row.repeat else None
    try:
        row.full_clean(exclude=["created_by", "interaction", "done_by", "organization", "person"])
        with transaction.atomic():
            row.save()
    except ValidationError as error:
        raise invalid(error) from error
    except IntegrityError as error:  # the same repeated task stands on that day already
        raise Conflict(_("This task is there on that day already. Choose another day."), code="same_day") from error


def _refuse_over(row: Task) -> None:
    if not row.is_open:
        raise Conflict(_("This task is done or dropped already; nothing was changed."), code="task_over")


def _refuse_stale(row: Task, seen: Mapping[str, Any]) -> None:
    for name, value in seen.items():
        if name in FIELDS and not same(plain(getattr(row, name)), value):
            raise StaleEdit(
                _(
                    "Somebody changed this while you were editing. Your input is kept here; save again to replace theirs."
                ),
                field=name,
                current=plain(getattr(row, name)),
            )


# --- over ---------------------------------------------------------------------------------------------------------------------
def complete_task(*, task: Task, actor: User) -> AuditEntry | None:
    """Done; a task that repeats is there again for its next day. None when it was over already: the second click does nothing."""
    with transaction.atomic():
        row: Task = find_locked(Task, task.uid)
        if not row.is_open:
            return None
        row.done_at, row.done_by = timezone.now(), actor
        row.save(update_fields=["done_at", "done_by", "updated_at"])
        changes: list[Change] = [("done_at", None, plain(row.done_at)), ("done_by", None, plain(actor))]
        if row.repeat and (following := _again(row)):
            changes.append(("next", None, str(following.uid)))
        return record(verb="task.done", target=row, actor=actor, changes=changes, event={})


def _again(row: Task) -> Task | None:
    """The next one of the series. It is made once, whoever asks."""
    assert row.anchor_on is not None  # noqa: S101 the constraint says so
    day = next_day(repeat=row.repeat, anchor=row.anchor_on, after=max(row.due_on, timezone.localdate()))
    copied = {
        name: getattr(row, name) for name in (*FIELDS, "series", "anchor_on", "created_by", "source", "source_uid")
    }
    following, is_new = Task.objects.get_or_create(series=row.series, due_on=day, defaults=copied | {"due_on": day})
    return following if is_new else None


def drop_task(*, task: Task, actor: User) -> AuditEntry | None:
    """Not to be done any more; a series ends with it."""
    with transaction.atomic():
        row: Task = find_locked(Task, task.uid)
        if not row.is_open:
            return None
        row.dropped_at = timezone.now()
        row.save(update_fields=["dropped_at", "updated_at"])
        return record(
            verb="task.dropped",
            target=row,
            actor=actor,
            changes=[("dropped_at", None, plain(row.dropped_at))],
            event={},
        )


# --- undo ---------------------------------------------------------------------------------------------------------------------
def restore_task(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of giving: it is dropped. Of doing: it is open again, and the next one that it made goes if nobody touched it."""
    row: Task = find_locked(Task, uid)
    if not may_change(row, actor):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "title" in values and values["title"] is None:
        row.dropped_at = row.dropped_at or (None if row.done_at else timezone.now())
        row.save(update_fields=["dropped_at", "updated_at"])
        return
    for name in values:
        if name in _UNDOABLE and not same(plain(getattr(row, name)), expected[name]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if "next" in values:
        Task.objects.open().filter(uid=expected["next"]).delete()
    _put(row, {name: _value(name, value) for name, value in values.items() if name in _UNDOABLE})


def _value(name: str, value: Any) -> Any:
    if name in {"assignee", "done_by"}:
        return User.objects.filter(uid=value).first() if value else None
    return back_from_plain(Task, name, value)
