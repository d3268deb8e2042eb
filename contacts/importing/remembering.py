"""What the columns of a header meant last time: proposed for the next file that has the same, and said so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from contacts.importing.models import ImportMapping, ImportRun
from contacts.importing.targets import BY_NAME, plain
from crm.accounts.models import User

KEPT_OPTIONS = ("country", "constituency", "language", "overwrite")


def signature(columns: Sequence[str]) -> str:
    """Headers alike but for case, accents and spaces are one; their order counts, for a column is known by its place."""
    return hashlib.sha256("\x1f".join(plain(name) for name in columns).encode()).hexdigest()


def known_to(user: User | None, columns: Sequence[str]) -> ImportMapping | None:
    """One's own first, else the one shared last."""
    found = ImportMapping.objects.known_to(user).filter(signature=signature(columns))
    return (
        sorted(found.select_related("owner"), key=lambda row: (row.owner != user, -row.updated_at.timestamp()))[0]
        if found
        else None
    )


def propose(run: ImportRun) -> None:
    """Set the run's mapping as it was last time; `options["remembered"]` says from whom. Nothing is saved."""
    run.options.pop("remembered", None)
    if not run.has_header:
        return
    known, shift = known_to(run.owner, run.columns), 0
    if (
        known is None and len(run.columns) > 2
    ):  # our own file of rejected rows: the same columns behind its line and reason
        known, shift = known_to(run.owner, run.columns[2:]), 2
    if known is None:
        return
    run.mapping = {str(int(index) + shift): target for index, target in known.mapping.items() if target in BY_NAME}
    run.options = {**run.options, **known.options, "remembered": str(known.uid)}


def remember(*, run: ImportRun, actor: User | None, is_shared: bool) -> None:
    if actor is None or not run.has_header:
        return
    ImportMapping.objects.update_or_create(
        owner=actor,
        signature=signature(run.columns),
        defaults={
            "columns": run.columns,
            "mapping": run.mapping,
            "options": {name: run.options[name] for name in KEPT_OPTIONS if name in run.options},
            "is_shared": is_shared,
        },
    )


def forget(*, run: ImportRun, actor: User) -> bool:
    """Remove one's own memory of this header; False when there is none. What a colleague shared stays theirs."""
    return bool(ImportMapping.objects.filter(owner=actor, signature=signature(run.columns)).delete()[0])


def share(*, mapping: ImportMapping, is_shared: bool) -> None:
    """Propose one's own memory to all who import, or to oneself alone again."""
    if mapping.is_shared != is_shared:
        mapping.is_shared = is_shared
        mapping.save(update_fields=["is_shared", "updated_at"])


def forget_mapping(*, mapping: ImportMapping) -> None:
    """Remove one's own memory; imports that were made with it stay as they are."""
    mapping.delete()
