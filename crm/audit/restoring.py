"""Undo for what is archived and never deleted: the part that every kind of it does alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import as_json
from crm.errors import Conflict, NotAllowed


def with_values_back(
    model: type[models.Model], *, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User
) -> Any:
    """The row, locked, with `values` put back and not saved yet; None where a creation was undone, which archives it.

    Raises NotAllowed for whoever is no administrator any more, Conflict when it is gone or is not as `expected`.
    """
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row: Any = model._default_manager.select_for_update().filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if "name" in values and values["name"] is None:  # somebody may use it by now
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at", "updated_at"])
        return None
    if any(as_json(getattr(row, name)) != value for name, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for name, value in values.items():
        setattr(row, name, parse_datetime(value) if name == "archived_at" and value else value)
    return row
