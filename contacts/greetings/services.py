"""Changing the table of forms. Posts keep pointing at their form; one that is archived addresses them as the general one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.greetings.models import FormOfAddress
from contacts.greetings.wording import KINDS, SLOTS, wrong_places
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.restoring import with_values_back
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid

FIELDS = ("name", "title_words", "texts")


def save_form(*, form: FormOfAddress | None, actor: User | None, **values: Any) -> FormOfAddress:
    """Add a form (`form` None) or change one; `values` are FIELDS. Invalid for a place that letters do not know."""
    for text in _texts(values.get("texts", {})):
        if wrong := wrong_places(text):
            raise Invalid(
                _("“{%(place)s}” is nothing that we know of a person. Use {name}, {given_name} or {family_name}.")
                % {"place": wrong[0][:30]},
                code="bad_place",
            )
    with transaction.atomic():
        row = FormOfAddress.objects.select_for_update().get(pk=form.pk) if form else FormOfAddress()
        same = FormOfAddress.objects.filter(name=values.get("name", row.name)).exclude(pk=row.pk).first()
        if same is not None and same.archived_at:
            raise Conflict(
                _("An archived form has this name. Bring that one back, or choose another name."), code="form_exists"
            )
        if same is not None:
            raise Conflict(_("Another form has this name. Choose another one."), code="form_exists")
        changes: list[Change] = [
            (name, None if form is None else getattr(row, name), value)
            for name, value in values.items()
            if form is None or getattr(row, name) != value
        ]
        if not changes:
            return row
        for name, _before, value in changes:
            setattr(row, name, value)
        row.save()
        verb = "form_of_address.edited" if form else "form_of_address.created"
        record(verb=verb, target=row, actor=actor, changes=changes, summary=row.name, event={})
    return row


def archive_form(*, form: FormOfAddress, actor: User | None) -> AuditEntry | None:
    """Offered no more; posts that have it keep it, and are addressed as everybody until it is brought back. The general form stays."""
    return _set_archived(form, actor, is_archived=True)


def restore_form(*, form: FormOfAddress, actor: User | None) -> AuditEntry | None:
    """Bring it back: its posts are addressed by it again."""
    return _set_archived(form, actor, is_archived=False)


def _set_archived(form: FormOfAddress, actor: User | None, *, is_archived: bool) -> AuditEntry | None:
    with transaction.atomic():
        row = FormOfAddress.objects.select_for_update().get(pk=form.pk)
        if row.is_general:
            raise Conflict(_("This form is for everybody else, so it always stays."), code="general_form")
        if bool(row.archived_at) == is_archived:
            return None
        before, row.archived_at = row.archived_at, timezone.now() if is_archived else None
        row.save(update_fields=["archived_at", "updated_at"])
        verb = "form_of_address.archived" if is_archived else "form_of_address.restored"
        changes: list[Change] = [("archived_at", before, row.archived_at)]
        return record(verb=verb, target=row, actor=actor, changes=changes, summary=row.name, event={})


def undo_form(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """For `undoable`. What a creation made is archived: posts may be addressed so by now."""
    row = with_values_back(FormOfAddress, uid=uid, values=values, expected=expected, actor=actor)
    if row is None:
        return
    if "name" in values and FormOfAddress.objects.filter(name=values["name"]).exclude(pk=row.pk).exists():
        raise Conflict(_("Another form has this name by now, so nothing was changed."), code="form_exists")
    row.save()


def _texts(texts: dict[str, Any]) -> list[str]:
    return [by_slot.get(slot, {}).get(kind, "") for by_slot in texts.values() for slot in SLOTS for kind in KINDS]
