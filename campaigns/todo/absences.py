"""Who is away, from when to when, and who stands in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.words import one_line
from campaigns.todo.models import Absence
from contacts.directory.services.editing import find_locked, invalid, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed

FIELDS = ("user", "deputy", "starts_on", "ends_on", "note")


def may_set(actor: User, user: User) -> bool:
    """One's own days; of others, whoever plans: somebody who fell ill cannot do it."""
    return actor.pk == user.pk or actor.may(Action.DRIVES)


def add_absence(*, actor: User, user: User, deputy: User, starts_on: date, ends_on: date, note: str = "") -> Absence:
    """Somebody is away. Raises Invalid when these days overlap with others of theirs, or the deputy cannot take over."""
    if not may_set(actor, user):
        raise NotAllowed(_("You can say of yourself that you are away; for others a planner does it."))
    if deputy.pk == user.pk:
        raise Invalid(_("Somebody else has to stand in."), code="deputy")
    if not deputy.is_active or not deputy.may(Action.LOG):
        raise Invalid(
            _("%(name)s cannot take over: their role does not handle outreach.") % {"name": deputy.name}, code="deputy"
        )
    absence = Absence(user=user, deputy=deputy, starts_on=starts_on, ends_on=ends_on, note=one_line(note, most=200))
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two tabs must not make two of the same days
        try:
            absence.full_clean(exclude=["user", "deputy"])
        except ValidationError as error:
            raise invalid(error) from error
        same_days = Absence.objects.standing().filter(user=user, starts_on__lte=ends_on, ends_on__gte=starts_on)
        if same_days.exists():
            raise Invalid(
                _("These days overlap with an absence that is here already. Nothing was saved."), code="overlaps"
            )
        absence.save()
        changes = [(name, None, plain(getattr(absence, name))) for name in FIELDS if getattr(absence, name)]
        record(verb="absence.created", target=absence, actor=actor, changes=changes, event={})
    return absence


def cancel_absence(*, absence: Absence, actor: User) -> AuditEntry | None:
    """They are here after all: their work is theirs again at once."""
    with transaction.atomic():
        row: Absence = find_locked(Absence, absence.uid)
        if not may_set(actor, row.user):
            raise NotAllowed(_("You can say of yourself that you are away; for others a planner does it."))
        if row.cancelled_at:
            return None
        row.cancelled_at = timezone.now()
        row.save(update_fields=["cancelled_at", "updated_at"])
        changes = [("cancelled_at", None, plain(row.cancelled_at))]
        return record(verb="absence.cancelled", target=row, actor=actor, changes=changes, event={})


def restore_absence(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    row: Absence = find_locked(Absence, uid)
    if not may_set(actor, row.user):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "cancelled_at" not in values:  # it was made by this entry
        row.cancelled_at = row.cancelled_at or timezone.now()
    elif plain(row.cancelled_at) != expected["cancelled_at"]:
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    else:
        row.cancelled_at = None
    row.save(update_fields=["cancelled_at", "updated_at"])
