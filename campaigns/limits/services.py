"""Setting how fast mail goes to one recipient domain."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns.limits.models import RecipientLimit
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import as_json, record
from crm.errors import Conflict, Invalid, NotAllowed

FIELDS = ("domain", "per_minute")


def save_limit(*, limit: RecipientLimit, actor: User) -> RecipientLimit:
    """Create or change a limit. It holds from the workers' next run on, within half a minute."""
    before = RecipientLimit.objects.filter(pk=limit.pk).first() if limit.pk else None
    try:
        with transaction.atomic():
            limit.save()
            changes: list[Any] = [(name, getattr(before, name, None), getattr(limit, name)) for name in FIELDS]
            verb = "recipient_limit.edited" if before else "recipient_limit.created"
            _record(verb, limit, actor, [change for change in changes if change[1] != change[2]])
    except IntegrityError:
        raise Invalid(_("%(domain)s has a limit already. Change that one.") % {"domain": limit.domain}) from None
    return limit


def remove_limit(*, limit: RecipientLimit, actor: User) -> Any:
    """Take a limit away; returns the entry that Undo takes back, None when it was gone already."""
    with transaction.atomic():
        row = RecipientLimit.objects.select_for_update().filter(pk=limit.pk).first()
        if row is None:
            return None
        changes: list[Any] = [(name, getattr(row, name), None) for name in FIELDS]
        entry = _record("recipient_limit.removed", row, actor, changes)
        row.delete()
        return entry


def _record(verb: str, limit: RecipientLimit, actor: User, changes: list[Any]) -> Any:
    return record(
        verb=verb, target=limit, object_type="recipient_limit", actor=actor, changes=changes, summary=limit.domain
    )


def restore(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo: a new one goes, a removed one comes back, a changed one is as it was."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = RecipientLimit.objects.select_for_update().filter(uid=uid).first()
    if any(as_json(getattr(row, field, None)) != value for field, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if row is not None and "domain" in values and values["domain"] is None:
        row.delete()
        return
    row = row or RecipientLimit(uid=uid)
    for field, value in values.items():
        setattr(row, field, value)
    if RecipientLimit.objects.filter(domain=row.domain).exclude(uid=uid).exists():
        raise Conflict(_("%(domain)s has another limit by now.") % {"domain": row.domain}, code="taken")
    row.save()
