"""How changes of activities, objectives and teams are taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.activities.saving import is_same, put
from campaigns.events.models import Event
from campaigns.mailings.models import Mailing
from campaigns.rounds.models import CallRound
from contacts.directory.models import Country
from contacts.directory.services.editing import find_locked
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.verbs import Outcome
from crm.errors import Conflict, DomainError, NotAllowed

Values = Mapping[str, Any]
RELATED: dict[str, tuple[Any, str]] = {
    "owner": (User, "uid"),
    "country": (Country, "code"),
    "mailing": (Mailing, "uid"),
    "call_round": (CallRound, "uid"),
    "event": (Event, "uid"),
}


def restore_activity(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    row = find_locked(Activity, uid)
    is_own_move = row.owner_id == actor.pk and actor.may(Action.LOG) and set(values) <= {"state", "done_on"}
    if not is_own_move and not Activity.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    _restore(row, values, expected)


def restore_activities(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    """Each activity that an entry changed besides its own: those edited since, or out of reach by now, are kept as they are."""
    rows = entry.changes.filter(object_type="activity").order_by("pk")
    by_uid: dict[UUID, list[AuditChange]] = defaultdict(list)
    for change in rows.exclude(object_uid=entry.object_uid) if entry.object_uid else rows:
        by_uid[change.object_uid].append(change)
    restored = 0
    for uid, changes in by_uid.items():
        values, expected = ({c.field: getattr(c, side) for c in changes} for side in ("before", "after"))
        try:
            restore_activity(uid=uid, values=values, expected=expected, actor=actor)
        except DomainError:
            continue
        restored += 1
        AuditChange.objects.bulk_create(
            AuditChange(
                entry=into, object_type="activity", object_uid=uid, field=c.field, before=c.after, after=c.before
            )
            for c in changes
        )
    return Outcome(restored, len(by_uid) - restored)


def restore_objectives(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    """Objectives that a template or a copy brought: taken out again, those edited since too."""
    restored = kept = 0
    for change in entry.changes.filter(object_type="objective").order_by("pk"):
        try:
            restore_objective(
                uid=change.object_uid, values={"name": None}, expected={"name": change.after}, actor=actor
            )
        except DomainError:
            kept += 1
            continue
        restored += 1
        AuditChange.objects.create(
            entry=into, object_type="objective", object_uid=change.object_uid, field="name", before=change.after,
            after=None,
        )  # fmt: skip
    return Outcome(restored, kept)


def restore_objective(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    _restore(_of_drive(Objective, uid, actor), values, expected)


def restore_member(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    row = _of_drive(TeamMember, uid, actor)
    if "role" in values and values["role"] is None:  # it was added by this entry
        put(row, {"removed_at": timezone.now()})
        return
    _restore(row, values, expected)


def _of_drive(model: Any, uid: UUID, actor: User) -> Any:
    row = find_locked(model, uid)
    if not model.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    return row


def _restore(row: Any, values: Values, expected: Values) -> None:
    if "name" in values and values["name"] is None:  # it was made by this entry
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at"])
        return
    found = {}
    for field, before in values.items():
        if field == "depends_on":
            _restore_links(row, before or [], expected[field] or [])
            continue
        if not is_same(getattr(row, field), expected[field]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        found[field] = _value(type(row), field, before)
    if found:
        put(row, found)


def _restore_links(row: Activity, before: list[str], after: list[str]) -> None:
    now = sorted(str(uid) for uid in row.depends_on.values_list("before__uid", flat=True))
    if now != after:
        raise Conflict(_("What it depends on was changed again since, so it was left as it is."), code="changed_since")
    row.depends_on.exclude(before__uid__in=before).delete()
    missing = Activity.objects.filter(uid__in=set(before) - set(after))
    Dependency.objects.bulk_create(Dependency(before=other, after=row) for other in missing)


def _value(model: Any, field: str, value: Any) -> Any:
    if field in RELATED:
        related, key = RELATED[field]
        return related._default_manager.filter(**{key: value}).first() if value else None
    column = model._meta.get_field(field)
    return column.get_default() if value is None and not column.null else column.to_python(value)
