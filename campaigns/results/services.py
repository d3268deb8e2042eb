"""The results framework: set, changed, measured, verified by somebody else, withdrawn. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.saving import check, differences, is_same, put, refuse_stale, told
from campaigns.interactions.words import notes, one_line
from campaigns.planning.models import Campaign, Drive, Pillar
from campaigns.results.models import Actual, Indicator, Period, Result
from contacts.directory.services.editing import find_locked, lock, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed

RESULT_FIELDS = ("title", "kind", "pillar", "drive", "description")
INDICATOR_FIELDS = ("title", "measure", "unit", "is_ascending", "baseline", "baseline_on", "baseline_note")
Span = tuple[date, date, Decimal]
Values = Mapping[str, Any]


def _may(actor: User, rows: Any, row: Any, action: Action = Action.DRIVES) -> None:
    if not rows.visible_to(actor, action).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it. Nothing was saved."))


def may_set(actor: User, campaign: Campaign, drive: Drive | None) -> None:
    """Raises NotAllowed unless the actor plans that drive; for a result of the whole campaign, the campaign in all countries."""
    if drive is not None:
        _may(actor, Drive.objects.all(), drive)
    elif actor.scope(Action.DRIVES).countries is not None:
        raise NotAllowed(_("Your role is limited to certain countries: choose a drive. Nothing was saved."))
    else:
        _may(actor, Campaign.objects.all(), campaign)


def _fits(result: Result) -> None:
    if result.pillar is not None and result.pillar.campaign_id != result.campaign_id:
        raise Invalid(_("This pillar belongs to another campaign."), field="pillar")
    if result.drive is not None and result.drive.campaign_id != result.campaign_id:
        raise Invalid(_("This drive belongs to another campaign."), field="drive")


# --- results and indicators -------------------------------------------------------------------------------------------
def create_result(*, actor: User, campaign: Campaign, **values: Any) -> Result:
    """What is to change. values: RESULT_FIELDS."""
    may_set(actor, campaign, values.get("drive"))
    result = Result(campaign=campaign, **values)
    _fits(result)
    check(result)
    with transaction.atomic():
        result.save()
        record(verb="result.created", target=result, actor=actor, changes=told(result, RESULT_FIELDS), event={})
    return result


def edit_result(*, result: Result, actor: User, seen_at: datetime | None = None, **values: Any) -> AuditEntry | None:
    """Raises StaleEdit."""
    with transaction.atomic():
        row: Result = lock(result)
        _may(actor, Result.objects.all(), row)
        refuse_stale(row, seen_at)
        if "drive" in values and values["drive"] != row.drive:
            may_set(actor, row.campaign, values["drive"])
        changed, changes = differences(row, values, RESULT_FIELDS)
        if not changed:
            return None
        for field, value in changed.items():
            setattr(row, field, value)
        _fits(row)
        put(row, changed)
        return record(verb="result.edited", target=row, actor=actor, changes=changes, event={"fields": list(changed)})


def create_indicator(*, actor: User, result: Result, periods: Iterable[Span], **values: Any) -> Indicator:
    """By what it is measured, with its periods and targets. values: INDICATOR_FIELDS."""
    _may(actor, Result.objects.all(), result)
    indicator = Indicator(result=result, **values)
    check(indicator)
    spans = sorted(periods)
    with transaction.atomic():
        indicator.save()
        _put_periods(indicator, spans)
        changes = [*told(indicator, INDICATOR_FIELDS), ("periods", None, _plain(spans))]
        record(verb="indicator.created", target=indicator, actor=actor, changes=changes, event={})
    return indicator


def edit_indicator(
    *, indicator: Indicator, actor: User, seen_at: datetime | None = None, periods: Iterable[Span] | None = None, **values: Any
) -> AuditEntry | None:  # fmt: skip
    """Change it, or its periods; one in which something was measured keeps its days. Raises StaleEdit."""
    with transaction.atomic():
        row: Indicator = lock(indicator)
        _may(actor, Indicator.objects.all(), row)
        refuse_stale(row, seen_at)
        changed, changes = differences(row, values, INDICATOR_FIELDS)
        before = spans_of(row)
        after = sorted(periods) if periods is not None else before
        if after != before:
            changes.append(("periods", _plain(before), _plain(after)))
        if not changes:
            return None
        put(row, changed)
        if after != before:
            _put_periods(row, after)
        event = {"fields": [change[0] for change in changes]}
        return record(verb="indicator.edited", target=row, actor=actor, changes=changes, event=event)


def archive(*, row: Result | Indicator, actor: User) -> AuditEntry | None:
    """Take it out of the framework; snapshots keep it."""
    model = type(row)
    with transaction.atomic():
        held: Any = lock(row)
        _may(actor, model.objects.all(), held)
        if held.archived_at:
            return None
        put(held, {"archived_at": timezone.now()})
        changes = [("archived_at", None, str(held.archived_at))]
        if model is Result:
            return record(verb="result.archived", target=held, actor=actor, changes=changes, event={})
        return record(verb="indicator.archived", target=held, actor=actor, changes=changes, event={})


def spans_of(indicator: Indicator) -> list[Span]:
    return [(p.starts_on, p.ends_on, p.target) for p in indicator.periods.order_by("starts_on")]


def _plain(spans: Iterable[Span]) -> list[list[str]]:
    return [[first.isoformat(), last.isoformat(), f"{target.normalize():f}"] for first, last, target in spans]


def _put_periods(indicator: Indicator, spans: list[Span]) -> None:
    for earlier, later in zip(spans, spans[1:], strict=False):
        if later[0] <= earlier[1]:
            raise Invalid(
                _("Two periods overlap: one until %(day)s, and one from %(other)s. Nothing was saved.")
                % {"day": earlier[1], "other": later[0]},
                field="periods",
            )
    known = {(p.starts_on, p.ends_on): p for p in indicator.periods.all()}
    wanted = {(first, last): target for first, last, target in spans}
    gone = [period for days, period in known.items() if days not in wanted]
    if Actual.objects.filter(period__in=gone).exists():
        raise Invalid(
            _("Something was measured in a period that you took out or moved. Leave its days as they are. Nothing was saved."),
            field="periods",
        )  # fmt: skip
    Period.objects.filter(pk__in=[period.pk for period in gone]).delete()
    for days, target in wanted.items():
        period = known.get(days) or Period(indicator=indicator, starts_on=days[0], ends_on=days[1])
        if period.pk is None or period.target != target:
            period.target = target
            check(period, only=["starts_on", "ends_on", "target"])
            period.save()


# --- actuals ----------------------------------------------------------------------------------------------------------
def record_actual(
    *, actor: User, period: Period, value: Decimal, on: date, evidence: str = "", link: str = "", contribution: str, form_key: UUID | None = None
) -> Actual:  # fmt: skip
    """Write down what was measured, what shows it, and what part of it is ours. The same form saved twice is kept once."""
    _may(actor, Indicator.objects.all(), period.indicator, Action.LOG)
    if on > timezone.localdate():
        raise Invalid(_("A number that was measured is of today or earlier."), field="on")
    if not period.starts_on <= on:
        raise Invalid(_("This day is before the period begins."), field="on")
    if form_key and (known := Actual.objects.filter(form_key=form_key, recorded_by=actor).first()):
        return known
    actual = Actual(
        period=period, value=value, on=on, evidence=notes(evidence), link=link, contribution=notes(contribution),
        recorded_by=actor, recorded_at=timezone.now(),
    )  # fmt: skip
    if form_key:
        actual.form_key = form_key
    check(actual, only=["value", "link"])  # the constraints speak of the others
    with transaction.atomic():
        actual.save(force_insert=True)
        changes = told(actual, ("value", "on", "evidence", "link", "contribution"))
        record(
            verb="actual.measured",
            target=actual,
            actor=actor,
            changes=changes,
            summary=period.indicator.title,
            event={},
        )
    return actual


def verify_actual(*, actual: Actual, actor: User) -> AuditEntry | None:
    """Somebody else looked at what shows it. None when it was verified already."""
    with transaction.atomic():
        row: Actual = find_locked(Actual, actual.uid)
        _may(actor, Actual.objects.all(), row, Action.LOG)
        if row.withdrawn_at is not None:
            raise Conflict(_("It was withdrawn, so there is nothing to verify."), code="withdrawn")
        if row.recorded_by_id == actor.pk:
            raise NotAllowed(_("You wrote it down, so somebody else verifies it."))
        if row.verified_at is not None:
            return None
        row.verified_at, row.verified_by = timezone.now(), actor
        row.save(update_fields=["verified_at", "verified_by"])
        changes = [("verified_at", None, plain(row.verified_at)), ("verified_by", None, plain(actor))]
        title = row.period.indicator.title
        return record(verb="actual.verified", target=row, actor=actor, changes=changes, summary=title, event={})


def withdraw_actual(*, actual: Actual, actor: User, why: str) -> AuditEntry | None:
    """It was wrong: it stays in the history, and counts no more."""
    why = one_line(why)
    if not why:
        raise Invalid(_("Say why it is withdrawn; the words are kept."), field="why")
    with transaction.atomic():
        row: Actual = find_locked(Actual, actual.uid)
        _may(actor, Actual.objects.all(), row, Action.LOG)
        if row.withdrawn_at is not None:
            return None
        row.withdrawn_at, row.withdrawn_why = timezone.now(), why
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
        changes = [("withdrawn_at", None, plain(row.withdrawn_at)), ("withdrawn_why", "", why)]
        title = row.period.indicator.title
        return record(verb="actual.taken_back", target=row, actor=actor, changes=changes, summary=title, event={})


# --- undo -------------------------------------------------------------------------------------------------------------
def restore_result(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    row: Result = find_locked(Result, uid)
    _may(actor, Result.objects.all(), row)
    _restore(row, values, expected)


def restore_indicator(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    row: Indicator = find_locked(Indicator, uid)
    _may(actor, Indicator.objects.all(), row)
    given = dict(values)
    if "periods" in given and given["periods"] is not None:
        if _plain(spans_of(row)) != expected["periods"]:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        _put_periods(row, [(date.fromisoformat(a), date.fromisoformat(b), Decimal(t)) for a, b, t in given["periods"]])
    given.pop("periods", None)
    _restore(row, given, expected)


def _restore(row: Any, values: Values, expected: Values) -> None:
    if "title" in values and values["title"] is None:  # it was made by this entry
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at"])
        return
    found = {}
    for field, before in values.items():
        if not is_same(getattr(row, field), expected[field]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        found[field] = _value(type(row), field, before)
    if found:
        put(row, found)


def _value(model: Any, field: str, before: Any) -> Any:
    if field in {"pillar", "drive"}:
        related: Any = Pillar if field == "pillar" else Drive
        return related.objects.filter(uid=before).first() if before else None
    column = model._meta.get_field(field)
    return column.get_default() if before is None and not column.null else column.to_python(before)


def restore_actual(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    """Of recording: it is withdrawn. Of verifying or withdrawing: it stands as before."""
    row: Actual = find_locked(Actual, uid)
    _may(actor, Actual.objects.all(), row, Action.LOG)
    if "value" in values:
        row.withdrawn_at = row.withdrawn_at or timezone.now()
        row.withdrawn_why = row.withdrawn_why or _("taken back")
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
        return
    if "verified_at" in values:
        row.verified_at = row.verified_by = None
        row.save(update_fields=["verified_at", "verified_by"])
    if "withdrawn_at" in values:
        row.withdrawn_at, row.withdrawn_why = None, ""
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
