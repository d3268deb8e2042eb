"""Claim, act, record: each event by itself, so that a broken one fails alone."""

import logging
import time

from celery import shared_task
from django.db import OperationalError

from campaigns.esp import events
from campaigns.esp.models import ServiceEvent

logger = logging.getLogger(__name__)
BATCH = 2000
SECONDS = 40  # of the 60 that a task has


@shared_task(name="campaigns.esp.handle_events")
def handle_events() -> int:
    """Handle what services told us; returns how many events were new."""
    until = time.monotonic() + SECONDS
    handled = 0
    waiting = ServiceEvent.objects.filter(state=ServiceEvent.State.NEW).order_by("pk")
    for event_id in list(waiting.values_list("pk", flat=True)[:BATCH]):
        if time.monotonic() > until:
            break
        try:
            handled += events.handle(event_id=event_id) is not None
        except OperationalError:
            raise  # the database went away: the event is still new
        except Exception as error:  # it is kept, named and shown
            logger.exception("service event %s could not be handled", event_id)
            events.give_up(event_id=event_id, why=f"{type(error).__name__}: {error}")
    return handled
