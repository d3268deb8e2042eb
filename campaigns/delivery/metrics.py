"""What operators watch while mail leaves and comes back. From chunks and partial indexes: never a scan of `delivery`."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from campaigns.delivery.models import DeliveryRetry
from campaigns.delivery.queries import OPEN
from campaigns.engagement import alive
from campaigns.mailings.models import Transport
from campaigns.mailings.states import State
from campaigns.outreach.models import InboundMessage, Inbox
from crm.metrics.registry import Gauge, register

_OPEN = """
SELECT c.key, sum(c.value::bigint)::bigint
  FROM campaigns_mailing m JOIN campaigns_deliverychunk k ON k.mailing_id = m.id, jsonb_each_text(k.counts) c
 WHERE m.state = %s AND c.key = ANY (%s) GROUP BY c.key"""
_OLDEST = """
SELECT coalesce(extract(epoch FROM now() - min(k.due_at)), 0)::float
  FROM campaigns_deliverychunk k JOIN campaigns_mailing m ON m.id = k.mailing_id
 WHERE NOT k.is_done AND k.token IS NULL AND k.is_open AND k.due_at <= now() AND m.state = %s"""


def _deliveries_open() -> Mapping[str, float]:
    states = [state.value for state in OPEN]
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [State.SENDING, states])
        found = dict(cursor.fetchall())
    return {state: found.get(state, 0) for state in states}


def oldest_due_seconds() -> float:
    """How long the oldest piece of work that is due has waited for a worker; 0 when none is."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [State.SENDING])
        return float(cursor.fetchone()[0])


def _spool_files() -> Mapping[str, float]:
    """Hits from `track` and mail that came back; nothing where this process does not see the folder."""
    if not settings.SPOOL_DIR.is_dir():
        return {}
    patterns = {"hits": "*.ready", "inbound": "*.json"}
    return {name: sum(1 for _ in (settings.SPOOL_DIR / name).glob(pattern)) for name, pattern in patterns.items()}


def _track_age() -> Mapping[str, float]:
    """Nothing where this process does not see the folder, or none ever ran there."""
    age = alive.age(settings.SPOOL_DIR)
    return {} if age is None else {"": age}


def register_metrics() -> None:
    register(Gauge("deliveries_open", "Of mailings that are being sent", _deliveries_open, label="state"))
    register(
        Gauge(
            "chunk_due_age_seconds",
            "How long the oldest piece of work has waited for a worker",
            lambda: {"": oldest_due_seconds()},
        )
    )
    register(Gauge("retries_waiting", "Deferred messages with a next try", lambda: {"": DeliveryRetry.objects.count()}))
    register(
        Gauge(
            "transports_open_breaker",
            "Mail servers that are left alone because they took no mail",
            lambda: {"": Transport.objects.filter(open_until__gt=timezone.now()).count()},
        )
    )
    register(
        Gauge(
            "inbound_unhandled",
            "Messages that came back and were not looked at yet",
            lambda: {"": InboundMessage.objects.filter(state=InboundMessage.State.NEW).count()},
        )
    )
    register(
        Gauge(
            "inboxes_failing",
            "Mailboxes of the return domain that cannot be read",
            lambda: {"": Inbox.objects.in_use().filter(failures__gt=0).count()},
        )
    )
    register(
        Gauge(
            "inboxes_left",
            "Messages in mailboxes that were not read in the last round",
            lambda: {"": Inbox.objects.in_use().aggregate(n=Sum("left"))["n"] or 0},
        )
    )
    register(Gauge("track_age_seconds", "Since the tracker gave a sign of life", _track_age))
    register(Gauge("spool_files", "Files that wait to be taken in", _spool_files, label="folder"))
