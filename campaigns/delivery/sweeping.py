"""The sweeper: finds what a lost wake-up, a dead worker or a restart left behind. Each step claims rows; two do no harm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns.delivery import slots
from campaigns.delivery.breaker import try_again
from campaigns.delivery.doubt import LAPSED, LEFT_BEHIND, LOOKING, OVER, looks
from campaigns.delivery.freezing import begin_due, stuck
from campaigns.delivery.models import DeliveryRetry
from campaigns.delivery.partitions import ensure_partitions
from campaigns.delivery.queries import has_open
from campaigns.delivery.rollups import CHUNK_COUNTS, RECOUNT, ROLL_UP, ROLL_UP_AT_END, TO_ROLL_UP
from campaigns.delivery.settling import MAY_BE_WRITTEN_TO, apply_evidence, apply_told
from campaigns.delivery.waking import post, wake
from campaigns.limits.models import DomainRest
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked, move
from campaigns.mailings.states import State
from campaigns.safety import services as safety
from crm.errors import WrongState

logger = logging.getLogger(__name__)
FORGOTTEN = timedelta(days=1)  # after a domain was left alone last
# No row of the chunk is pending or in flight, except one that its own retry holds.
_SETTLED = """
NOT EXISTS (SELECT 1 FROM delivery d WHERE d.mailing_id = k.mailing_id AND d.seq BETWEEN k.first_seq AND k.last_seq
               AND d.state IN ('pending', 'in_flight') AND NOT EXISTS (
                   SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq))"""


def sweep(*, now: datetime | None = None) -> None:
    """One tick. A step that fails is logged and does not keep the others from running."""
    from campaigns.delivery.tasks import freeze_mailing  # tasks call the sweeper

    moment = now or timezone.now()
    _step(ensure_partitions)
    _step(lambda: begin_due(now=moment))
    for mailing_id in stuck(moment).values_list("pk", flat=True):
        post(freeze_mailing, mailing_id)
    _step(lambda: slots.close_over(now=moment))
    _step(lambda: slots.open_due(now=moment))
    _step(free_chunks)
    _step(free_retries)
    _step(apply_told)
    _step(end_looking)
    _step(recount_over)
    _step(wind_up_cancelled)
    _step(lambda: try_again(now=moment))
    _step(lambda: safety.check_all(now=moment))
    _step(lambda: DomainRest.objects.filter(until__lt=moment - FORGOTTEN).delete())
    for mailing_id in Mailing.objects.filter(state=State.SENDING).values_list("pk", flat=True):
        _step(partial(_finish_or_wake, mailing_id))


def _finish_or_wake(mailing_id: int) -> None:
    if not finish_if_done(mailing_id):
        wake(mailing_id)


def _step(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("A step of the sweeper failed; the others go on, and the next tick tries it again.")


def free_chunks() -> int:
    """Take chunks back from workers whose lease is over; returns how many.

    What was in flight is uncertain, and evidence is looked for (see `doubt`); then, with a policy to resend, it is sent again under the
    same Message-ID and Date; else it stays uncertain, for a person.
    """
    freed = 0
    while chunk := _free_one():
        freed += 1
        logger.warning("Mailing %s: a worker's claim on %s-%s was over.", *chunk)
    return freed


def _free_one() -> tuple[int, int, int] | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT k.id, k.mailing_id, k.first_seq, k.last_seq, k.token FROM campaigns_deliverychunk k"
            " WHERE NOT k.is_done AND k.token IS NOT NULL AND k.lease_until < now()"
            " ORDER BY k.id FOR UPDATE SKIP LOCKED LIMIT 1"
        )
        row = cursor.fetchone()
        if row is None:
            return None
        chunk_id, mailing_id, first, last, token = row
        values: dict[str, Any] = {"chunk": chunk_id, "token": token, "mailing": mailing_id, "unsent": []}
        values |= {"looking": LOOKING, "looks": looks()}
        cursor.execute(LEFT_BEHIND, values)
        _give_back(cursor, chunk_id)
        return mailing_id, first, last


def _give_back(cursor: Any, chunk_id: int) -> bool:
    """Free a chunk, or end it with its roll-up; the caller holds its row."""
    cursor.execute(
        f"UPDATE campaigns_deliverychunk k SET token = NULL, lease_until = NULL, due_at = now(), counts = ({CHUNK_COUNTS}),"
        f" is_done = {_SETTLED} WHERE k.id = %s AND NOT k.is_done RETURNING k.is_done, k.mailing_id, k.first_seq, k.last_seq",
        [chunk_id],
    )
    row = cursor.fetchone()
    if row is None or not row[0]:
        return False
    _done, mailing_id, first, last = row
    cursor.execute(TO_ROLL_UP, {"mailing": mailing_id, "first": first, "last": last, "chunk": chunk_id})
    accepted = cursor.fetchone()[0]
    if accepted:
        cursor.execute(ROLL_UP, {"mailing": mailing_id, "seqs": accepted})
    return True


def free_retries() -> int:
    """The same for single retries; those without a delivery that waits are removed."""
    freed: dict[int, list[int]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        values: dict[str, Any] = {"looking": LOOKING, "looks": looks()}
        cursor.execute(LAPSED, values)
        for mailing_id, seq in cursor.fetchall():
            freed.setdefault(mailing_id, []).append(seq)
        for mailing_id, seqs in sorted(freed.items()):
            cursor.execute(RECOUNT, {"mailing": mailing_id, "seqs": seqs})
        cursor.execute(
            """
            DELETE FROM campaigns_deliveryretry r WHERE r.token IS NULL AND r.due_at < now() AND NOT EXISTS (
                SELECT 1 FROM delivery d WHERE d.mailing_id = r.mailing_id AND d.seq = r.seq
                   AND d.state IN ('deferred', 'in_flight'))"""
        )
    return sum(map(len, freed.values()))


def end_looking() -> int:
    """Evidence was looked for long enough: what there is settles, and the mailing's policy decides of the rest. Returns of how many."""
    lapsed = DeliveryRetry.objects.filter(token=LOOKING, lease_until__lt=timezone.now())
    ended = 0
    for mailing_id in set(lapsed.values_list("mailing_id", flat=True)):
        with transaction.atomic(), connection.cursor() as cursor:
            row = locked(Mailing(pk=mailing_id))  # as a person does who settles them
            apply_evidence(mailing_id=mailing_id)
            again = row.resends_uncertain and row.state in (State.SENDING, State.PAUSED)
            values = {"mailing": mailing_id, "topic": row.topic_id, "looking": LOOKING, "again": again}
            cursor.execute(OVER.format(may=MAY_BE_WRITTEN_TO), values)
            seqs = [seq for (seq,) in cursor.fetchall()]
            cursor.execute(RECOUNT, {"mailing": mailing_id, "seqs": seqs})
            ended += len(seqs)
    return ended


def recount_over() -> int:
    """Count done chunks anew of which something that was deferred is over without a worker: by a withdrawal, a suppression."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}) FROM campaigns_mailing m
             WHERE m.id = k.mailing_id AND m.state IN ('sending', 'paused') AND k.is_done
               AND (k.counts ->> 'deferred')::int > (
                   SELECT count(*) FROM campaigns_deliveryretry r
                    WHERE r.mailing_id = k.mailing_id AND r.seq BETWEEN k.first_seq AND k.last_seq)"""
        )
        return int(cursor.rowcount)


def wind_up(mailing_id: int) -> int:
    """After a cancellation: what waits never leaves; returns how many. What is in flight settles by itself first."""
    stopped = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, first_seq, last_seq FROM campaigns_deliverychunk WHERE mailing_id = %s ORDER BY first_seq",
            [mailing_id],
        )
        for chunk_id, first, last in cursor.fetchall():
            with transaction.atomic():
                cursor.execute(
                    """
                    UPDATE delivery SET state = 'cancelled', settled_at = now() WHERE mailing_id = %s
                       AND seq BETWEEN %s AND %s AND state IN ('pending', 'deferred')
                       AND EXISTS (SELECT 1 FROM campaigns_mailing WHERE id = %s AND state = 'cancelled')""",
                    [mailing_id, first, last, mailing_id],
                )
                stopped += cursor.rowcount
                cursor.execute(
                    "SELECT 1 FROM campaigns_deliverychunk WHERE id = %s AND token IS NULL FOR UPDATE", [chunk_id]
                )
                if cursor.fetchone():
                    _give_back(cursor, chunk_id)
                else:
                    cursor.execute(
                        f"UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}) WHERE k.id = %s", [chunk_id]
                    )
    return stopped


def wind_up_cancelled() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT k.mailing_id FROM campaigns_deliverychunk k JOIN campaigns_mailing m ON m.id = k.mailing_id"
            " WHERE NOT k.is_done AND m.state = 'cancelled' UNION SELECT r.mailing_id FROM campaigns_deliveryretry r"
            " JOIN campaigns_mailing m ON m.id = r.mailing_id WHERE m.state = 'cancelled'"
        )
        ids = [mailing_id for (mailing_id,) in cursor.fetchall()]
    for mailing_id in ids:
        wind_up(mailing_id)


def finish_if_done(mailing_id: int) -> bool:
    """Move to *finished* when nothing is pending, in flight or deferred; the ledger itself is asked."""
    if not _is_done(mailing_id):
        return False
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            row = locked(Mailing(pk=mailing_id))
            if not _is_done(mailing_id):  # a person had something sent again, and held the row until now
                return False
            move(mailing=row, to=State.FINISHED, finished_at=timezone.now())
            cursor.execute(ROLL_UP_AT_END, {"mailing": mailing_id})
    except WrongState:
        return False
    logger.info("Mailing %s is finished.", mailing_id)
    return True


def _is_done(mailing_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM campaigns_deliverychunk WHERE mailing_id = %s AND NOT is_done)"
            " OR EXISTS (SELECT 1 FROM campaigns_deliveryretry WHERE mailing_id = %s)",
            [mailing_id, mailing_id],
        )
        return not (cursor.fetchone()[0] or has_open(mailing_id))
