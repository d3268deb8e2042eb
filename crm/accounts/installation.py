"""What the one organization of this installation says of itself: name, address, languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Installation, User
from crm.audit.services import Change, record
from crm.errors import Invalid
from crm.languages import CODES

UID = UUID(int=1)  # one row has no uid of its own; the audit trail needs one to hang its changes on


def edit_installation(*, actor: User, **values: Any) -> Installation:
    """Change fields of the installation. A default language that was not offered is offered from now on."""
    with transaction.atomic():
        Installation.current()
        row = Installation.objects.select_for_update().get(id=1)
        default = values.get("default_language", row.default_language)
        languages = values.get("languages", row.languages)
        if default not in languages:
            values["languages"] = [*languages, default]
        changes: list[Change] = [(n, getattr(row, n), v) for n, v in values.items() if getattr(row, n) != v]
        for name, _before, value in changes:
            setattr(row, name, value)
        if changes:
            row.save()
            record(verb="installation.edited", object_type="installation", object_uid=UID, actor=actor, changes=changes)
    return row


def set_languages(*, languages: Sequence[str], default_language: str, actor: User) -> Installation:
    """Offer exactly these, in this order. The default must be among them."""
    unknown = [code for code in languages if code not in CODES]
    if unknown:
        raise Invalid(_("These are no languages that we know: %(codes)s.") % {"codes": ", ".join(unknown)})
    if not languages or default_language not in languages:
        raise Invalid(_("Offer at least the default language."), code="default_not_offered")
    return edit_installation(actor=actor, languages=list(dict.fromkeys(languages)), default_language=default_language)
