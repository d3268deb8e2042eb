"""Claim, act, record: each event by itself, so that a broken one fails alone."""

import time

from celery import shared_task

from campaigns.delivery.settling import apply_told
from campaigns.esp import events
from campaigns.esp.models import ServiceEvent
from crm.one_by_one import one_by_one

BATCH = 2000
SECONDS = 40  # of the 60 that a task has


@shared_task(name="campaigns.esp.handle_events")
def handle_events() -> int:
    """Handle what services told us; returns how many events were new."""
    waiting = ServiceEvent.objects.filter(state=ServiceEvent.State.NEW).order_by("pk")
    handled = one_by_one(
        list(waiting.values_list("pk", flat=True)[:BATCH]),
        handle=lambda pk: events.handle(event_id=pk),
        give_up=lambda pk, why: events.give_up(event_id=pk, why=why),
        what="service event",
        until=time.monotonic() + SECONDS,
    )
    apply_told()
    return handled
