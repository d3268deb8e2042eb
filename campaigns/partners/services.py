"""What partners want changed of their institution, and what staff make of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.partners.models import ChangeWish
from contacts.directory.models import Organization, Person
from contacts.directory.services import edit_organization
from contacts.directory.services.editing import lock
from crm.accounts.models import User
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, StaleEdit

State = ChangeWish.State


def wish_change(
    *, organization: Organization, person: Person, values: dict[str, Any], note: str = ""
) -> ChangeWish | None:
    """Keep what is to be different until staff decide; a newer wish replaces one that waits. None when nothing is different."""
    different = {
        field: value for field in ChangeWish.FIELDS if (value := str(values.get(field, "")).strip()) != getattr(organization, field)
        and field in values
    }  # fmt: skip
    note = note.strip()[:2000]
    if not different and not note:
        return None
    try:
        with transaction.atomic():
            row, _made = ChangeWish.objects.update_or_create(
                organization=organization, state=State.WAITING,
                defaults={"asked_by": person, "values": different, "note": note},
            )  # fmt: skip
            record(
                verb="changewish.asked", target=row, door=Door.LINK, summary=organization.label,
                changes=[(field, getattr(organization, field), value) for field, value in different.items()],
                event={"organization": str(organization.uid)},
            )  # fmt: skip
    except IntegrityError:
        raise Conflict(
            _("A colleague of yours asked for a change at the same moment. Look at it, then ask again."), code="waiting"
        ) from None
    return row


def accept_wish(*, wish: ChangeWish, actor: User, seen_at: datetime | None = None) -> ChangeWish:
    """Take it over. seen_at: its `updated_at` as it was read; StaleEdit when they asked for something else since. Raises what editing
    the institution raises, and nothing is changed then."""
    with transaction.atomic():
        row: ChangeWish = lock(wish)
        if row.state != State.WAITING:
            raise Conflict(_("This was decided already, so nothing was changed."), code="decided")
        _check_read(row, seen_at)
        if row.values:
            edit_organization(organization=row.organization, actor=actor, changes=row.values)
        _decide(row, State.ACCEPTED, actor, "changewish.accepted")
    return row


def decline_wish(*, wish: ChangeWish, actor: User, seen_at: datetime | None = None) -> AuditEntry | None:
    """Leave the institution as it is. None when it is decided. seen_at: as above."""
    with transaction.atomic():
        row: ChangeWish = lock(wish)
        if row.state != State.WAITING:
            return None
        _check_read(row, seen_at)
        return _decide(row, State.DECLINED, actor, "changewish.declined")


def _check_read(row: ChangeWish, seen_at: datetime | None) -> None:
    if seen_at is not None and row.updated_at != seen_at:
        raise StaleEdit(
            _("They asked for something else meanwhile, so nothing was changed. Read it, then decide."), updated_at=row.updated_at
        )  # fmt: skip


def _decide(row: ChangeWish, state: State, actor: User, verb: str) -> AuditEntry:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor
    row.save(update_fields=["state", "decided_at", "decided_by", "updated_at"])
    changes = [("state", State.WAITING.value, state.value)]
    return record(verb=verb, target=row, actor=actor, changes=changes, summary=row.organization.label)
