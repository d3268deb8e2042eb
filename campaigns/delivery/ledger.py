"""The ledger as a sending worker writes it: the compare-and-set before each final dot, and results. What it holds is in `claims`, what
becomes known of a row after it was begun in `late`.

Intents and results of many connections are put together and committed as one statement, which is one transaction and one
round trip. While one is under way the next is gathered, so the batch grows with the load and nobody waits for a timer.

Each carries the number of its attempt, which fences it: an intent or a result applies only to a row that nobody has begun since.
*Accepted* is true whoever has begun it since, and is believed of any row that is not over.

A connection that PostgreSQL drops is opened again and the batch is written again: results apply only to rows in flight, and
an intent whose commit is in doubt is ours when the row is in flight and its claim is still ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import NamedTuple

from campaigns.delivery.claims import Chunk, Claims, Retry
from campaigns.delivery.composing import Item
from campaigns.delivery.doubt import LOOKING
from campaigns.delivery.late import believe, cancel_withdrawn
from campaigns.delivery.lines import Connection
from campaigns.delivery.models import Outcome
from campaigns.delivery.refusing import suppress_refused
from campaigns.delivery.retrying import Verdict
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP

logger = logging.getLogger(__name__)
# Words without the class that makes every comparison and hash of them a call.
ACCEPTED, IN_FLIGHT = Outcome.ACCEPTED.value, Outcome.IN_FLIGHT.value
# A batch may gather this long when there is little to do: the latency of one message, and fewer commits. With many lanes it gathers
# a little longer, until half of them have come: a commit costs the same for a few as for many.
GATHER_SECONDS, GATHER_MORE_SECONDS = 0.002, 0.003
# The array beside the join keeps the index scan to these rows; freeze has counted the keys for it. Its rows are the numbers granted, and
# one that is not positive: how many results applied.
_INTEND = """
WITH settled AS (
    UPDATE delivery d
       SET state = r.state, settled_at = CASE WHEN r.state IN ('accepted', 'failed') THEN now() ELSE d.settled_at END,
           reply_code = r.code, reply_text = r.text,
           attempts = d.attempts + (d.state <> 'in_flight')::int,
           first_attempt_at = coalesce(d.first_attempt_at, now()),
           last_attempt_at = CASE WHEN d.state = 'in_flight' THEN d.last_attempt_at ELSE now() END
      FROM unnest(%(done_seq)s::int[], %(done_state)s::varchar[], %(done_code)s::smallint[], %(done_text)s::text[],
                  %(done_was)s::varchar[], %(done_attempts)s::int[]) AS r(seq, state, code, text, was, attempts)
     WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(done_seq)s::int[]) AND d.seq = r.seq AND d.state = r.was
       AND d.attempts = r.attempts
    RETURNING 1
), granted AS (
    UPDATE delivery d
       SET state = 'in_flight', attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, i.at),
           last_attempt_at = now()
      FROM unnest(%(seq)s::int[], %(at)s::timestamptz[], %(was)s::varchar[], %(attempts)s::int[]) AS i(seq, at, was, attempts)
     WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seq)s::int[]) AND d.seq = i.seq AND d.state = i.was
       AND d.attempts = i.attempts
       AND EXISTS (SELECT 1 FROM campaigns_mailing m WHERE m.id = %(mailing)s AND m.state = 'sending')
       AND NOT EXISTS (SELECT 1 FROM contacts_suppression s WHERE s.address_hash = d.address_hash)
    RETURNING d.seq
)
SELECT seq FROM granted UNION ALL SELECT -count(*)::int FROM settled"""
# A refused intent whose address is suppressed is over: a freeze that ran beside the suppression could not know of it.
_SUPPRESSED = """
UPDATE delivery d SET state = 'cancelled', settled_at = now(), reply_text = 'suppressed'
 WHERE d.mailing_id = %s AND d.seq = ANY (%s) AND d.state IN ('pending', 'deferred')
   AND EXISTS (SELECT 1 FROM contacts_suppression s WHERE s.address_hash = d.address_hash)"""


class _Intent(NamedTuple):
    seq: int
    at: datetime
    was: str
    attempts: int  # that it must have now
    granted: asyncio.Future[bool]


class _Result(NamedTuple):
    seq: int
    item: Item
    verdict: Verdict
    was: str

    @property
    def attempts(self) -> int:
        """Its row's, when nobody has begun it since."""
        return self.item.attempts + (self.was == IN_FLIGHT)

    @property
    def is_plain(self) -> bool:
        """Whether nothing follows from it but its row."""
        return self.verdict.state == ACCEPTED and type(self.item.claim) is Chunk


_seq = itemgetter(0)


@dataclass
class Ledger(Claims):
    """One worker's lines to the ledger of one mailing. `lanes`: how many may ask at a time."""

    lanes: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._intents: list[_Intent] = []
        self._results: list[_Result] = []
        self._work = asyncio.Event()
        self._handed_in = self._committed = 0
        self._committer: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def open(self) -> None:
        await self._line.open()
        self._committer = asyncio.create_task(self._commit_for_ever())

    async def close(self) -> None:
        if self._committer:
            with contextlib.suppress(Exception):  # told of where it happened
                await self.flush()
            self._committer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._committer
        await self._line.close()
        await self._ends.close()

    @property
    def broken(self) -> Exception | None:
        """Why no intent and no result can be written any more. That a chunk could not be ended is no reason: that waits for the rows of
        people, which an import may hold for minutes, and the sweeper ends it when our lease is over."""
        return self._failure or self._line.broken

    # --- intents and results --------------------------------------------------------------------------------------
    def intend(self, item: Item, at: datetime) -> asyncio.Future[bool]:
        """Ask to send: true once the row is in flight and committed. The final dot waits for it."""
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._intents.append(_Intent(item.seq, at, item.was, item.attempts, granted))
        self._wake()
        return granted

    def settle(self, item: Item, verdict: Verdict, *, was: str = IN_FLIGHT) -> None:
        """What became of a delivery; written with the next batch. `was`: the state that it must have now."""
        self.let_go(item.claim)
        self._results.append(_Result(item.seq, item, verdict, was))
        self.counts[verdict.state] += 1
        self._wake()

    def _wake(self) -> None:
        self._handed_in += 1
        self._work.set()

    async def flush(self) -> None:
        """Return when everything handed in so far is committed."""
        until = self._handed_in
        while self._committed < until and not self.broken:
            await asyncio.sleep(0.002)
        if self.broken:
            raise self.broken

    async def _commit_for_ever(self) -> None:
        while True:
            await self._work.wait()
            await asyncio.sleep(GATHER_SECONDS)
            if len(self._intents) < self.lanes // 2:
                await asyncio.sleep(GATHER_MORE_SECONDS)
            self._work.clear()
            handed_in = self._handed_in
            intents, self._intents = sorted(self._intents, key=_seq), []
            results, self._results = sorted(self._results, key=_seq), []
            try:
                granted = await self._line.run(partial(self._write, intents, results))
            except Exception as error:  # the workers of this process must hear of it, whatever it is
                self._failure = error
                for intent in intents:
                    if not intent.granted.done():
                        intent.granted.set_exception(error)
                return
            for intent in intents:
                if not intent.granted.done():
                    intent.granted.set_result(intent.seq in granted)
            self._committed = handed_in

    async def _write(
        self,
        intents: list[_Intent],
        results: list[_Result],
        connection: Connection,
        attempt: int,
    ) -> set[int]:
        again = [intent.seq for intent in intents if intent.attempts]
        if again:
            await self._stop_unsubscribed(connection, again)
        special = [result for result in results if not result.is_plain]
        if not special:
            granted, applied = await self._compare_and_set(connection, intents, results)
        else:
            async with connection.transaction():
                granted, applied = await self._compare_and_set(connection, intents, results)
                await self._follow(connection, special)
        if applied < len(results):
            await self._believe(connection, results)
        refused = [intent for intent in intents if intent.seq not in granted]
        if refused and attempt:
            granted |= await self._already_ours(connection, refused)
            refused = [intent for intent in refused if intent.seq not in granted]
        if refused:
            await connection.execute(_SUPPRESSED, [self.mailing_id, [intent.seq for intent in refused]])
        return granted

    async def _compare_and_set(
        self, connection: Connection, intents: list[_Intent], results: list[_Result]
    ) -> tuple[set[int], int]:
        """(the numbers granted, how many results applied)."""
        cursor = await connection.execute(
            _INTEND,
            {
                "mailing": self.mailing_id,
                "seq": _array([str(intent.seq) for intent in intents]),
                "at": _array([_stamp(intent.at) for intent in intents]),
                "was": _array([intent.was for intent in intents]),
                "attempts": _array([str(intent.attempts) for intent in intents]),
                "done_seq": _array([str(result.seq) for result in results]),
                "done_state": _array([result.verdict.state for result in results]),
                "done_code": _array([_code(result.verdict.code) for result in results]),
                "done_text": _array([_quoted(result.verdict.text) for result in results]),
                "done_was": _array([result.was for result in results]),
                "done_attempts": _array([str(result.attempts) for result in results]),
            },
        )
        found = {seq for (seq,) in await cursor.fetchall()}
        applied = -min(found)  # numbers count from 1
        found.discard(-applied)
        return found, applied

    async def _believe(self, connection: Connection, results: list[_Result]) -> None:
        """Write down what was accepted although its claim was over: the message has left, whoever holds its row by now."""
        late = [result for result in results if result.verdict.state == ACCEPTED and result.was == IN_FLIGHT]
        if not late:
            return
        async with connection.transaction():
            taken = await believe(
                connection,
                self.mailing_id,
                [(r.seq, r.attempts, r.verdict.code, r.verdict.text) for r in late],
            )
            if taken:
                await self._late_rollup(connection, taken)
                logger.info("Mailing %s: %s answers came after their claim was over.", self.mailing_id, len(taken))

    async def _stop_unsubscribed(self, connection: Connection, seqs: list[int]) -> None:
        """A withdrawal cancels what waits; it cannot reach what is in flight just then, and waits again later."""
        async with connection.transaction():
            stopped = await cancel_withdrawn(connection, self.mailing_id, seqs)
            if stopped:
                await self._late_rollup(connection, stopped)

    async def _already_ours(self, connection: Connection, intents: list[_Intent]) -> set[int]:
        """Intents that the lost commit made after all: in flight by this attempt, and in a claim that only we hold."""
        cursor = await connection.execute(
            """
            SELECT d.seq FROM unnest(%(seqs)s::int[], %(attempts)s::int[]) AS i(seq, attempts)
              JOIN delivery d ON d.mailing_id = %(mailing)s AND d.seq = ANY (%(seqs)s::int[]) AND d.seq = i.seq
             WHERE d.state = 'in_flight' AND d.attempts = i.attempts + 1
               AND (EXISTS (SELECT 1 FROM campaigns_deliverychunk k WHERE k.mailing_id = d.mailing_id
                               AND k.token = %(token)s AND d.seq BETWEEN k.first_seq AND k.last_seq)
                 OR EXISTS (SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq
                               AND r.token = %(token)s))""",
            {
                "mailing": self.mailing_id,
                "seqs": [intent.seq for intent in intents],
                "attempts": [intent.attempts for intent in intents],
                "token": self.token,
            },
        )
        return {seq for (seq,) in await cursor.fetchall()}

    async def _follow(self, connection: Connection, results: Iterable[_Result]) -> None:
        """What a result brings with it: a next try, the end of one, an address that does not exist.

        The ledger's row is asked, not the result: one that came after its lease settled nothing, and must not plan a try for
        a row that is another worker's by now, nor end that worker's.
        """
        again = [r for r in results if r.verdict.state == Outcome.DEFERRED]
        over = [r.item.seq for r in results if r.verdict.state != Outcome.DEFERRED and isinstance(r.item.claim, Retry)]
        invalid = [r for r in results if r.verdict.is_no_such_address]
        if again:
            await connection.execute(
                """
                INSERT INTO campaigns_deliveryretry AS held (mailing_id, seq, due_at)
                SELECT %s, seq, now() + wait FROM unnest(%s::int[], %s::interval[], %s::int[]) AS t(seq, wait, attempts)
                 WHERE EXISTS (SELECT 1 FROM delivery d WHERE d.mailing_id = %s AND d.seq = t.seq AND d.state = 'deferred'
                                  AND d.attempts = t.attempts)
                ON CONFLICT (mailing_id, seq) DO UPDATE SET due_at = excluded.due_at, token = NULL, lease_until = NULL
                   WHERE held.token IS NULL OR held.token = %s""",
                [
                    self.mailing_id,
                    [r.item.seq for r in again],
                    [r.verdict.wait for r in again],
                    [r.item.attempts + 1 for r in again],
                    self.mailing_id,
                    self.token,
                ],
            )
        if over:
            await connection.execute(
                "DELETE FROM campaigns_deliveryretry r WHERE r.mailing_id = %s AND r.seq = ANY (%s)"
                " AND r.token IS DISTINCT FROM %s AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.mailing_id = r.mailing_id AND d.seq = r.seq"
                " AND d.state IN ('deferred', 'in_flight'))",
                [self.mailing_id, over, LOOKING],
            )
            await self._late_rollup(connection, over)
        if invalid:
            await connection.execute(
                """
                UPDATE contacts_contactpoint c SET status = 'invalid', status_reason = d.reply_text, status_at = now(),
                       updated_at = now()
                  FROM delivery d WHERE d.mailing_id = %s AND d.seq = ANY (%s) AND c.id = d.contact_point_id
                   AND c.address_key = d.address_key AND c.status IN ('active', 'bouncing')""",
                [self.mailing_id, [r.item.seq for r in invalid]],
            )
            await suppress_refused(connection, {r.item.address_key for r in invalid}, status="refused")

    async def _late_rollup(self, connection: Connection, seqs: list[int]) -> None:
        """Retries of a chunk that is done already count for their people now; those of an open one, with the chunk.

        Whether it is done is asked with its lock: a worker that ends it just now does not see our rows, nor we its end.
        """
        cursor = await connection.execute(
            "SELECT first_seq, last_seq, is_done FROM campaigns_deliverychunk k WHERE k.mailing_id = %s"
            " AND EXISTS (SELECT 1 FROM unnest(%s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq)"
            " ORDER BY first_seq FOR UPDATE",
            [self.mailing_id, seqs],
        )
        for first, last, is_done in await cursor.fetchall():
            if not is_done:
                continue
            inside = [seq for seq in seqs if first <= seq <= last]
            await connection.execute(ROLL_UP, {"mailing": self.mailing_id, "seqs": inside})
            await connection.execute(
                f"UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}) WHERE k.mailing_id = %s AND k.first_seq = %s",
                [self.mailing_id, first],
            )


def _array(values: list[str]) -> str:
    """An array as PostgreSQL writes it, of words and numbers that need no quotes: a list would be looked at value by value."""
    return f"{{{','.join(values)}}}"


_stamp = lru_cache(maxsize=256)(datetime.isoformat)  # the Date of a message: to the second


@lru_cache(maxsize=256)
def _code(code: int | None) -> str:
    return "NULL" if code is None else str(code)


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def utc_now() -> datetime:
    """To the second: what a Date header can say."""
    return _second(int(time.time()))


@lru_cache(maxsize=2)
def _second(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)
