"""Every night, each mailing that was ever frozen is audited: does its ledger still add up?

A night is one row. Whoever claims it audits mailing after mailing, in the order of their keys, and writes down after each how far
it is; who dies loses its lease, and the next goes on behind the last one that was written down. Two at a time do no harm,
and a night that is over is over.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.delivery.auditing import audit, audited
from campaigns.delivery.models import AuditNight
from campaigns.mailings.models import Mailing
from crm.accounts.models import User
from crm.audit.services import record
from crm.metrics.registry import Gauge, register

logger = logging.getLogger(__name__)
HOUR = 3  # UTC: after this the night's audit is due; what retention removed is gone by then
LEASE = timedelta(minutes=20)  # the largest mailing takes a fraction of it
LATE = timedelta(hours=36)
MOST_PROBLEMS = 200


def work_on_night(*, now: datetime | None = None, seconds: float = 40.0) -> bool:
    """Begin the night's audit when it is due, or go on with it for a while; True when there is more to do."""
    moment = now or timezone.now()
    night = AuditNight.objects.filter(finished_at__isnull=True).order_by("day").first()
    if night is None:
        if moment.hour < HOUR or AuditNight.objects.filter(day=moment.date()).exists():
            return False
        night = AuditNight.objects.get_or_create(day=moment.date())[0]
    token = uuid4()
    free = Q(token__isnull=True) | Q(lease_until__lt=timezone.now())
    claimed = AuditNight.objects.filter(free, pk=night.pk, finished_at__isnull=True).update(
        token=token, lease_until=timezone.now() + LEASE
    )
    if not claimed:  # another worker is at it, or it ended this very moment
        return False
    night.refresh_from_db()
    until = timezone.now() + timedelta(seconds=seconds)
    mine = AuditNight.objects.filter(pk=night.pk, token=token)
    for mailing in audited().filter(pk__gt=night.after_id).iterator(chunk_size=100):
        if timezone.now() > until:
            return bool(mine.update(token=None, lease_until=None))
        problems = _problems(mailing)
        if problems and len(night.problems) < MOST_PROBLEMS:
            night.problems.append({"mailing": mailing.pk, "name": mailing.name, "sentences": problems})
        night.mailings += 1
        if not mine.update(
            after_id=mailing.pk,
            mailings=night.mailings,
            problems=night.problems,
            lease_until=timezone.now() + LEASE,
        ):
            return False  # the lease was over, and somebody else goes on
    if mine.update(token=None, lease_until=None, finished_at=timezone.now()):
        level = logging.ERROR if night.problems else logging.INFO
        logger.log(level, "Audit of %s: %s mailings, %s do not add up.", night.day, night.mailings, len(night.problems))
    return False


def audit_again(*, actor: User, now: datetime | None = None) -> bool:
    """Have all mailings audited once more, as today's; False when an audit is under way already."""
    moment = now or timezone.now()
    with transaction.atomic():
        if AuditNight.objects.filter(finished_at__isnull=True).exists():
            return False
        night, is_new = AuditNight.objects.select_for_update().get_or_create(day=moment.date())
        if not is_new:
            night.after_id, night.mailings, night.problems = 0, 0, []
            night.started_at, night.finished_at = moment, None
            night.save()
        record(verb="audit.asked", actor=actor, summary=str(night.day))
    return True


def under_way() -> AuditNight | None:
    """The audit that is being worked on, or waits for a worker."""
    return AuditNight.objects.filter(finished_at__isnull=True).order_by("day").first()


def _problems(mailing: Mailing) -> list[str]:
    try:
        return audit(mailing).problems
    except Exception as error:  # whatever it is: the other mailings are audited all the same
        logger.exception("Mailing %s could not be audited.", mailing.pk)
        return [f"It could not be audited: {type(error).__name__}."]


def last_night() -> AuditNight | None:
    """The last audit that came to its end."""
    return AuditNight.objects.filter(finished_at__isnull=False).order_by("-day").first()


def _age() -> Mapping[str, float]:
    night = last_night()
    if night is None or night.finished_at is None:
        return {}
    return {"": (timezone.now() - night.finished_at).total_seconds()}


def _wrong() -> Mapping[str, float]:
    night = last_night()
    return {} if night is None else {"": len(night.problems)}


def register_metrics() -> None:
    register(Gauge("audit_age_seconds", "Since the last audit of all mailings came to its end", _age))
    register(Gauge("audit_problem_mailings", "Mailings that did not add up in the last audit", _wrong))
