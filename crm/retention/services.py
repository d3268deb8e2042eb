"""Set how long things are kept, and do what a night is due. Each batch is one transaction together with its count."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.retention.models import RetentionRule, RetentionRun, RetentionStep
from crm.retention.registry import KINDS, Kind, kinds

logger = logging.getLogger(__name__)

HOUR = 2  # UTC: after this the night's run is due
LEASE = timedelta(seconds=90)  # a task lives 60 s at most
BUDGET = 35.0  # seconds of work in one task; the next tick goes on
LOCK_WAIT = "3s"  # nobody waits longer behind a partition that is being let go


@dataclass(frozen=True)
class Standing:
    """One kind with what holds for it."""

    kind: Kind
    days: int | None
    done_until: datetime | None
    is_default: bool

    def before(self, now: datetime) -> datetime | None:
        return now - timedelta(days=self.days) if self.days is not None else None


def standings() -> list[Standing]:
    rules = {rule.kind: rule for rule in RetentionRule.objects.all()}
    return [
        Standing(kind, rule.days, rule.done_until, is_default=False)
        if (rule := rules.get(kind.code))
        else Standing(kind, kind.default_days, None, is_default=True)
        for kind in kinds()
    ]


def preview(*, limit: int = 100_000) -> dict[str, int]:
    """Code → rows that would go now, counted up to `limit` + 1; nothing is changed."""
    now, found = timezone.now(), {}
    for standing in standings():
        before = standing.before(now)
        found[standing.kind.code] = (
            standing.kind.count(before, standing.done_until, limit + 1) if before is not None else 0
        )
    return found


def set_rules(*, days: Mapping[str, int | None], actor: User) -> list[RetentionRule]:
    """Keep each kind for so many days (None: for ever). What went already does not come back."""
    _must_be_possible(days)
    saved = []
    with transaction.atomic():
        for code, number in days.items():
            rule, is_new = RetentionRule.objects.select_for_update().get_or_create(
                kind=code, defaults={"days": KINDS[code].default_days}
            )
            saved.append(rule)
            if rule.days == number:
                continue
            before, rule.days = rule.days, number
            rule.save(update_fields=["days", "updated_at"])
            record(verb="retention.edited", target=rule, actor=actor, changes=[("days", before, number)], summary=code)
    return saved


def restore_rule(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a changed rule: it holds again from the next night on. What went meanwhile does not come back."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    rule = RetentionRule.objects.select_for_update().filter(uid=uid).first()
    if rule is None or rule.kind not in KINDS or rule.days != expected["days"]:
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    _must_be_possible({rule.kind: values["days"]})
    rule.days = values["days"]
    rule.save(update_fields=["days", "updated_at"])


def _must_be_possible(days: Mapping[str, int | None]) -> None:
    """Raise Invalid for a kind that nobody has, for fewer days than it needs, and for more than what it hangs on is kept."""
    holding = {standing.kind.code: standing.days for standing in standings()} | dict(days)
    for code, number in days.items():
        kind = KINDS.get(code)
        if kind is None:
            raise Invalid(_("There is no kind of data called %(code)s.") % {"code": code})
        if number is not None and number < kind.minimum_days:
            raise Invalid(
                _("%(kind)s: %(n)s days is the least.") % {"kind": kind.label, "n": kind.minimum_days}, code="too_short"
            )
    for kind in kinds():
        if kind.not_longer_than and _longer(holding[kind.code], holding.get(kind.not_longer_than)):
            other = KINDS[kind.not_longer_than].label
            raise Invalid(
                _("“%(kind)s” cannot be kept longer than “%(other)s”, which they belong to.")
                % {"kind": kind.label, "other": other},
                code="longer_than_its_owner",
            )


def _longer(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)


# --- runs -------------------------------------------------------------------------------------------------------------
def start_run(*, actor: User | None = None, now: datetime | None = None) -> RetentionRun:
    """A run with a step for each kind that has a limit. Conflict when one is open, or the night's was made already."""
    now = now or timezone.now()
    try:
        with transaction.atomic():
            run = RetentionRun.objects.create(day=now.date(), is_nightly=actor is None, asked_by=actor)
            RetentionStep.objects.bulk_create(
                RetentionStep(
                    run=run, kind=standing.kind.code, position=position, before=before, since=standing.done_until
                )
                for position, standing in enumerate(standings())
                if (before := standing.before(now)) is not None
            )
            if actor is not None:
                record(verb="retention.asked", object_type="retentionrun", object_uid=run.uid, actor=actor)
    except IntegrityError:
        raise Conflict(_("A run is under way already. Its result will stand here."), code="run_open") from None
    return run


def tick(*, now: datetime | None = None, budget: float = BUDGET) -> RetentionRun | None:
    """Make the night's run when it is due, and work on the open one for a while. Any number of these may run at once."""
    now = now or timezone.now()
    if now.hour >= HOUR and not RetentionRun.objects.filter(is_nightly=True, day=now.date()).exists():
        try:
            start_run(now=now)
        except Conflict:
            logger.info("Another run is open; the night's waits for it.")
    run = _claim(now)
    if run is not None:
        _work(run, budget)
    return run


def _claim(now: datetime) -> RetentionRun | None:
    with transaction.atomic():
        free = RetentionRun.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now), finished_at=None)
        run = free.select_for_update(skip_locked=True).first()
        if run is not None:
            run.lease_until = now + LEASE
            run.save(update_fields=["lease_until"])
    return run


def _work(run: RetentionRun, budget: float) -> None:
    ends = time.monotonic() + budget
    for step in run.steps.filter(is_done=False):
        while not step.is_done:
            if time.monotonic() >= ends:
                RetentionRun.objects.filter(pk=run.pk).update(lease_until=None)
                return
            _batch(step)
    with transaction.atomic():
        run.finished_at, run.lease_until = timezone.now(), None
        run.save(update_fields=["finished_at", "lease_until"])
        rows = {step.kind: step.rows for step in run.steps.all() if step.rows}
        summary = ", ".join(f"{kind} × {count}" for kind, count in rows.items()) or "nothing"
        record(verb="retention.done", object_type="retentionrun", object_uid=run.uid, summary=summary)


def _batch(step: RetentionStep) -> None:
    """One batch and its count in one transaction. One that fails ends its step with the reason; the others go on."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            done = KINDS[step.kind].work(step.before, step.since)
            step.rows += done.rows
            step.batches += 1
            step.is_done = not done.more
            changed = {"rows": F("rows") + done.rows, "batches": F("batches") + 1, "is_done": step.is_done}
            RetentionStep.objects.filter(pk=step.pk).update(**changed)
            if step.is_done:
                RetentionRule.objects.update_or_create(
                    kind=step.kind,
                    defaults={"done_until": step.before},
                    create_defaults={"days": KINDS[step.kind].default_days, "done_until": step.before},
                )
    except Exception as error:  # whatever it is, the other kinds must still be dealt with, and the page must say it
        logger.exception("Retention of %s stopped", step.kind)
        step.is_done, step.error = True, f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        step.save(update_fields=["is_done", "error"])
