"""Questions asked of jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.jobs.models import Job


def jobs_visible_to(user: User) -> QuerySet[Job]:
    """One's own jobs; an administrator sees all of them."""
    jobs = Job.objects.select_related("owner")
    return jobs if user.may(Action.ADMINISTER) else jobs.filter(owner=user)


@dataclass(frozen=True)
class Pace:
    """How far a job is and how fast it goes. What cannot be known yet is None."""

    percent: float | None
    per_minute: int | None
    seconds_left: float | None


def pace_of(job: Job, *, now: dt.datetime | None = None) -> Pace:
    """Rate over the whole run so far: steadier than the last second, and honest about pauses."""
    percent = min(100.0, 100 * job.done_count / job.total_count) if job.total_count else None
    if not job.started_at or not job.done_count:
        return Pace(percent, None, None)
    seconds = ((job.finished_at or now or timezone.now()) - job.started_at).total_seconds()
    if seconds < 1:
        return Pace(percent, None, None)
    rate = job.done_count / seconds
    left = (job.total_count - job.done_count) / rate if job.total_count and job.is_open else None
    return Pace(percent, round(rate * 60), left)
