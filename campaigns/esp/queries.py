"""What mailing services told and what waits of it. From partial indexes: the table is large, and nearly all of it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from campaigns.esp.models import ServiceEvent

State = ServiceEvent.State


@dataclass(frozen=True)
class Waiting:
    """new: how many nobody looked at yet, the first of them since `first`. failed: how many could not be handled."""

    new: int
    first: datetime | None
    failed: int


def events_waiting() -> Waiting:
    found = ServiceEvent.objects.filter(state=State.NEW).aggregate(n=Count("pk"), first=Min("received_at"))
    return Waiting(found["n"], found["first"], ServiceEvent.objects.filter(state=State.FAILED).count())
