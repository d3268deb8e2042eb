"""Record what changed. `record()` runs in the caller's transaction; `undo()` puts the values before back.

Undo of a kind of object is registered by the feature that owns it, see `crm.audit.verbs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.audit.doors import entrance
from crm.audit.models import AuditChange, AuditEntry, Door, OutboxEvent
from crm.audit.verbs import UNDO, UNDO_MANY, undoable, why_final
from crm.errors import Conflict

__all__ = ["Change", "as_json", "can_undo", "emit", "is_undoable", "publish_outbox", "record", "undo", "undoable"]

Change = tuple[str, Any, Any]  # field, before, after
_UNDO = UNDO


def _context(name: str, default: str) -> str:
    return str(structlog.contextvars.get_contextvars().get(name, default))


def as_json(value: Any) -> Any:
    """A model value as the audit trail keeps it: scalars and lists; related objects by their uid or code."""
    if isinstance(value, models.Model):
        return str(getattr(value, "uid", value.pk))
    if isinstance(value, list | tuple | set):
        return [as_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    return str(value)


def record(
    *,
    verb: str,
    target: models.Model | None = None,
    object_type: str = "",
    object_uid: UUID | None = None,
    actor: User | None = None,
    door: Door | str | None = None,
    changes: Iterable[Change] = (),
    summary: str = "",
    undoes: AuditEntry | None = None,
    event: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one audit entry with its changes, and (with `event`, the payload) one outbox event of type `verb`.

    door: where it came from; by default the one that was opened by `crm.audit.doors.through`, else a screen when there is an
    actor, else a task.
    """
    came = entrance()
    if came and came.door == Door.PARTNER and actor is None:
        door = Door.PARTNER  # the services of signed links, used from an account
    kind = object_type or (target._meta.model_name if target is not None else "") or ""
    uid = object_uid or getattr(target, "uid", None)
    entry = AuditEntry.objects.create(
        verb=verb,
        actor_id=actor.pk if actor else came.actor_id if came and door == Door.PARTNER else None,
        door=door or (came.door if came else Door.SCREEN if actor else Door.TASK),
        token_id=came.token_id if came else None,
        request_id=_context("request_id", "")[:64],
        object_type=kind,
        object_uid=uid,
        summary=summary[:300],
        undoes=undoes,
    )
    AuditChange.objects.bulk_create(
        AuditChange(
            entry=entry, object_type=kind, object_uid=uid, field=field, before=as_json(before), after=as_json(after)
        )
        for field, before, after in changes
        if uid is not None
    )
    if event is not None and uid is not None:
        emit(type=verb, object_uid=uid, actor=actor, payload=event)
    return entry


def emit(*, type: str, object_uid: UUID, actor: User | None = None, payload: Mapping[str, Any] | None = None) -> None:
    """Put an event into the outbox, in the caller's transaction."""
    OutboxEvent.objects.create(
        type=type,
        object_uid=object_uid,
        actor_uid=actor.uid if actor else None,
        at=timezone.now(),
        payload=dict(payload or {}),
    )


def can_undo(entry: AuditEntry) -> bool:
    """Whether Undo is offered; asks nothing of the database when `undone_by` was selected with the entry."""
    return (
        (entry.object_type in UNDO or entry.object_type in UNDO_MANY)
        and not why_final(entry.verb)
        and entry.undoes_id is None
        and not hasattr(entry, "undone_by")
    )


def is_undoable(entry: AuditEntry) -> bool:
    """The same, asked of the database as it is now."""
    entry = AuditEntry.objects.select_related("undone_by").get(pk=entry.pk)
    return can_undo(entry) and entry.changes.exists()


def is_of_many(entry: AuditEntry) -> bool:
    """Whether it changed several objects at once: each of them is then put back, or kept, by itself."""
    return entry.object_uid is None and entry.object_type in UNDO_MANY


def undo(*, entry: AuditEntry, actor: User) -> AuditEntry:
    """Put back what `entry` changed.

    Of one object: all of it, or Conflict and nothing is touched. Of many: each one that nobody edited since; `kept` of the
    returned entry counts the others. Conflict when there is none to put back.
    """
    with transaction.atomic():
        entry = AuditEntry.objects.select_for_update().get(pk=entry.pk)
        if not is_undoable(entry):
            reason = str(why_final(entry.verb)) or _("This cannot be undone, or it was undone already.")
            raise Conflict(reason, code="not_undoable")
        return _undo_many(entry, actor) if is_of_many(entry) else _undo_one(entry, actor)


def _undo_one(entry: AuditEntry, actor: User) -> AuditEntry:
    """The entry's own object first, whole or not at all; what only followed it (people of an institution that moved) as far as it stands."""
    by_object: dict[tuple[str, UUID], list[AuditChange]] = {}
    followers = set()
    # a line without values was blanked by an erasure: there is nothing to put back, and must not be
    changes = list(entry.changes.exclude(before=None, after=None).order_by("pk"))
    if not changes and entry.changes.exists():
        raise Conflict(_("What this changed was erased since, so nothing can be put back."), code="erased")
    for change in changes:
        if entry.object_uid not in (None, change.object_uid) and change.object_type in UNDO_MANY:
            followers.add(change.object_type)
        else:
            by_object.setdefault((change.object_type, change.object_uid), []).append(change)
    for (kind, uid), rows in by_object.items():
        UNDO.get(kind, UNDO[entry.object_type])(
            uid=uid,
            values={row.field: row.before for row in rows},
            expected={row.field: row.after for row in rows},
            actor=actor,
        )
    undone = [row for rows in by_object.values() for row in rows]
    made = record(
        verb=f"{entry.object_type}.undone",
        object_type=entry.object_type,
        object_uid=entry.object_uid,
        actor=actor,
        summary=entry.summary,
        undoes=entry,
        event={"fields": [row.field for row in undone]},
    )
    AuditChange.objects.bulk_create(
        AuditChange(
            entry=made, object_type=row.object_type, object_uid=row.object_uid, field=row.field,
            before=row.after, after=row.before,
        )
        for row in undone
    )  # fmt: skip
    for kind in sorted(followers):
        made.kept += UNDO_MANY[kind](entry, made, actor).kept
    return made


def _undo_many(entry: AuditEntry, actor: User) -> AuditEntry:
    made = record(
        verb=f"{entry.object_type}.undone",
        object_type=entry.object_type,
        actor=actor,
        summary=entry.summary,
        undoes=entry,
    )
    restored = 0
    for kind in sorted(set(entry.changes.order_by().values_list("object_type", flat=True).distinct())):
        done, kept = UNDO_MANY[kind](entry, made, actor)
        restored += done if kind == entry.object_type else 0
        made.kept += kept if kind == entry.object_type else 0
    if not restored:
        raise Conflict(
            _("Each of them was edited since, or is out of your reach by now. All were left as they are."),
            code="changed_since",
        )
    return made


def publish_outbox(*, limit: int = 5000) -> int:
    """Number committed, unnumbered events in id order. One publisher at a time (advisory lock); returns how many."""
    from django.db import connection

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('outbox'))")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            """
            WITH due AS (SELECT id FROM crm_outboxevent WHERE seq IS NULL ORDER BY id LIMIT %s),
                 numbered AS (SELECT id, row_number() OVER (ORDER BY id)
                                         + (SELECT coalesce(max(seq), 0) FROM crm_outboxevent) AS seq FROM due)
            UPDATE crm_outboxevent o SET seq = n.seq FROM numbered n WHERE o.id = n.id
            """,
            [limit],
        )
        return cursor.rowcount
