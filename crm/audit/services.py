"""Record what changed. `record()` runs in the caller's transaction; `undo()` puts the values before back.

Undo of a kind of object is registered by the feature that owns it: `undoable("person", restore_person)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry, Door, OutboxEvent
from crm.errors import Conflict

Change = tuple[str, Any, Any]  # field, before, after
Restore = Callable[..., None]  # restore(uid=…, values={field: before}, expected={field: after}, actor=…)
_UNDO: dict[str, Restore] = {}


def undoable(object_type: str, restore: Restore) -> None:
    """Say how to put fields of an object back. `restore` raises Conflict when a value is no longer the expected one."""
    _UNDO[object_type] = restore


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

    door: where it came from; by default a screen when there is an actor, else a task.
    """
    kind = object_type or (target._meta.model_name if target is not None else "") or ""
    uid = object_uid or getattr(target, "uid", None)
    entry = AuditEntry.objects.create(
        verb=verb,
        actor=actor,
        door=door or (Door.SCREEN if actor else Door.TASK),
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


def is_undoable(entry: AuditEntry) -> bool:
    return (
        entry.object_type in _UNDO and entry.undoes_id is None and not AuditEntry.objects.filter(undoes=entry).exists()
    )


def undo(*, entry: AuditEntry, actor: User) -> AuditEntry:
    """Put back what `entry` changed, if nobody changed it since; Conflict otherwise, and nothing is touched."""
    with transaction.atomic():
        entry = AuditEntry.objects.select_for_update().get(pk=entry.pk)
        if not is_undoable(entry):
            raise Conflict(_("This cannot be undone, or it was undone already."), code="not_undoable")
        # a line without values was blanked by an erasure: there is nothing to put back, and must not be
        changes = list(entry.changes.exclude(before=None, after=None).order_by("pk"))
        if not changes and entry.changes.exists():
            raise Conflict(_("What this changed was erased since, so nothing can be put back."), code="erased")
        by_object: dict[UUID, list[AuditChange]] = {}
        for change in changes:
            by_object.setdefault(change.object_uid, []).append(change)
        for uid, rows in by_object.items():
            _UNDO[entry.object_type](
                uid=uid,
                values={row.field: row.before for row in rows},
                expected={row.field: row.after for row in rows},
                actor=actor,
            )
        return record(
            verb=f"{entry.object_type}.undone",
            object_type=entry.object_type,
            object_uid=entry.object_uid,
            actor=actor,
            changes=[(row.field, row.after, row.before) for row in changes],
            summary=entry.summary,
            undoes=entry,
        )


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
