"""How a row of a plan is held, checked whole and saved; what is left of it in the trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from campaigns.planning.models import Drive
from contacts.directory.models import Country
from contacts.directory.services.editing import invalid, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change
from crm.errors import NotAllowed, StaleEdit
from crm.ui import formats


def hold(drive: Drive) -> Drive:
    """The drive, locked: changes of one plan happen one after the other."""
    return Drive.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=drive.pk)


def may_plan(actor: User, drive: Drive, country: Country | None = None) -> None:
    """Raises NotAllowed where the actor's role does not reach the drive, and the country of the row if it has one."""
    for pair in actor.scope(Action.DRIVES).pairs:
        in_campaign = not pair.campaigns or drive.campaign.uid in pair.campaigns
        if not in_campaign or (country is not None and pair.countries and country.code not in pair.countries):
            continue
        if not pair.countries or country is not None or drive.countries.filter(code__in=pair.countries).exists():
            return
    raise NotAllowed(_("Your role does not reach this part of the plan. Nothing was saved."))


def check(row: Any, *, only: Iterable[str] | None = None) -> None:
    """Fields (all, or some) and every constraint: one may be about a field that was not touched. Raises Invalid."""
    skipped = {"sort_key", "search_text", "names"}
    if only is not None:
        skipped |= {f.name for f in row._meta.concrete_fields} - set(only)
    empty = {f.name for f in row._meta.concrete_fields if f.null and getattr(row, f.attname) is None}
    try:
        row.clean_fields(exclude=skipped | empty)
        row.validate_constraints()
    except ValidationError as error:
        raise invalid(error) from error


def put(row: Any, values: Mapping[str, Any]) -> None:
    """Set, check, save."""
    for field, value in values.items():
        setattr(row, field, value)
    check(row, only=values)
    row.save(update_fields=[*values, "updated_at"])


def is_same(one: Any, other: Any) -> bool:
    """Whether two values say the same; numbers do whatever zeros stand behind their point."""
    if isinstance(one, Decimal) and other not in (None, ""):
        return one == Decimal(str(other))
    return same(one, other)


def differences(row: Any, values: Mapping[str, Any], allowed: Iterable[str]) -> tuple[dict[str, Any], list[Change]]:
    """What of `values` is not so already, and how the trail tells it."""
    if unknown := set(values) - set(allowed):
        raise ValueError(f"{row._meta.model_name} has no editable field {unknown.pop()}")
    changed = {field: value for field, value in values.items() if not is_same(getattr(row, field), value)}
    return changed, [(field, plain(getattr(row, field)), plain(value)) for field, value in changed.items()]


def told(row: Any, fields: Iterable[str]) -> list[Change]:
    """The fields of a new row."""
    return [(f, None, plain(getattr(row, f))) for f in fields if getattr(row, f) not in (None, "", [])]


def refuse_stale(row: Any, seen_at: datetime | None) -> None:
    """seen_at: `updated_at` of the row as the user opened it."""
    if seen_at is None or row.updated_at == seen_at:
        return
    last = AuditEntry.objects.filter(changes__object_uid=row.uid).select_related("actor").order_by("pk").last()
    who = last.actor.name if last and last.actor else _("Somebody")
    words = _(
        "%(who)s changed this at %(time)s while you were editing. Your input is kept here; save again to replace theirs."
    )
    raise StaleEdit(words % {"who": who, "time": formats.clock(row.updated_at)}, updated_at=row.updated_at)
