"""Wake-ups. Each may be lost or come twice; the sweeper finds what is due all the same."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)


def wake(mailing_id: int) -> int:
    """Ask workers to deliver a mailing: as many tasks as may run side by side and have chunks to claim."""
    from campaigns.delivery.tasks import deliver  # tasks import the engine, the engine wakes

    wanted = min(settings.DELIVERY_TASKS, waits_for_workers(mailing_id)) - _active(mailing_id)
    for _number in range(max(0, wanted)):
        post(deliver, mailing_id)
    return max(0, wanted)


def post(task: Any, *args: Any, countdown: float | None = None) -> None:
    """Send a task; a broker that does not answer is no error, because the sweeper comes by."""
    try:
        task.apply_async(args=args, countdown=countdown, retry=False)
    except Exception:  # whatever the broker's client raises
        logger.warning("The broker did not take %s; the sweeper will.", task.name)


def waits_for_workers(mailing_id: int) -> int:
    """How many chunks and retries could be claimed now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM campaigns_deliverychunk WHERE mailing_id = %s AND NOT is_done AND token IS NULL"
            " AND is_open AND due_at <= now()) + (SELECT count(*) FROM campaigns_deliveryretry WHERE mailing_id = %s"
            " AND token IS NULL AND due_at <= now())",
            [mailing_id, mailing_id],
        )
        return int(cursor.fetchone()[0])


def _active(mailing_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT token) FROM campaigns_deliverychunk WHERE mailing_id = %s AND lease_until > now()",
            [mailing_id],
        )
        return int(cursor.fetchone()[0])
