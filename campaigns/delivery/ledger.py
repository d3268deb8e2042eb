"""The ledger as a sending worker writes it: claims, the compare-and-set before each final dot, results.

Intents and results of many connections are put together and committed as one statement, which is one transaction and one
round trip. While one is under way the next is gathered, so the batch grows with the load and nobody waits for a timer.

A connection that PostgreSQL drops is opened again and the batch is written again: results apply only to rows in flight, and
an intent whose commit is in doubt is ours when the row is in flight and its claim is still ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from campaigns.delivery.composing import Item
from campaigns.delivery.lines import Connection, Line, T
from campaigns.delivery.models import Outcome
from campaigns.delivery.refusing import suppress_refused
from campaigns.delivery.retrying import Verdict

logger = logging.getLogger(__name__)
# Words without the class that makes every comparison and hash of them a call.
ACCEPTED, IN_FLIGHT = Outcome.ACCEPTED.value, Outcome.IN_FLIGHT.value
# A batch may gather this long when there is little to do: the latency of one message, and fewer commits. With many lanes it gathers
# a little longer, until half of them have come: a commit costs the same for a few as for many.
GATHER_SECONDS, GATHER_MORE_SECONDS = 0.002, 0.003
# Rows of a chunk that leave one after the other are so far from each other: half a page.
APART = 8

# The array beside the join keeps the index scan to these rows; freeze has counted the keys for it.
_INTEND = """
WITH settled AS (
    UPDATE delivery d
       SET state = r.state, settled_at = CASE WHEN r.state IN ('accepted', 'failed') THEN now() ELSE d.settled_at END,
           reply_code = r.code, reply_text = r.text,
           attempts = d.attempts + (d.state <> 'in_flight')::int,
           first_attempt_at = coalesce(d.first_attempt_at, now()),
           last_attempt_at = now()
      FROM unnest(%(done_seq)s::int[], %(done_state)s::varchar[], %(done_code)s::smallint[], %(done_text)s::text[],
                  %(done_was)s::varchar[]) AS r(seq, state, code, text, was)
     WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(done_seq)s::int[]) AND d.seq = r.seq AND d.state = r.was
)
UPDATE delivery d
   SET state = 'in_flight', attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, i.at),
       last_attempt_at = now()
  FROM unnest(%(seq)s::int[], %(at)s::timestamptz[], %(was)s::varchar[]) AS i(seq, at, was)
 WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seq)s::int[]) AND d.seq = i.seq AND d.state = i.was
   AND EXISTS (SELECT 1 FROM campaigns_mailing m WHERE m.id = %(mailing)s AND m.state = 'sending')
   AND NOT EXISTS (SELECT 1 FROM contacts_suppression s WHERE s.address_hash = d.address_hash)
RETURNING d.seq"""
# A refused intent whose address is suppressed is over: a freeze that ran beside the suppression could not know of it.
_SUPPRESSED = """
UPDATE delivery d SET state = 'cancelled', settled_at = now(), reply_text = 'suppressed'
 WHERE d.mailing_id = %s AND d.seq = ANY (%s) AND d.state IN ('pending', 'deferred')
   AND EXISTS (SELECT 1 FROM contacts_suppression s WHERE s.address_hash = d.address_hash)"""
_LEFT_BEHIND = """
UPDATE delivery d
   SET state = CASE WHEN m.resends_uncertain OR d.seq = ANY (%(unsent)s::int[]) THEN 'pending' ELSE 'uncertain' END,
       reply_text = 'the worker ended before the answer came'
  FROM campaigns_mailing m, (SELECT k.mailing_id, k.first_seq, k.last_seq FROM campaigns_deliverychunk k
                              WHERE k.id = %(chunk)s AND k.token = %(token)s FOR UPDATE) held
 WHERE m.id = held.mailing_id AND d.mailing_id = %(mailing)s AND d.seq BETWEEN held.first_seq AND held.last_seq
   AND d.state = 'in_flight' AND NOT EXISTS (
       SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq)"""
LATELY = timedelta(minutes=5)
_OTHERS_WAIT = """
SELECT EXISTS (
    SELECT 1 FROM campaigns_mailing m WHERE m.id <> %(mailing)s AND (
       (m.state IN ('scheduled', 'freezing') AND m.send_at <= now() AND coalesce(m.stop_until, m.send_at) <= now()
            AND m.send_at > now() - %(lately)s)
    OR (m.state = 'sending' AND EXISTS (
            SELECT 1 FROM campaigns_deliverychunk k WHERE k.mailing_id = m.id AND NOT k.is_done AND k.token IS NULL
               AND k.due_at <= now() AND k.due_at > now() - %(lately)s)
        AND NOT EXISTS (SELECT 1 FROM campaigns_deliverychunk k WHERE k.mailing_id = m.id AND k.lease_until > now()))))"""
_COLUMNS = "d.seq, d.address, d.address_key, d.variant_id, d.fields, d.is_tracked, d.first_attempt_at, d.attempts"
CHUNK_COUNTS = """
SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
    SELECT state, count(*) AS n FROM delivery WHERE mailing_id = k.mailing_id AND seq BETWEEN k.first_seq AND k.last_seq
     GROUP BY state) s"""


@dataclass(eq=False)
class Chunk:
    """A range that this worker holds."""

    id: int
    first_seq: int
    last_seq: int
    left: int = 0  # items that are not settled yet
    unsent: set[int] = field(default_factory=set)  # in flight, and known not to have left


@dataclass(eq=False)
class Retry:
    """A due retry that this worker holds."""

    id: int


class _Intent(NamedTuple):
    seq: int
    at: datetime
    was: str
    granted: asyncio.Future[bool]


class _Result(NamedTuple):
    seq: int
    item: Item
    verdict: Verdict
    was: str

    @property
    def is_plain(self) -> bool:
        """Whether nothing follows from it but its row."""
        return self.verdict.state == ACCEPTED and type(self.item.claim) is Chunk


_seq = itemgetter(0)


@dataclass
class Ledger:
    """One worker's lines to the ledger of one mailing. `dsn`: psycopg's connection parameters. `lanes`: how many may ask at a time."""

    mailing_id: int
    token: UUID
    lease_seconds: int
    dsn: dict[str, Any]
    lanes: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._intents: list[_Intent] = []
        self._results: list[_Result] = []
        self._work = asyncio.Event()
        self._handed_in = self._committed = 0
        self._line = Line(self.dsn)
        # Giving a chunk back changes hundreds of people's rows: on a line of its own, so that no intent waits for it.
        self._ends = Line(self.dsn)
        self._committer: asyncio.Task[None] | None = None
        self.leased_until = 0.0  # by our own clock: nothing leaves after it
        self._failure: Exception | None = None

    async def open(self) -> None:
        await self._line.open()
        self._committer = asyncio.create_task(self._commit_for_ever())

    async def close(self) -> None:
        if self._committer:
            self._committer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._committer
        await self._line.close()
        await self._ends.close()

    @property
    def broken(self) -> Exception | None:
        """Why nothing can be written any more."""
        return self._failure or self._line.broken or self._ends.broken

    # --- claims ---------------------------------------------------------------------------------------------------
    async def claim_chunk(self) -> tuple[Chunk, list[Item]] | None:
        """The next free, due chunk and its pending deliveries; None when there is none to claim."""

        async def work(connection: Connection, attempt: int) -> tuple[Chunk, list[Item]] | None:
            async with connection.transaction():
                found = await connection.execute(
                    """
                    UPDATE campaigns_deliverychunk SET token = %(token)s, lease_until = now() + %(lease)s
                     WHERE id = (SELECT id FROM campaigns_deliverychunk WHERE mailing_id = %(mailing)s AND NOT is_done
                                    AND token IS NULL AND is_open AND due_at <= now() ORDER BY first_seq
                                    FOR UPDATE SKIP LOCKED LIMIT 1)
                       AND EXISTS (SELECT 1 FROM campaigns_mailing WHERE id = %(mailing)s AND state = 'sending')
                    RETURNING id, first_seq, last_seq""",
                    self._values(),
                )
                row = await found.fetchone()
                if row is None:
                    return None
                chunk = Chunk(*row)
                cursor = await connection.execute(
                    f"SELECT {_COLUMNS} FROM delivery d WHERE d.mailing_id = %s AND d.seq BETWEEN %s AND %s"
                    " AND d.state = 'pending' ORDER BY d.seq",
                    [self.mailing_id, chunk.first_seq, chunk.last_seq],
                )
                items = [_item(values, "pending", chunk) for values in await cursor.fetchall()]
            chunk.left = len(items)
            return chunk, _spread(items)

        claimed = await self._line.run(work)
        self._leased()
        return claimed

    async def claim_retries(self, limit: int = 100) -> list[Item]:
        """Deferred deliveries whose time has come."""

        async def work(connection: Connection, attempt: int) -> list[Item]:
            cursor = await connection.execute(
                f"""
                WITH due AS (
                    UPDATE campaigns_deliveryretry SET token = %(token)s, lease_until = now() + %(lease)s
                     WHERE id IN (SELECT id FROM campaigns_deliveryretry WHERE mailing_id = %(mailing)s AND token IS NULL
                                     AND due_at <= now() ORDER BY due_at FOR UPDATE SKIP LOCKED LIMIT %(limit)s)
                       AND EXISTS (SELECT 1 FROM campaigns_mailing WHERE id = %(mailing)s AND state = 'sending')
                    RETURNING id, seq)
                SELECT {_COLUMNS}, due.id FROM due JOIN delivery d ON d.mailing_id = %(mailing)s AND d.seq = due.seq
                 WHERE d.state = 'deferred' ORDER BY d.seq""",
                {**self._values(), "limit": limit},
            )
            return [_item(row[:-1], "deferred", Retry(row[-1])) for row in await cursor.fetchall()]

        items = await self._line.run(work)
        self._leased()
        return items

    def _values(self) -> dict[str, Any]:
        return {"token": self.token, "mailing": self.mailing_id, "lease": timedelta(seconds=self.lease_seconds)}

    def _leased(self) -> None:
        # a little less than the database gives: two clocks need not agree to the second
        self.leased_until = time.monotonic() + self.lease_seconds - 2

    @property
    def is_leased(self) -> bool:
        return time.monotonic() < self.leased_until

    async def beat(self, *, counts: bool) -> bool:
        """Renew our leases, and count our chunks anew if asked; False when the mailing is no longer sending."""
        began = time.monotonic()
        counted = f", counts = ({CHUNK_COUNTS})" if counts else ""

        async def work(connection: Connection, attempt: int) -> bool:
            await connection.execute(
                f"UPDATE campaigns_deliverychunk k SET lease_until = now() + %(lease)s{counted}"
                " WHERE k.mailing_id = %(mailing)s AND k.token = %(token)s",
                self._values(),
            )
            await connection.execute(
                "UPDATE campaigns_deliveryretry SET lease_until = now() + %(lease)s"
                " WHERE mailing_id = %(mailing)s AND token = %(token)s",
                self._values(),
            )
            return await self._is_sending(connection)

        sending = await self._line.run(work)
        self.leased_until = began + self.lease_seconds - 2
        return sending

    async def others_wait(self) -> bool:
        """Whether another mailing's time has come and nobody is at it: it is to be frozen, or was just now and has nobody who sends.

        Only those that came lately count: what a limit holds back for hours must not cut everybody's runs short.
        """

        async def work(connection: Connection, attempt: int) -> bool:
            cursor = await connection.execute(_OTHERS_WAIT, {"mailing": self.mailing_id, "lately": LATELY})
            row = await cursor.fetchone()
            return bool(row and row[0])

        return await self._ends.run(work)

    async def is_sending(self) -> bool:
        async def work(connection: Connection, attempt: int) -> bool:
            return await self._is_sending(connection)

        return await self._line.run(work)

    async def _is_sending(self, connection: Connection) -> bool:
        cursor = await connection.execute("SELECT state FROM campaigns_mailing WHERE id = %s", [self.mailing_id])
        row = await cursor.fetchone()
        return bool(row and row[0] == "sending")

    async def aside(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something that no intent waits for, on the line of the ends."""
        return await self._ends.run(lambda connection, attempt: work(connection))

    # --- intents and results --------------------------------------------------------------------------------------
    def intend(self, item: Item, at: datetime) -> asyncio.Future[bool]:
        """Ask to send: true once the row is in flight and committed. The final dot waits for it."""
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._intents.append(_Intent(item.seq, at, item.was, granted))
        self._wake()
        return granted

    def settle(self, item: Item, verdict: Verdict, *, was: str = IN_FLIGHT) -> None:
        """What became of a delivery; written with the next batch. `was`: the state that it must have now."""
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
        values = {
            "mailing": self.mailing_id,
            "seq": _array([str(intent.seq) for intent in intents]),
            "at": _array([_stamp(intent.at) for intent in intents]),
            "was": _array([intent.was for intent in intents]),
            "done_seq": _array([str(result.seq) for result in results]),
            "done_state": _array([result.verdict.state for result in results]),
            "done_code": _array([_code(result.verdict.code) for result in results]),
            "done_text": _array([_quoted(result.verdict.text) for result in results]),
            "done_was": _array([result.was for result in results]),
        }
        special = [result for result in results if not result.is_plain]
        if not special:
            cursor = await connection.execute(_INTEND, values)
            granted = {seq for (seq,) in await cursor.fetchall()}
        else:
            async with connection.transaction():
                cursor = await connection.execute(_INTEND, values)
                granted = {seq for (seq,) in await cursor.fetchall()}
                await self._follow(connection, special)
        refused = [intent.seq for intent in intents if intent.seq not in granted]
        if refused and attempt:
            granted |= await self._already_ours(connection, refused)
            refused = [seq for seq in refused if seq not in granted]
        if refused:
            await connection.execute(_SUPPRESSED, [self.mailing_id, refused])
        return granted

    async def _already_ours(self, connection: Connection, seqs: list[int]) -> set[int]:
        """Intents that the lost commit made after all: in flight, and in a claim that only we hold."""
        cursor = await connection.execute(
            """
            SELECT d.seq FROM delivery d WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seqs)s) AND d.state = 'in_flight'
               AND (EXISTS (SELECT 1 FROM campaigns_deliverychunk k WHERE k.mailing_id = d.mailing_id
                               AND k.token = %(token)s AND d.seq BETWEEN k.first_seq AND k.last_seq)
                 OR EXISTS (SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq
                               AND r.token = %(token)s))""",
            {"mailing": self.mailing_id, "seqs": seqs, "token": self.token},
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
                INSERT INTO campaigns_deliveryretry (mailing_id, seq, due_at)
                SELECT %s, seq, now() + wait FROM unnest(%s::int[], %s::interval[]) AS t(seq, wait)
                 WHERE EXISTS (SELECT 1 FROM delivery d WHERE d.mailing_id = %s AND d.seq = t.seq AND d.state = 'deferred')
                ON CONFLICT (mailing_id, seq) DO UPDATE SET due_at = excluded.due_at, token = NULL, lease_until = NULL""",
                [self.mailing_id, [r.item.seq for r in again], [r.verdict.wait for r in again], self.mailing_id],
            )
        if over:
            await connection.execute(
                "DELETE FROM campaigns_deliveryretry r WHERE r.mailing_id = %s AND r.seq = ANY (%s) AND NOT EXISTS ("
                "SELECT 1 FROM delivery d WHERE d.mailing_id = r.mailing_id AND d.seq = r.seq"
                " AND d.state IN ('deferred', 'in_flight'))",
                [self.mailing_id, over],
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
        """Retries of a chunk that is done already count for their people now; those of an open one, with the chunk."""
        cursor = await connection.execute(
            "SELECT first_seq, last_seq FROM campaigns_deliverychunk k WHERE k.mailing_id = %s AND k.is_done"
            " AND EXISTS (SELECT 1 FROM unnest(%s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq) FOR UPDATE",
            [self.mailing_id, seqs],
        )
        for first, last in await cursor.fetchall():
            inside = [seq for seq in seqs if first <= seq <= last]
            await connection.execute(ROLL_UP, {"mailing": self.mailing_id, "seqs": inside})
            await connection.execute(
                f"UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}) WHERE k.mailing_id = %s AND k.first_seq = %s",
                [self.mailing_id, first],
            )

    # --- the end of a claim ---------------------------------------------------------------------------------------
    async def finish_chunk(self, chunk: Chunk, *, later: timedelta | None = None) -> bool:
        """Give a chunk back: done when no row of it is pending or in flight, else free for the next worker (`later`, if given).

        What is still in flight then had no answer that anybody will hear: the mailing's policy decides, at once. Only while
        the claim is ours: a chunk that the sweeper took back is another worker's.
        """

        async def work(connection: Connection, attempt: int) -> bool:
            async with connection.transaction():
                await connection.execute(_LEFT_BEHIND, {**self._values(), "chunk": chunk.id, "unsent": [*chunk.unsent]})
                cursor = await connection.execute(
                    f"""
                    UPDATE campaigns_deliverychunk k SET token = NULL, lease_until = NULL, counts = ({CHUNK_COUNTS}),
                           due_at = coalesce(now() + %s::interval, due_at),
                           is_done = NOT EXISTS (
                               SELECT 1 FROM delivery d WHERE d.mailing_id = k.mailing_id
                                  AND d.seq BETWEEN k.first_seq AND k.last_seq AND d.state IN ('pending', 'in_flight')
                                  AND NOT EXISTS (SELECT 1 FROM campaigns_deliveryretry r
                                                   WHERE r.mailing_id = d.mailing_id AND r.seq = d.seq))
                     WHERE k.id = %s AND k.token = %s AND NOT k.is_done RETURNING k.is_done""",
                    [later, chunk.id, self.token],
                )
                row = await cursor.fetchone()
                if row is None or not row[0]:
                    return False
                cursor = await connection.execute(
                    "SELECT array_agg(seq) FROM delivery WHERE mailing_id = %s AND seq BETWEEN %s AND %s"
                    " AND state = 'accepted'",
                    [self.mailing_id, chunk.first_seq, chunk.last_seq],
                )
                found = await cursor.fetchone()
                if found and found[0]:
                    await connection.execute(ROLL_UP, {"mailing": self.mailing_id, "seqs": found[0]})
                return True

        return await self._ends.run(work)

    async def release_retries(self) -> None:
        async def work(connection: Connection, attempt: int) -> None:
            await connection.execute(
                """
                UPDATE campaigns_deliveryretry r SET token = NULL, lease_until = NULL
                 WHERE mailing_id = %s AND token = %s AND EXISTS (
                       SELECT 1 FROM delivery d WHERE d.mailing_id = r.mailing_id AND d.seq = r.seq AND d.state = 'deferred')""",
                [self.mailing_id, self.token],
            )

        await self._line.run(work)


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


def _spread(items: list[Item]) -> list[Item]:
    """In an order in which those that are under way together lie on different pages of the table. A page has room for the changes of
    some of its rows, not of all of them at once: with neighbours in one batch a fifth of the updates left their page, and touched
    every index (measured: 67 µs of the database's time a message where it takes 22)."""
    return [item for first in range(APART) for item in items[first::APART]]


def _item(values: Sequence[Any], was: str, claim: Chunk | Retry) -> Item:
    made: Callable[..., Item] = Item
    return made(*values, was, claim)


# Person last mailed, institution last contacted, daily buckets: once for each accepted delivery.
# In the order of their keys, so that two workers never wait for each other in a circle: where only nested loops are allowed
# (lines.py), rows are updated as the ordered subquery gives them.
# An institution has many people in one mailing: the first of them counts now, the last when the mailing is finished.
ROLL_UP = """
WITH hit AS MATERIALIZED (
    SELECT person_id, organization_id, settled_at FROM delivery
     WHERE mailing_id = %(mailing)s AND seq = ANY (%(seqs)s) AND state = 'accepted'),
people AS (
    UPDATE contacts_person p SET last_mailed_at = greatest(p.last_mailed_at, last.at)
      FROM (SELECT person_id, max(settled_at) AS at FROM hit WHERE person_id IS NOT NULL
             GROUP BY person_id ORDER BY person_id OFFSET 0) last
     WHERE p.id = last.person_id),
institutions AS (
    UPDATE contacts_organization o SET last_contacted_at = greatest(o.last_contacted_at, last.at)
      FROM (SELECT organization_id, max(settled_at) AS at FROM hit WHERE organization_id IS NOT NULL
             GROUP BY organization_id ORDER BY organization_id OFFSET 0) last
     WHERE o.id = last.organization_id AND (o.last_contacted_at IS NULL OR o.last_contacted_at < (
           SELECT m.started_at FROM campaigns_mailing m WHERE m.id = %(mailing)s)))
INSERT INTO campaigns_engagementday (person_id, day, mailed, human_clicks, replies)
SELECT person_id, (settled_at AT TIME ZONE 'UTC')::date, count(*), 0, 0 FROM hit WHERE person_id IS NOT NULL
 GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (person_id, day) DO UPDATE SET mailed = campaigns_engagementday.mailed + excluded.mailed"""
# The exact time, for each institution once.
ROLL_UP_AT_END = """
    UPDATE contacts_organization o SET last_contacted_at = hit.at
      FROM (SELECT organization_id, max(settled_at) AS at FROM delivery WHERE mailing_id = %(mailing)s
               AND state = 'accepted' AND organization_id IS NOT NULL
             GROUP BY organization_id ORDER BY organization_id OFFSET 0) hit
     WHERE o.id = hit.organization_id AND (o.last_contacted_at IS NULL OR o.last_contacted_at < hit.at)"""


def utc_now() -> datetime:
    """To the second: what a Date header can say."""
    return _second(int(time.time()))


@lru_cache(maxsize=2)
def _second(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)


__all__ = ["CHUNK_COUNTS", "ROLL_UP", "ROLL_UP_AT_END", "Chunk", "Ledger", "Retry", "utc_now"]
