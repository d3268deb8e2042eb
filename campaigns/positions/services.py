"""Asks, steps on the ladder, power. Each is one transaction with one audit entry.

A step is never changed: a newer one corrects it, or it is withdrawn as wrong and stays in sight with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.planning.models import Campaign, Drive
from campaigns.positions.ladder import Confidence, Stance
from campaigns.positions.models import Ask, PositionStep, Power
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import (
    archive_row,
    created,
    edit_row,
    find_locked,
    invalid,
    plain,
    restore_fields,
    unarchive_row,
)
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid

ASK_FIELDS = ("name", "names", "description", "done_when", "place")
STEP_FIELDS = (
    "organization", "ask", "stance", "on", "evidence_kind", "evidence", "link", "confidence", "said_by", "said_by_name",
)  # fmt: skip
MOST_EVIDENCE = 5000
AHEAD = timedelta(days=1)  # somewhere it is tomorrow already


# --- asks -------------------------------------------------------------------------------------------------------------
def create_ask(*, drive: Drive, actor: User | None, **values: Any) -> Ask:
    """Put one more ask to the institutions of a drive. values: ASK_FIELDS; without `place` it comes last."""
    with transaction.atomic():
        Drive.objects.select_for_update(of=("self",)).get(pk=drive.pk)  # two at once get two places
        if not values.get("place"):
            last = Ask.objects.filter(drive=drive).order_by("-place").values_list("place", flat=True).first()
            values["place"] = (last or 0) + 1
        ask = Ask(drive=drive, **values)
        try:
            ask.full_clean(exclude=["sort_key", "search_text"], validate_unique=False)
        except ValidationError as error:
            raise invalid(error) from error
        ask.save()
        created(target=ask, fields=["drive", *ASK_FIELDS], actor=actor)
    return ask


def edit_ask(
    *, ask: Ask, actor: User, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Raises StaleEdit when somebody changed the same meanwhile."""
    if "name" in changes and not str(changes["name"]).strip():
        raise Invalid(_("A name is needed. The old one was kept."), code="no_name")
    same = Ask.objects.filter(drive=ask.drive_id, name__iexact=changes.get("name", "")).exclude(pk=ask.pk)
    if same.exists():
        raise Invalid(_("This drive has an ask of this name already."), code="bad_value")
    return edit_row(target=ask, allowed=ASK_FIELDS, changes=changes, seen=seen, actor=actor, verb="ask.edited")


def archive_ask(*, ask: Ask, actor: User) -> AuditEntry | None:
    """Ask it no longer; positions on it stay in the history."""
    return archive_row(target=ask, actor=actor, verb="ask.archived")


def unarchive_ask(*, ask: Ask, actor: User) -> AuditEntry | None:
    return unarchive_row(target=ask, actor=actor, verb="ask.unarchived")


def restore_ask(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo: of a new one, that it is asked no longer; else the fields as they were."""
    ask: Ask = find_locked(Ask, uid)
    if not Ask.objects.visible_to(actor, Action.DRIVES).filter(pk=ask.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "name" in values and values["name"] is None:
        Ask.objects.filter(pk=ask.pk, archived_at=None).update(archived_at=timezone.now())
        return
    restore_fields(ask, values, expected)


# --- steps ------------------------------------------------------------------------------------------------------------
def record_step(
    *,
    organization: Organization,
    ask: Ask,
    actor: User | None,
    stance: Stance,
    on: date,
    evidence_kind: str,
    evidence: str = "",
    link: str = "",
    confidence: str = Confidence.MEDIUM,
    said_by: Person | None = None,
    said_by_name: str = "",
    interaction: Any = None,
    form_key: UUID | None = None,
) -> PositionStep:
    """Record where an institution stands, as of a day. form_key: one form saves one step, however often it is sent.

    Raises Invalid without evidence, or for a day that has not come.
    """
    if form_key and (known := PositionStep.objects.filter(form_key=form_key).first()):
        return _same_form(known, organization, ask)
    if on > timezone.localdate() + AHEAD:
        raise Invalid(_("This day has not come yet. A position is recorded once it was shown."), code="future")
    step = PositionStep(
        organization=organization, ask=ask, stance=stance, on=on, evidence_kind=evidence_kind,
        evidence=evidence.replace("\x00", "").strip()[:MOST_EVIDENCE], link=link.strip(), confidence=confidence,
        said_by=said_by, said_by_name="" if said_by else said_by_name.strip(), interaction=interaction,
        recorded_by=actor, recorded_at=timezone.now(), form_key=form_key or new_uid(),
    )  # fmt: skip
    _check(step)
    try:
        with transaction.atomic():
            step.save()
            changes = [(f, None, plain(getattr(step, f))) for f in STEP_FIELDS if getattr(step, f) not in (None, "")]
            event = {"organization": str(organization.uid), "ask": str(ask.uid), "stance": Stance(stance).code}
            record(verb="position.recorded", object_type="position", target=step, actor=actor, changes=changes, event=event)  # fmt: skip
    except IntegrityError:  # the same form, sent twice at the same time
        known = PositionStep.objects.filter(form_key=step.form_key).first()
        if known is None:
            raise
        return _same_form(known, organization, ask)
    return step


def _check(step: PositionStep) -> None:
    try:
        step.full_clean(exclude=["organization", "ask", "said_by", "interaction", "recorded_by", "withdrawn_by", "form_key"])  # fmt: skip
    except ValidationError as error:
        raise invalid(error) from error


def _same_form(step: PositionStep, organization: Organization, ask: Ask) -> PositionStep:
    if (step.organization_id, step.ask_id) != (organization.pk, ask.pk):
        raise Conflict(_("This form was used for something else already. Open it anew."), code="form_used")
    return step


def withdraw_step(*, step: PositionStep, actor: User, why: str) -> AuditEntry | None:
    """Mark a step as wrong: it stays in the history, and the present position is that before it. None if it was already."""
    why = why.replace("\x00", "").strip()[:300]
    if not why:
        raise Invalid(_("Say what was wrong about it. Nothing was changed."), code="no_reason")
    with transaction.atomic():
        row: PositionStep = find_locked(PositionStep, step.uid)
        if row.withdrawn_at:
            return None
        now = timezone.now()
        _mark(row, now, actor, why)
        changes = [("withdrawn_at", None, plain(now)), ("withdrawn_why", "", why)]
        event = {"organization": str(row.organization.uid), "ask": str(row.ask.uid)}
        return record(verb="position.withdrawn", object_type="position", target=row, actor=actor, changes=changes, event=event)  # fmt: skip


def _mark(row: PositionStep, at: Any, by: User | None, why: str) -> None:
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_why = at, by, why
    row.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why"])


def restore_step(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo: a recorded step is withdrawn, a withdrawn one counts again. Neither goes away."""
    row: PositionStep = find_locked(PositionStep, uid)
    if not PositionStep.objects.visible_to(actor, Action.LOG).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    is_withdrawing = "withdrawn_at" in values
    if is_withdrawing != bool(row.withdrawn_at):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if is_withdrawing:
        _mark(row, None, None, "")
    else:
        _mark(row, timezone.now(), actor, _("Taken back right after it was recorded."))


# --- power ------------------------------------------------------------------------------------------------------------
def set_power(
    *, organization: Organization, campaign: Campaign, actor: User, power: int | None, why: str = ""
) -> AuditEntry | None:
    """Say how much an institution can do for the campaign, 1 to 5; None: not known. None is returned when nothing changes."""
    if power is not None and not 1 <= power <= 5:
        raise Invalid(_("Power is between 1 and 5."), code="bad_value")
    why = why.replace("\x00", "").strip()[:300]
    with transaction.atomic():
        Organization.objects.select_for_update(of=("self",)).get(pk=organization.pk)
        row = Power.objects.filter(organization=organization, campaign=campaign).first()
        before = (row.power, row.why) if row else (None, "")
        if before == (power, why):
            return None
        if power is None:
            Power.objects.filter(organization=organization, campaign=campaign).delete()
        else:
            Power.objects.update_or_create(
                organization=organization, campaign=campaign, defaults={"power": power, "why": why}
            )
        key = f"power:{campaign.uid}"
        after = None if power is None else {"power": power, "why": why}
        was = None if before[0] is None else {"power": before[0], "why": before[1]}
        return record(
            verb="power.set", object_type="power", target=organization, actor=actor,
            changes=[(key, was, after)], event={"campaign": str(campaign.uid), "power": power},
        )  # fmt: skip


def restore_power(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    organization: Organization = find_locked(Organization, uid)
    if not Organization.objects.visible_to(actor, Action.LOG).filter(pk=organization.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    for field, before in values.items():
        campaign = Campaign.objects.get(uid=field.partition(":")[2])
        row = Power.objects.filter(organization=organization, campaign=campaign).first()
        now = {"power": row.power, "why": row.why} if row else None
        if now != expected[field]:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        if before is None:
            Power.objects.filter(organization=organization, campaign=campaign).delete()
        else:
            Power.objects.update_or_create(organization=organization, campaign=campaign, defaults=before)
