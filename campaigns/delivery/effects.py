"""What others' changes mean for deliveries: a suppression, a move of a mailing. Each runs in their transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from campaigns.delivery.models import BreakerPause
from campaigns.delivery.running import note_run
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


# letters to a person use the person's permission, others the institution's
_THEIRS = {
    "person": "d.person_id = (SELECT id FROM contacts_person WHERE uid = %(uid)s)",
    "organization": "d.organization_id = (SELECT id FROM contacts_organization WHERE uid = %(uid)s) AND d.person_id IS NULL",
}
_WITHDRAWN = """
WITH waiting AS (
    SELECT d.mailing_id, d.seq FROM delivery d WHERE {theirs} AND d.state IN ('pending', 'deferred') AND d.mailing_id IN (
           SELECT id FROM campaigns_mailing WHERE topic_id = %(topic)s AND state IN ('sending', 'paused'))
     ORDER BY d.mailing_id, d.seq FOR UPDATE OF d),
over AS (
    DELETE FROM campaigns_deliveryretry r USING waiting w WHERE r.mailing_id = w.mailing_id AND r.seq = w.seq)
UPDATE delivery d SET state = 'cancelled', settled_at = %(at)s, reply_text = 'unsubscribed'
  FROM waiting w WHERE d.mailing_id = w.mailing_id AND d.seq = w.seq AND d.state IN ('pending', 'deferred')"""


# Of advisory locks, by topic: a withdrawal shares it until it is committed, and a freeze that ends waits for those that do.
_WITHDRAWALS = 7102


def stop_unsubscribed(*, kind: str, uid: UUID, topic_id: int, at: datetime) -> None:
    """A withdrawal: what waits to go to them on this topic never leaves. Locked in the same order as above.

    A freeze that is about to end is waited for: this statement then sees what it wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [_WITHDRAWALS, topic_id])
        cursor.execute(_WITHDRAWN.format(theirs=_THEIRS[kind]), {"uid": uid, "topic": topic_id, "at": at})


def due_now(mailing_id: int) -> None:
    """What was due long ago is due now: work that has waited for minutes keeps no other mailing from its run (claims._OTHERS_WAIT), and
    what a pause kept waiting is no such work."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_deliverychunk SET due_at = now()"
            " WHERE mailing_id = %s AND NOT is_done AND is_open AND token IS NULL AND due_at < now()",
            [mailing_id],
        )


IN_DOUBT = 100_000  # events before the last one that may not have been committed then
_GONE = """
SELECT coalesce(array_agg(p.id) FILTER (WHERE p.id IS NOT NULL), '{}'), coalesce(array_agg(o.id) FILTER (WHERE o.id IS NOT NULL), '{}')
  FROM contacts_consentevent e
  JOIN contacts_consentstate k ON k.subject_uid = e.subject_uid AND k.topic_id = e.topic_id AND k.channel = e.channel AND NOT k.is_granted
  LEFT JOIN contacts_person p ON p.uid = e.subject_uid
  LEFT JOIN contacts_organization o ON o.uid = e.subject_uid
 WHERE e.id > %s AND e.action = 'withdraw' AND e.channel = 'email' AND e.topic_id = %s"""
_STOP = """
WITH waiting AS (
    SELECT d.mailing_id, d.seq FROM delivery d WHERE d.mailing_id = %(mailing)s AND d.state IN ('pending', 'deferred')
       AND (d.person_id = ANY (%(people)s) OR d.person_id IS NULL AND d.organization_id = ANY (%(organizations)s))
     ORDER BY d.seq FOR UPDATE OF d)
UPDATE delivery d SET state = 'cancelled', settled_at = now(), reply_text = 'unsubscribed'
  FROM waiting w WHERE d.mailing_id = w.mailing_id AND d.seq = w.seq AND d.state IN ('pending', 'deferred')"""


def stop_withdrawn_meanwhile(*, mailing_id: int, topic_id: int, after: int) -> int:
    """What a freeze wrote for people who withdrew while it ran: it could not see that, nor the withdrawal its rows.

    Runs at the end of its transaction, and waits for withdrawals that are not committed yet; one that begins later waits for the
    freeze's commit, and finds its rows. after: the last consent event that there was when it began.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_WITHDRAWALS, topic_id])
        cursor.execute(_GONE, [after - IN_DOUBT, topic_id])
        people, organizations = cursor.fetchone()
        if not people and not organizations:
            return 0
        cursor.execute(_STOP, {"mailing": mailing_id, "people": people, "organizations": organizations})
        return int(cursor.rowcount)


def mailing_moved(mailing: Mailing, before: State, after: State) -> None:
    """Wake whoever has something to do now. All of it would be found by the sweeper, only later."""
    from campaigns.delivery import tasks  # tasks import what uses this

    BreakerPause.objects.filter(
        mailing_id=mailing.pk
    ).delete()  # the breaker, when it is its own move, writes it down anew
    if after == State.SENDING:
        note_run(mailing.pk, anew=True)
    if after == State.CANCELLED and before in (State.SENDING, State.PAUSED):
        transaction.on_commit(lambda: post(tasks.wind_up_mailing, mailing.pk))
    elif after == State.SENDING and before == State.PAUSED:
        due_now(mailing.pk)
        transaction.on_commit(lambda: wake(mailing.pk))
    elif after == State.FREEZING:
        transaction.on_commit(lambda: post(tasks.freeze_mailing, mailing.pk))
    elif after == State.SCHEDULED and mailing.stop_until:
        # a second after the window, so that the sweep finds it over
        transaction.on_commit(lambda: post(tasks.sweep, countdown=STOP_WINDOW.total_seconds() + 1))
