"""Mailing services plug in: how long what they told us is kept, and how much of it waits."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from campaigns.esp.models import ServiceEvent
from campaigns.esp.queries import events_waiting
from crm.metrics import registry as metrics
from crm.retention.registry import Batch, Kind, register

SIZE = 5000


def _count(before: datetime, since: datetime | None, limit: int) -> int:
    return int(ServiceEvent.objects.filter(received_at__lt=before).order_by()[:limit].count())


def _remove(before: datetime, since: datetime | None) -> Batch:
    old = ServiceEvent.objects.filter(received_at__lt=before).order_by("received_at")
    ids = list(old.values_list("pk", flat=True)[:SIZE])
    ServiceEvent.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def _waiting() -> dict[str, float]:
    found = events_waiting()
    return {"new": found.new, "failed": found.failed}


metrics.register(
    metrics.Gauge(
        "service_events", "What mailing services told and is not handled: new, or failed", _waiting, label="state"
    )
)
register(
    Kind(
        code="service_events",
        label=_("Events of mailing services"),
        what=_("What a service told about single messages. Bounces and complaints that followed from it stay."),
        default_days=90,
        minimum_days=7,
        count=_count,
        work=_remove,
        order=42,
    )
)
