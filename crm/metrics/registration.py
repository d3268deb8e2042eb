"""What the platform itself reports; campaigns and contacts add theirs in their own registrations."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from crm import broker, heartbeat
from crm.accounts.models import Installation
from crm.audit.models import OutboxEvent
from crm.jobs.models import Job
from crm.metrics.registry import Gauge, register


def _jobs() -> Mapping[str, float]:
    found = dict(Job.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: found.get(state, 0) for state in Job.State.values}


def _unpublished() -> Mapping[str, float]:
    return {"": OutboxEvent.objects.filter(seq__isnull=True).count()}


def _database_bytes() -> Mapping[str, float]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return {"": cursor.fetchone()[0]}


def _sweep_age() -> Mapping[str, float]:
    age = heartbeat.age("sweep")
    return {} if age is None else {"": age}


def _backup_age() -> Mapping[str, float]:
    at = Installation.objects.values_list("backed_up_at", flat=True).first()
    return {} if at is None else {"": max(0.0, (timezone.now() - at).total_seconds())}


register(Gauge("jobs", "Jobs by state", _jobs, label="state"))
register(Gauge("outbox_unpublished", "Events that have no number yet", _unpublished))
register(Gauge("queue_length", "Wake-ups that no worker has taken", broker.queue_lengths, label="queue"))
register(Gauge("database_bytes", "Size of the database", _database_bytes))
register(Gauge("sweep_age_seconds", "Since the sweeper last went through; left out when it never did", _sweep_age))
register(Gauge("backup_age_seconds", "Since a backup was last finished; left out when none was", _backup_age))
