"""Messages whose answer nobody heard: evidence is looked for first, then the mailing's policy decides. SQL that its writers share.

A delivery that a dead worker left in flight is *uncertain* for `DELIVERY_EVIDENCE_SECONDS`, held by a retry under a token that no
worker has. What a mail server's log or a service says of it before that, meanwhile or later settles it (`settling`); for the rest the
sweeper asks the policy when the time is over: sent again, or uncertain until somebody knows.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings

LOOKING = UUID(int=0)  # holds the retry of a delivery while evidence is looked for
ENDED = "the worker ended before the answer came"


def looks() -> timedelta:
    """How long evidence is looked for."""
    return timedelta(seconds=settings.DELIVERY_EVIDENCE_SECONDS)


# At once by the policy only where nobody looks for evidence, and none was told while it was in flight.
_DECIDES = """
m.resends_uncertain AND %(looks)s::interval = '0' AND NOT EXISTS (
    SELECT 1 FROM campaigns_deliveryevidence e WHERE e.mailing_id = d.mailing_id AND e.seq = d.seq)"""
# unsent: known not to have left. The chunk is locked first, and must be the token's still.
LEFT_BEHIND = f"""
WITH left_behind AS (
    UPDATE delivery d SET reply_text = '{ENDED}',
           state = CASE WHEN d.seq = ANY (%(unsent)s::int[]) OR ({_DECIDES}) THEN 'pending' ELSE 'uncertain' END
      FROM campaigns_mailing m, (SELECT k.mailing_id, k.first_seq, k.last_seq FROM campaigns_deliverychunk k
                                  WHERE k.id = %(chunk)s AND k.token = %(token)s FOR UPDATE) held
     WHERE m.id = held.mailing_id AND d.mailing_id = %(mailing)s AND d.seq BETWEEN held.first_seq AND held.last_seq
       AND d.state = 'in_flight' AND NOT EXISTS (
           SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq)
    RETURNING d.mailing_id, d.seq, d.state, m.resends_uncertain)
INSERT INTO campaigns_deliveryretry (mailing_id, seq, due_at, token, lease_until)
SELECT mailing_id, seq, now(), %(looking)s, now() + %(looks)s::interval FROM left_behind
 WHERE state = 'uncertain' AND resends_uncertain
ON CONFLICT (mailing_id, seq) DO NOTHING"""
# the same for retries that a worker held; the time of those that evidence was looked for is asked in OVER
LAPSED = f"""
WITH lapsed AS (
    SELECT id, mailing_id, seq FROM campaigns_deliveryretry
     WHERE token IS NOT NULL AND token <> %(looking)s AND lease_until < now()
     ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 5000),
back AS (
    UPDATE delivery d SET state = CASE WHEN {_DECIDES} THEN 'deferred' ELSE 'uncertain' END, reply_text = '{ENDED}'
      FROM lapsed l, campaigns_mailing m
     WHERE d.mailing_id = l.mailing_id AND d.seq = l.seq AND d.state = 'in_flight' AND m.id = l.mailing_id
    RETURNING l.id, d.state = 'uncertain' AND m.resends_uncertain AS is_looked_for)
UPDATE campaigns_deliveryretry r
   SET token = CASE WHEN b.is_looked_for THEN %(looking)s::uuid END,
       lease_until = CASE WHEN b.is_looked_for THEN now() + %(looks)s::interval END
  FROM lapsed l LEFT JOIN back b ON b.id = l.id WHERE r.id = l.id RETURNING r.mailing_id, r.seq"""
# Nothing was found: those that may be written to still are due, when the hours of their country allow it; of the others nothing waits.
OVER = """
WITH over AS (
    SELECT id, seq FROM campaigns_deliveryretry
     WHERE mailing_id = %(mailing)s AND token = %(looking)s AND lease_until < now() ORDER BY seq FOR UPDATE),
back AS (
    UPDATE delivery d SET state = 'deferred' FROM over o
     WHERE d.mailing_id = %(mailing)s AND d.seq = o.seq AND d.state = 'uncertain' AND %(again)s {may} RETURNING d.seq),
gone AS (
    DELETE FROM campaigns_deliveryretry r USING over o WHERE r.id = o.id AND o.seq NOT IN (SELECT seq FROM back)),
due AS (
    UPDATE campaigns_deliveryretry r SET token = NULL, lease_until = NULL, due_at = greatest(now(), (
               SELECT s.due_at FROM campaigns_deliverychunk k JOIN campaigns_deliveryslot s
                   ON s.mailing_id = k.mailing_id AND s.number = k.slot
                WHERE k.mailing_id = r.mailing_id AND r.seq BETWEEN k.first_seq AND k.last_seq AND s.state = 'waiting'))
      FROM over o WHERE r.id = o.id AND o.seq IN (SELECT seq FROM back))
SELECT seq FROM over"""
