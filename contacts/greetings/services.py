"""Changing the table of forms. Posts keep pointing at their form; one that is removed leaves them with the general one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.greetings.models import FormOfAddress
from contacts.greetings.wording import KINDS, SLOTS, wrong_places
from crm.accounts.models import User
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
        if FormOfAddress.objects.filter(name=values.get("name", row.name)).exclude(pk=row.pk).exists():
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


def remove_form(*, form: FormOfAddress, actor: User | None) -> None:
    """Posts that use it are addressed as everybody from now on. The general form stays."""
    with transaction.atomic():
        row = FormOfAddress.objects.select_for_update().filter(pk=form.pk).first()
        if row is None:
            return
        if row.is_general:
            raise Conflict(_("This form is for everybody else, so it cannot be removed."), code="general_form")
        changes: list[Change] = [(name, getattr(row, name), None) for name in FIELDS]
        record(verb="form_of_address.removed", target=row, actor=actor, changes=changes, summary=row.name, event={})
        row.delete()


def _texts(texts: dict[str, Any]) -> list[str]:
    return [by_slot.get(slot, {}).get(kind, "") for by_slot in texts.values() for slot in SLOTS for kind in KINDS]
