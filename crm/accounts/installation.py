"""What the one organization of this installation says of itself: name, address, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.languages import CODES

SETTABLE = {
    "name", "postal_address", "default_language", "languages", "allow_self_approval", "setup_skipped", "two_step_roles", "two_step_grace_days",
}  # fmt: skip
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


def begin_days(rule: Installation, roles: Sequence[str]) -> None:
    """The days of grace for two-step sign-in begin anew when a role is added to the rule, and end with it."""
    if not roles:
        rule.two_step_since = None
    elif rule.two_step_since is None or set(roles) - set(rule.two_step_roles):
        rule.two_step_since = timezone.now()


def restore_installation(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of what was set on the pages of the organization, of languages, and of sign-in."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = Installation.objects.select_for_update().get(id=1)
    if set(values) - SETTABLE or any(getattr(row, name) != value for name, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if "two_step_roles" in values:
        begin_days(row, values["two_step_roles"])
    for name, value in values.items():
        setattr(row, name, value)
    if row.default_language not in row.languages:
        raise Conflict(
            _("The default language must be one of those offered, so nothing was changed."), code="default_not_offered"
        )
    row.save()


def set_languages(*, languages: Sequence[str], default_language: str, actor: User) -> Installation:
    """Offer exactly these, in this order. The default must be among them."""
    unknown = [code for code in languages if code not in CODES]
    if unknown:
        raise Invalid(_("These are no languages that we know: %(codes)s.") % {"codes": ", ".join(unknown)})
    if not languages or default_language not in languages:
        raise Invalid(_("Offer at least the default language."), code="default_not_offered")
    return edit_installation(actor=actor, languages=list(dict.fromkeys(languages)), default_language=default_language)
