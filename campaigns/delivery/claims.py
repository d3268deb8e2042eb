"""What a sending worker holds of a mailing: chunks and due retries, their leases, and how they are given back.

Each claim is one committed statement; whoever dies with one loses it when its lease is over, and the sweeper settles what was under way.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from campaigns.delivery.composing import Item
from campaigns.delivery.doubt import LEFT_BEHIND, LOOKING, looks
from campaigns.delivery.lines import Connection, Line, T
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP, TO_ROLL_UP

# Rows of a chunk that leave one after the other are so far from each other: half a page.
APART = 8

# The rows are locked: an answer that is written just now is written before this looks, or finds the retry that it ends.
_KEEP = """
INSERT INTO campaigns_deliveryretry (mailing_id, seq, due_at, token, lease_until)
SELECT d.mailing_id, d.seq, now(), %(token)s, now() + %(lease)s
  FROM (SELECT k.mailing_id, k.first_seq, k.last_seq FROM campaigns_deliverychunk k
         WHERE k.id = %(chunk)s AND k.token = %(token)s FOR UPDATE) held
  JOIN delivery d ON d.mailing_id = held.mailing_id AND d.seq BETWEEN held.first_seq AND held.last_seq
 WHERE d.mailing_id = %(mailing)s AND d.state = 'in_flight' FOR UPDATE OF d
ON CONFLICT (mailing_id, seq) DO NOTHING"""
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


@dataclass(eq=False)
class Chunk:
    """A range that this worker holds."""

    id: int
    first_seq: int
    last_seq: int
    left: int = 0  # items that are not settled yet
    unsent: set[int] = field(default_factory=set)  # in flight, and known not to have left
    is_given_back: bool = False  # while messages of it wait for their answer; see Engine._hand_over


@dataclass(eq=False)
class Retry:
    """A due retry that this worker holds."""

    id: int
    is_given_back: bool = False


@dataclass
class Claims:
    """One worker's claims on one mailing. `dsn`: psycopg's connection parameters."""

    mailing_id: int
    token: UUID
    lease_seconds: int
    dsn: dict[str, Any]

    def __post_init__(self) -> None:
        self._line = Line(self.dsn)
        # Giving a chunk back changes hundreds of people's rows: on a line of its own, so that no intent waits for it.
        self._ends = Line(self.dsn)
        self.leased_until = 0.0  # by our own clock: nothing leaves after it
        self.is_lost = False  # a claim was over before it was renewed: nothing leaves any more
        # what the next heartbeat must find to be ours
        self._chunks: dict[int, Chunk] = {}
        self._retries: dict[int, Retry] = {}

    async def claim_chunks(self, most: int = 1) -> list[tuple[Chunk, list[Item]]]:
        """The next free, due chunks, at most so many, and their pending deliveries; none when there is none to claim."""

        async def work(connection: Connection, attempt: int) -> tuple[float, list[tuple[Chunk, list[Item]]]]:
            began, claimed = time.monotonic(), []
            async with connection.transaction():
                found = await connection.execute(
                    """
                    WITH free AS MATERIALIZED (
                        SELECT id FROM campaigns_deliverychunk WHERE mailing_id = %(mailing)s AND NOT is_done AND token IS NULL
                           AND is_open AND due_at <= now() ORDER BY first_seq FOR UPDATE SKIP LOCKED LIMIT %(most)s)
                    UPDATE campaigns_deliverychunk k SET token = %(token)s, lease_until = now() + %(lease)s FROM free
                     WHERE k.id = free.id
                       AND EXISTS (SELECT 1 FROM campaigns_mailing WHERE id = %(mailing)s AND state = 'sending')
                    RETURNING k.id, k.first_seq, k.last_seq""",
                    {**self._values(), "most": most},
                )
                for chunk in sorted((Chunk(*row) for row in await found.fetchall()), key=lambda one: one.first_seq):
                    cursor = await connection.execute(
                        f"SELECT {_COLUMNS} FROM delivery d WHERE d.mailing_id = %s AND d.seq BETWEEN %s AND %s"
                        " AND d.state = 'pending' ORDER BY d.seq",
                        [self.mailing_id, chunk.first_seq, chunk.last_seq],
                    )
                    items = [_item(values, "pending", chunk) for values in await cursor.fetchall()]
                    chunk.left = len(items)
                    claimed.append((chunk, items))
            return began, claimed

        began, claimed = await self._line.run(work)
        self._leased(began)
        for chunk, _items in claimed:
            if chunk.id in self._chunks:  # it was free, so we had lost it
                self._chunks[chunk.id].is_given_back = True
            self._chunks[chunk.id] = chunk
        return claimed

    async def claim_retries(self, limit: int = 100) -> list[Item]:
        """Deferred deliveries whose time has come."""

        async def work(connection: Connection, attempt: int) -> tuple[float, list[Item]]:
            began = time.monotonic()
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
            return began, [_item(row[:-1], "deferred", Retry(row[-1])) for row in await cursor.fetchall()]

        began, items = await self._line.run(work)
        self._leased(began)
        for item in items:
            self._retries[item.claim.id] = item.claim
        return items

    def _values(self) -> dict[str, Any]:
        return {"token": self.token, "mailing": self.mailing_id, "lease": timedelta(seconds=self.lease_seconds)}

    def _leased(self, began: float) -> None:
        """A claim of that moment. It says nothing of what we held before: that is for the heartbeat to say."""
        if not self._chunks and not self._retries:
            self._leased_since(began)

    def _leased_since(self, began: float) -> None:
        # a little less than the database gives: two clocks need not agree to the second
        self.leased_until = began + self.lease_seconds - 2

    @property
    def is_leased(self) -> bool:
        return not self.is_lost and time.monotonic() < self.leased_until

    async def beat(self, *, counts: bool) -> bool:
        """Renew our leases, and count our chunks anew if asked; False when the mailing is no longer sending.

        When something that we hold is ours no more, `is_lost` is set, and its chunks are given back.
        """
        counted = f", counts = ({CHUNK_COUNTS})" if counts else ""

        async def work(connection: Connection, attempt: int) -> tuple[float, set[int], set[int], bool]:
            began = time.monotonic()
            cursor = await connection.execute(
                f"UPDATE campaigns_deliverychunk k SET lease_until = now() + %(lease)s{counted}"
                " WHERE k.mailing_id = %(mailing)s AND k.token = %(token)s RETURNING k.id",
                self._values(),
            )
            chunks = {id for (id,) in await cursor.fetchall()}
            cursor = await connection.execute(
                "UPDATE campaigns_deliveryretry SET lease_until = now() + %(lease)s"
                " WHERE mailing_id = %(mailing)s AND token = %(token)s RETURNING id",
                self._values(),
            )
            gone = self._retries.keys() - {id for (id,) in await cursor.fetchall()}
            taken = await self._not_ours(connection, gone) if gone else set()
            return began, chunks, taken, await self._is_sending(connection)

        held = set(self._chunks)
        began, chunks, taken, sending = await self._line.run(work)
        # what was given back meanwhile is not lost
        lost = [self._chunks.pop(id) for id in held - chunks if id in self._chunks]
        for chunk in lost:
            chunk.is_given_back = True
        if lost or taken & self._retries.keys():
            self.is_lost = True
        self._leased_since(began)
        return sending

    async def _not_ours(self, connection: Connection, ids: Iterable[int]) -> set[int]:
        """Which of these retries somebody else may claim, or has. One that is not there any more was cancelled: nobody has it."""
        cursor = await connection.execute(
            "SELECT id FROM campaigns_deliveryretry WHERE id = ANY (%s) AND token IS DISTINCT FROM %s",
            [list(ids), self.token],
        )
        return {id for (id,) in await cursor.fetchall()}

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

    async def finish_chunk(self, chunk: Chunk, *, later: timedelta | None = None, keeps: bool = False) -> bool:
        """Give a chunk back: done when no row of it is pending or in flight, else free for the next worker (`later`, if given).

        What is still in flight then had no answer that anybody will hear: see `doubt`. Only while
        the claim is ours: a chunk that the sweeper took back is another worker's. keeps: what is in flight stays ours, each as a
        retry that we hold, because its answer is still waited for.
        """
        if self._chunks.get(chunk.id) is not chunk:
            return False
        if self._ends.broken:  # each would wait as long again; the sweeper ends it when our lease is over
            return False
        del self._chunks[chunk.id]

        async def work(connection: Connection, attempt: int) -> bool:
            async with connection.transaction():
                if keeps:
                    await connection.execute(_KEEP, {**self._values(), "chunk": chunk.id})
                left = {"chunk": chunk.id, "unsent": [*chunk.unsent], "looking": LOOKING, "looks": looks()}
                await connection.execute(LEFT_BEHIND, {**self._values(), **left})
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
                ended = {"first": chunk.first_seq, "last": chunk.last_seq, "chunk": chunk.id}
                cursor = await connection.execute(TO_ROLL_UP, {"mailing": self.mailing_id, **ended})
                found = await cursor.fetchone()
                if found and found[0]:
                    await connection.execute(ROLL_UP, {"mailing": self.mailing_id, "seqs": found[0]})
                return True

        return await self._ends.run(work)

    def let_go(self, claim: Any) -> None:
        """A retry is settled, or being given back: it need not be ours any more."""
        if type(claim) is Retry:
            self._retries.pop(claim.id, None)

    async def release_retries(self) -> None:
        """Give back all that wait."""
        self._retries.clear()

        async def work(connection: Connection, attempt: int) -> None:
            await connection.execute(
                """
                UPDATE campaigns_deliveryretry r SET token = NULL, lease_until = NULL
                 WHERE mailing_id = %s AND token = %s AND EXISTS (
                       SELECT 1 FROM delivery d WHERE d.mailing_id = r.mailing_id AND d.seq = r.seq AND d.state = 'deferred')""",
                [self.mailing_id, self.token],
            )

        await self._line.run(work)


def spread(chunks: Iterable[list[Item]]) -> list[Item]:
    """The deliveries of some chunks in an order in which those that are under way together lie on different pages of the table. A page
    has room for the changes of some of its rows, not of all of them at once: with neighbours in one batch a fifth of the updates left
    their page, and touched every index (measured: 67 µs of the database's time a message where it takes 22)."""
    apart = [[item for first in range(APART) for item in items[first::APART]] for items in chunks]
    return [item for together in zip_longest(*apart) for item in together if item is not None]


def _item(values: Sequence[Any], was: str, claim: Chunk | Retry) -> Item:
    made: Callable[..., Item] = Item
    return made(*values, was, claim)
