"""Campaigns and drives: made, changed, archived. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.planning.models import Campaign, Drive, Pillar, WorklistWeights
from contacts.directory.models import Constituency, Country
from contacts.directory.services.editing import (
    back_from_plain,
    find_locked,
    invalid,
    lock,
    plain,
    put,
    same,
)
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from crm.ui import formats

CAMPAIGN_FIELDS = ("name", "goal", "facts", "starts_on", "ends_on")
DRIVE_FIELDS = ("campaign", "name", "goal", "starts_on", "ends_on", "owner", "status")


# --- campaigns ------------------------------------------------------------------------------------------------------------
def create_campaign(*, actor: User | None, pillars: Sequence[tuple[str, str]] = (), **values: Any) -> Campaign:
    """Begin a campaign. values: CAMPAIGN_FIELDS; pillars: (name, description) in their order."""
    campaign = Campaign(**values)
    with transaction.atomic():
        _save_new(campaign)
        _set_pillars(campaign, pillars)
        changes = [(f, None, plain(getattr(campaign, f))) for f in CAMPAIGN_FIELDS if getattr(campaign, f)]
        record(verb="campaign.created", target=campaign, actor=actor, changes=changes, event={})
    return campaign


def edit_campaign(
    *,
    campaign: Campaign,
    actor: User | None,
    seen_at: datetime | None = None,
    pillars: Sequence[tuple[str, str]] | None = None,
    **values: Any,
) -> AuditEntry | None:
    """Change a campaign. seen_at: its `updated_at` when the form was opened; Raises StaleEdit if it was changed since."""
    with transaction.atomic():
        row: Campaign = lock(campaign)
        _refuse_stale(row, seen_at)
        changes = _put_changed(row, values, CAMPAIGN_FIELDS)
        if pillars is not None:
            changes += _pillar_change(row, pillars)
        if not changes:
            return None
        row.save(update_fields=["updated_at"])
        return record(
            verb="campaign.edited", target=row, actor=actor, changes=changes, event={"fields": _names(changes)}
        )


def _pillar_change(campaign: Campaign, pillars: Sequence[tuple[str, str]]) -> list[Change]:
    before = [[pillar.name, pillar.description] for pillar in campaign.pillars.all()]
    after = [list(pillar) for pillar in pillars]
    if before == after:
        return []
    _set_pillars(campaign, pillars)
    return [("pillars", before, after)]


def _set_pillars(campaign: Campaign, pillars: Iterable[Sequence[str]]) -> None:
    campaign.pillars.all().delete()
    named = {name: description for name, description in pillars}
    Pillar.objects.bulk_create(
        Pillar(campaign=campaign, name=name, description=description, position=position)
        for position, (name, description) in enumerate(named.items(), start=1)
    )


# --- drives ---------------------------------------------------------------------------------------------------------------
def create_drive(
    *, actor: User, countries: Iterable[Country], constituencies: Iterable[Constituency], **values: Any
) -> Drive:
    """Begin a drive. values: DRIVE_FIELDS. Raises NotAllowed for a campaign or country outside the actor's scope."""
    countries, constituencies = list(countries), list(constituencies)
    _may_plan(actor, values["campaign"], countries)
    drive = Drive(**values)
    with transaction.atomic():
        _save_new(drive)
        drive.countries.set(countries)
        drive.constituencies.set(constituencies)
        changes = [(f, None, plain(getattr(drive, f))) for f in DRIVE_FIELDS if getattr(drive, f)]
        changes += [("countries", None, _codes(countries)), ("constituencies", None, _codes(constituencies))]
        record(verb="drive.created", target=drive, actor=actor, changes=changes, event={})
    return drive


def edit_drive(
    *,
    drive: Drive,
    actor: User,
    seen_at: datetime | None = None,
    countries: Iterable[Country] | None = None,
    constituencies: Iterable[Constituency] | None = None,
    **values: Any,
) -> AuditEntry | None:
    """Change a drive. Mailings keep the scope that they were built with. Raises StaleEdit, see edit_campaign."""
    with transaction.atomic():
        row: Drive = lock(drive)
        _refuse_stale(row, seen_at)
        _may_plan(actor, values.get("campaign", row.campaign), [] if countries is None else list(countries))
        changes = _put_changed(row, values, DRIVE_FIELDS)
        for name, chosen in (("countries", countries), ("constituencies", constituencies)):
            if chosen is not None:
                changes += _set_many(row, name, list(chosen))
        if not changes:
            return None
        row.save(update_fields=["updated_at"])
        return record(verb="drive.edited", target=row, actor=actor, changes=changes, event={"fields": _names(changes)})


def archive_drive(*, drive: Drive, actor: User) -> AuditEntry | None:
    """Take a drive out of the list. Raises Conflict while one of its mailings is on its way."""
    with transaction.atomic():
        row: Drive = lock(drive)
        if row.archived_at:
            return None
        if row.mailings.filter(state__in=["scheduled", "freezing", "sending", "paused", "held"]).exists():
            raise Conflict(
                _("A mailing of this drive is on its way. Cancel it or let it finish first."), code="mailing_open"
            )
        row.archived_at = timezone.now()
        row.save(update_fields=["archived_at"])
        drive.archived_at = row.archived_at
        changes = [("archived_at", None, plain(row.archived_at))]
        return record(verb="drive.archived", target=row, actor=actor, changes=changes, event={})


WEIGHTS = ("need", "window", "silence", "counterpart")


def set_weights(*, drive: Drive, actor: User, **wanted: int) -> AuditEntry | None:
    """How much each reason counts when the drive's cells are ranked, 0 to 5. None when nothing changes."""
    with transaction.atomic():
        row: Drive = lock(drive)
        known = WorklistWeights.objects.filter(drive=row).first() or WorklistWeights(drive=row)
        changes = [(f"weight_{n}", getattr(known, n), wanted[n]) for n in WEIGHTS if n in wanted and getattr(known, n) != wanted[n]]  # fmt: skip
        if not changes:
            return None
        for name, _before, after in changes:
            setattr(known, name.removeprefix("weight_"), after)
        try:
            known.full_clean(exclude=["drive"])
        except ValidationError as error:
            raise invalid(error) from error
        known.save()
        return record(verb="drive.weights_set", target=row, actor=actor, changes=changes, event={})


def _may_plan(actor: User, campaign: Campaign, countries: Sequence[Country]) -> None:
    scope = actor.scope(Action.DRIVES)
    for pair in scope.pairs:
        in_campaign = not pair.campaigns or campaign.uid in pair.campaigns
        if in_campaign and (not pair.countries or {country.code for country in countries} <= pair.countries):
            return
    raise NotAllowed(_("Your role does not reach this campaign and all of these countries. Nothing was saved."))


def _set_many(row: Any, name: str, chosen: list[Any]) -> list[Change]:
    manager = getattr(row, name)
    before, after = _codes(manager.all()), _codes(chosen)
    if before == after:
        return []
    manager.set(chosen)
    return [(name, before, after)]


def _codes(rows: Iterable[Any]) -> list[str]:
    return sorted(row.code for row in rows)


# --- shared -----------------------------------------------------------------------------------------------------------------
def _save_new(row: Any) -> None:
    try:
        row.full_clean(exclude=["sort_key", "search_text", "facts", "owner"])
    except ValidationError as error:
        raise invalid(error) from error
    row.save()


def _put_changed(row: Any, values: Mapping[str, Any], allowed: Sequence[str]) -> list[Change]:
    if unknown := set(values) - set(allowed):
        raise ValueError(f"{row._meta.model_name} has no editable field {unknown.pop()}")
    changed = {field: value for field, value in values.items() if not same(getattr(row, field), value)}
    changes = [(field, plain(getattr(row, field)), plain(value)) for field, value in changed.items()]
    if changed:
        if "name" in changed and not str(changed["name"]).strip():
            raise Invalid(_("A name is needed. The old one was kept."), code="no_name")
        put(row, changed)
    return changes


def _names(changes: Iterable[Change]) -> list[str]:
    return [field for field, _before, _after in changes]


def _refuse_stale(row: Any, seen_at: datetime | None) -> None:
    if seen_at is None or row.updated_at == seen_at:
        return
    last = AuditEntry.objects.filter(object_uid=row.uid).select_related("actor").last()
    who = last.actor.name if last and last.actor else _("Somebody")
    raise StaleEdit(
        _(
            "%(who)s changed this at %(time)s while you were editing. Your input is kept here; save again to replace theirs."
        )
        % {"who": who, "time": formats.clock(row.updated_at)},
        updated_at=row.updated_at,
    )


# --- undo -------------------------------------------------------------------------------------------------------------------
def restore_campaign(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    _restore(_changeable(Campaign, uid, actor), values, expected)


def restore_drive(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    _restore(_changeable(Drive, uid, actor), values, expected)


def _changeable(model: Any, uid: UUID, actor: User) -> Any:
    """The locked row, if the actor may change it today: grants may have been taken away since the change."""
    row = find_locked(model, uid)
    if not model.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    return row


def _restore(row: Any, values: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    if "name" in values and values["name"] is None:  # it was made by this entry
        row.archived_at = timezone.now()
        row.save(update_fields=["archived_at"])
        return
    plain_values = {}
    for field, before in values.items():
        if field in {"countries", "constituencies"}:
            model: Any = Country if field == "countries" else Constituency
            _expect(_codes(getattr(row, field).all()) == expected[field])
            getattr(row, field).set(model.objects.filter(code__in=before))
        elif field.startswith("weight_"):
            name = field.removeprefix("weight_")
            known = WorklistWeights.objects.select_for_update().get(drive=row)
            _expect(getattr(known, name) == expected[field])
            setattr(known, name, before)
            known.save(update_fields=[name, "updated_at"])
        elif field == "pillars":
            _expect([[p.name, p.description] for p in row.pillars.all()] == expected[field])
            _set_pillars(row, before)
        else:
            _expect(same(getattr(row, field), expected[field]))
            plain_values[field] = _value(row, field, before)
    if plain_values:
        put(row, plain_values)


def _value(row: Any, field: str, before: Any) -> Any:
    if field == "owner":
        return User.objects.filter(uid=before).first() if before else None
    if field == "campaign":
        return Campaign.objects.get(uid=before)
    return back_from_plain(type(row), field, before)


def _expect(is_as_left: bool) -> None:
    if not is_as_left:
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
