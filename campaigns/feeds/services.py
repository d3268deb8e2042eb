"""Give places in the feeds to what was committed. One publisher at a time; a place that was given never comes before an older one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

CHUNKS = 5000
CLOSE_AFTER = timedelta(hours=1)  # a finished mailing's chunks are looked at for so long

_PLACE = """
WITH looked_at AS (
    SELECT m.id FROM campaigns_mailing m WHERE m.frozen_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM campaigns_deliveryplace p WHERE p.mailing_id = m.id AND p.is_closed)),
due AS (
    SELECT k.mailing_id, k.first_seq, k.last_seq, k.counts
      FROM looked_at l JOIN campaigns_deliverychunk k ON k.mailing_id = l.id
      LEFT JOIN campaigns_deliveryplace p ON p.mailing_id = k.mailing_id AND p.first_seq = k.first_seq
     WHERE p.id IS NULL OR p.counts IS DISTINCT FROM k.counts
     ORDER BY k.mailing_id, k.first_seq LIMIT %s)
INSERT INTO campaigns_deliveryplace (mailing_id, first_seq, last_seq, counts, is_closed, position)
SELECT mailing_id, first_seq, last_seq, counts, false,
       (SELECT coalesce(max(position), 0) FROM campaigns_deliveryplace) + row_number() OVER (ORDER BY mailing_id, first_seq)
  FROM due
ON CONFLICT (mailing_id, first_seq) DO UPDATE SET position = excluded.position, counts = excluded.counts"""
_CLOSE = """
UPDATE campaigns_deliveryplace p SET is_closed = true FROM campaigns_mailing m
 WHERE m.id = p.mailing_id AND NOT p.is_closed AND m.state IN ('finished', 'cancelled') AND m.finished_at < %s"""
_NUMBER_FEEDBACK = """
WITH due AS (SELECT id FROM campaigns_feedback WHERE position IS NULL ORDER BY id LIMIT %s),
     numbered AS (SELECT id, row_number() OVER (ORDER BY id)
                             + (SELECT coalesce(max(position), 0) FROM campaigns_feedback) AS position FROM due)
UPDATE campaigns_feedback f SET position = n.position FROM numbered n WHERE f.id = n.id"""


def number_feeds(*, now: datetime | None = None) -> int:
    """Place changed chunks of deliveries, and bounces and complaints; returns how many got a place.

    A chunk is told by its counts: each change of a delivery's outcome changes them, or is followed by one that does.
    """
    moment = now or timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('feeds'))")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_PLACE, [CHUNKS])
        placed = cursor.rowcount
        if not placed:  # only when all are placed: what is closed is never looked at again
            cursor.execute(_CLOSE, [moment - CLOSE_AFTER])
        cursor.execute(_NUMBER_FEEDBACK, [CHUNKS])
        return placed + cursor.rowcount
