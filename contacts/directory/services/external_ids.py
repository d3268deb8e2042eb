"""What other systems call a person or an organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from contacts.directory.models import ExternalId, Organization, Person
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict


def set_external_ids(
    *, target: Person | Organization, keys: Mapping[str, str | None], actor: User | None
) -> AuditEntry | None:
    """Say what these systems call the row (None: nothing any more); systems that are not named keep what they have.

    None when nothing changed. Raises Conflict when a key leads to another row already.
    """
    with transaction.atomic():
        changes = write_external_ids(target, keys)
        if not changes:
            return None
        kind = target._meta.model_name
        return record(
            verb=f"{kind}.external_ids_set", target=target, actor=actor, changes=changes,
            event={"fields": ["external_ids"]},
        )  # fmt: skip


def write_external_ids(target: Person | Organization, keys: Mapping[str, str | None]) -> list[Change]:
    """The change itself, for services with an entry of their own."""
    owner = {str(target._meta.model_name): target}
    known = dict(ExternalId.objects.filter(**owner).values_list("system", "key"))
    changes: list[Change] = []
    for system, key in sorted(keys.items()):
        if known.get(system) == key:
            continue
        if key is None:
            ExternalId.objects.filter(system=system, **owner).delete()
        else:
            _write(system, key, owner)
        changes.append((f"external_id:{system}", known.get(system), key))
    return changes


def _write(system: str, key: str, owner: dict[str, Any]) -> None:
    try:
        with transaction.atomic():
            ExternalId.objects.update_or_create(defaults={"key": key}, system=system, **owner)
    except IntegrityError as error:
        raise Conflict(
            _("“%(key)s” of %(system)s is another row already. Nothing was changed.") % {"key": key, "system": system},
            code="external_id_taken",
        ) from error


def restore_external_id(row: Person | Organization, system: str, before: str | None, after: str | None) -> None:
    """Undo: put the key before back, if the one that the change left still stands."""
    owner = {str(row._meta.model_name): row}
    found = ExternalId.objects.filter(system=system, **owner).values_list("key", flat=True).first()
    if found != after:
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    write_external_ids(row, {system: before})
