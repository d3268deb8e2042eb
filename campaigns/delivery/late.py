"""What becomes known of a delivery after it was begun: an answer that came when its claim was over, a permission withdrawn meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.delivery.lines import Connection
from contacts.consent.queries import withdrawn_sql

# The row went on to another worker, waits, is in doubt, or was cancelled when it had left. That of somebody who was erased keeps no
# words of a server.
_BELIEVE = """
WITH taken AS (
    UPDATE delivery d SET state = 'accepted', settled_at = now(), reply_code = r.code,
           reply_text = CASE WHEN d.address = '' THEN '' ELSE r.text END
      FROM unnest(%(seq)s::int[], %(attempts)s::int[], %(code)s::smallint[], %(text)s::text[]) AS r(seq, attempts, code, text)
     WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seq)s::int[]) AND d.seq = r.seq AND d.attempts >= r.attempts
       AND d.state IN ('pending', 'in_flight', 'deferred', 'uncertain', 'cancelled')
    RETURNING d.seq),
over AS (
    DELETE FROM campaigns_deliveryretry t USING taken WHERE t.mailing_id = %(mailing)s AND t.seq = taken.seq)
SELECT seq FROM taken"""
# Whose permission a delivery uses: the person's, or the institution's where there is none
_SUBJECT = """CASE WHEN d.person_id IS NULL THEN (SELECT o.uid FROM contacts_organization o WHERE o.id = d.organization_id)
            ELSE (SELECT p.uid FROM contacts_person p WHERE p.id = d.person_id) END"""
_WITHDRAWN = f"""
WITH gone AS (
    SELECT d.seq FROM delivery d JOIN campaigns_mailing m ON m.id = d.mailing_id
     WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seq)s::int[]) AND d.attempts > 0 AND d.state IN ('pending', 'deferred')
       AND {withdrawn_sql(subject_uid=_SUBJECT, topic_id="m.topic_id")}
     ORDER BY d.seq FOR UPDATE OF d),
over AS (
    DELETE FROM campaigns_deliveryretry t USING gone WHERE t.mailing_id = %(mailing)s AND t.seq = gone.seq)
UPDATE delivery d SET state = 'cancelled', settled_at = now(), reply_text = 'unsubscribed' FROM gone
 WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seq)s::int[]) AND d.seq = gone.seq
RETURNING d.seq"""  # noqa: S608 our own words


async def believe(
    connection: Connection, mailing_id: int, answers: Sequence[tuple[int, int, int | None, str]]
) -> list[int]:
    """Write down what was accepted, whoever holds its row by now: the message has left. Returns the numbers that this changed.

    answers: (seq, its attempt, code, text) of each.
    """
    columns = {
        name: [answer[place] for answer in answers] for place, name in enumerate(("seq", "attempts", "code", "text"))
    }
    cursor = await connection.execute(_BELIEVE, {"mailing": mailing_id, **columns})
    return [seq for (seq,) in await cursor.fetchall()]


async def cancel_withdrawn(connection: Connection, mailing_id: int, seqs: list[int]) -> list[int]:
    """Cancel those of a further try whose permission was withdrawn since the first; returns their numbers."""
    cursor = await connection.execute(_WITHDRAWN, {"mailing": mailing_id, "seq": seqs})
    return [seq for (seq,) in await cursor.fetchall()]
