"""How long finished jobs are listed. What they did stays, and so does its entry in the audit trail."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.jobs.models import Job
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 1_000


def _old(before: datetime) -> QuerySet[Job]:
    return Job.objects.filter(finished_at__lt=before)


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_old(before)[:limit].count())


def remove_old(before: datetime, since: datetime | None) -> Batch:
    """One batch: the rows, out of what points at them too. A job that still waits or runs has no end, so it stays."""
    ids = list(_old(before).order_by("finished_at", "pk").values_list("pk", flat=True)[:SIZE])
    Job.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def register() -> None:
    register_kind(
        Kind(
            code="jobs",
            label=_("Long tasks that are over"),
            what=_(
                "Imports, exports and other long tasks as they stand in “Your long tasks”: their titles, and what they said"
                " at the end. What they did stays, with its entry in the trail."
            ),
            default_days=365,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=60,
        )
    )
