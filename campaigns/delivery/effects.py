"""What others' changes mean for deliveries: a suppression, a move of a mailing. Each runs in their transaction."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from campaigns.delivery.models import BreakerPause
from campaigns.delivery.waking import post, wake
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import STOP_WINDOW
from campaigns.mailings.states import State


def stop_deliveries(*, address_keys: list[str], address_hashes: list[bytes], at: datetime) -> None:
    """A suppression: what waits to go to these addresses never leaves.

    The rows are locked in the order of their keys, like the engine's batches. A message whose compare-and-set began before
    this commits may still leave; none whose began later does.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH waiting AS (
                SELECT mailing_id, seq FROM delivery WHERE address_hash = ANY (%s) AND state IN ('pending', 'deferred')
                 ORDER BY mailing_id, seq FOR UPDATE)
            UPDATE delivery d SET state = 'cancelled', settled_at = %s, reply_text = 'suppressed'
              FROM waiting w WHERE d.mailing_id = w.mailing_id AND d.seq = w.seq AND d.state IN ('pending', 'deferred')
            RETURNING d.mailing_id, d.seq""",
            [address_hashes, at],
        )
        stopped = cursor.fetchall()
        if stopped:
            cursor.execute(
                "DELETE FROM campaigns_deliveryretry r USING unnest(%s::bigint[], %s::int[]) s(mailing_id, seq)"
                " WHERE r.mailing_id = s.mailing_id AND r.seq = s.seq",
                [[row[0] for row in stopped], [row[1] for row in stopped]],
            )


def mailing_moved(mailing: Mailing, before: State, after: State) -> None:
    """Wake whoever has something to do now. All of it would be found by the sweeper, only later."""
    from campaigns.delivery import tasks  # tasks import what uses this

    if before == State.PAUSED:
        BreakerPause.objects.filter(mailing_id=mailing.pk).delete()
    if after == State.CANCELLED and before in (State.SENDING, State.PAUSED):
        transaction.on_commit(lambda: post(tasks.wind_up_mailing, mailing.pk))
    elif after == State.SENDING and before == State.PAUSED:
        transaction.on_commit(lambda: wake(mailing.pk))
    elif after == State.FREEZING:
        transaction.on_commit(lambda: post(tasks.freeze_mailing, mailing.pk))
    elif after == State.SCHEDULED and mailing.stop_until:
        # a second after the window, so that the sweep finds it over
        transaction.on_commit(lambda: post(tasks.sweep, countdown=STOP_WINDOW.total_seconds() + 1))
