"""Which changes can be taken back, and why the others cannot. Every verb that code records is one or the other (a test looks).

undoable("person", restore_person)               one object: all of it, or Conflict and nothing
undoable_many("person", restore_people)          many at once, set-based: per object all of it or nothing
final("mailing.tested", _("Mail that has left cannot be called back."))       a pattern may end in *
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from crm.accounts.models import User
    from crm.audit.models import AuditEntry

Restore = Callable[..., None]  # restore(uid=…, values={field: before}, expected={field: after}, actor=…)


class Outcome(NamedTuple):
    """What undoing many did: objects put back, and objects kept because they were edited since or are out of reach."""

    restored: int
    kept: int


RestoreMany = Callable[["AuditEntry", "AuditEntry", "User"], Outcome]  # restore(entry, into, actor)

UNDO: dict[str, Restore] = {}
UNDO_MANY: dict[str, RestoreMany] = {}
FINAL: dict[str, StrOrPromise] = {}


def undoable(object_type: str, restore: Restore) -> None:
    """Say how to put fields of an object back. `restore` raises Conflict when a value is no longer the expected one."""
    UNDO[object_type] = restore


def undoable_many(object_type: str, restore: RestoreMany) -> None:
    """Say how to put back what one entry changed of many objects.

    `restore(entry, into, actor)` writes what it put back as audit_change rows of `into`, and leaves alone what was edited since.
    """
    UNDO_MANY[object_type] = restore


def final(verb: str, reason: StrOrPromise) -> None:
    """Say why changes of this verb (or of all that begin so: "mailing.*") cannot be taken back, in words for people."""
    FINAL[verb] = reason


def why_final(verb: str) -> StrOrPromise:
    """The reason, or "" for what can be undone as far as its verb goes."""
    if verb in FINAL:
        return FINAL[verb]
    starts = (pattern for pattern in FINAL if pattern.endswith("*") and verb.startswith(pattern[:-1]))
    longest = max(starts, key=len, default="")
    return FINAL[longest] if longest else ""
