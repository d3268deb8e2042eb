"""One worker's run over a mailing: many connections, each sending one message after the other.

A *lane* is a connection. For each message it writes the envelope, waits until the ledger has committed *in flight*, and only
then sends the message with its final dot, together with the next envelope. The result goes into the ledger's next batch,
before the lane's next intent, so a worker that dies leaves at most one delivery in flight per lane.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import uuid4

from django.conf import settings

from campaigns.delivery.athand import AtHand
from campaigns.delivery.claims import Chunk, Retry, spread
from campaigns.delivery.composing import Item, Made, Plan
from campaigns.delivery.holding import Holding, answers_again, leave_alone, postpone
from campaigns.delivery.lanes import Lane
from campaigns.delivery.ledger import Ledger, utc_now
from campaigns.delivery.lines import Connection
from campaigns.delivery.models import Outcome
from campaigns.delivery.pacing import Budget, Pace, Tokens, count_runs
from campaigns.delivery.retrying import ACCEPTED, Verdict
from campaigns.delivery.smtp import NotLetIn, TransportDown
from campaigns.domains import warmup
from campaigns.limits.queries import Rest

logger = logging.getLogger(__name__)
# A run takes no new message after this. Answers to what has left are waited for as long as RFC 5321 says (patience.py); of what has not,
# nothing is lost when it is left to the next run.
BUDGET_SECONDS = 25.0
LIFE_SECONDS = 300.0
BEAT_SECONDS = 0.5
# So many messages are made together, and not longer than this before they leave.
AHEAD, LATEST = 32, timedelta(seconds=5)
# Chunks that are claimed at once when what was claimed before left as soon as this (seconds).
MOST_CHUNKS, SOON = 4, 1.0
COUNT_EVERY = 2  # beats: the live bar is asked for once a second
# A run that is older makes room when another mailing waits for a worker: a large one delays a small one by this, not by its budget.
SLICE_SECONDS = 2.0
# When every connection has waited so long for its server to say anything, what it has not begun is left to other workers. A server that
# writes each message to a busy disk takes a second or two.
STALLED_SECONDS = 8.0
# Where some of them wait for a server to greet, or to take an address, which many let one wait for on purpose. What is given back then is
# begun anew, so it must be more than such a server takes.
STALLED_AT_FIRST_SECONDS = 60.0


@dataclass
class Outcomes:
    """What a run did, and why it ended."""

    counts: Counter[str] = field(default_factory=Counter)
    is_stopped: bool = False  # the mailing is no longer sending
    out_of_time: bool = False
    down: str = ""  # what a connection ended with last
    is_closed: bool = False  # the transport cannot be used: `down` says why
    is_spent: bool = False  # nothing more may leave today
    is_unusual: bool = False  # so much failed that the mailing's figures must be looked at


class Engine:
    """`run()` sends until nothing is left to claim, the time is up, the mailing stops, or the transport is down."""

    def __init__(self, plan: Plan, dsn: dict[str, Any], *, seconds: float = BUDGET_SECONDS) -> None:
        self.plan = plan
        self.ledger = Ledger(plan.mailing_id, uuid4(), settings.DELIVERY_LEASE_SECONDS, dsn, plan.connections)
        self.tokens, self.budget = Tokens(lambda: self.ledger.aside(count_runs)), self._budget()
        self.pace = Pace(self.tokens, plan.buckets, self.budget)
        self.holding = Holding(self.tokens, plan.buckets, self.budget, rates=plan.rates, rests=plan.rests)
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.queue = AtHand(max(4, plan.connections * 2))
        self.stop = asyncio.Event()
        self.outcomes = Outcomes(self.ledger.counts)
        self.failures = 0
        self.is_fed = False
        self.held: set[Chunk] = set()
        self.lanes: list[Lane] = []
        self.begun: dict[int, Item] = {}  # taken by a lane, and not settled
        self.talking = 0  # lanes that wait for a server, not for a limit
        self.has_heard = False
        self.silent_since = self.began  # since when those that wait have heard nothing
        self.flows = asyncio.Event()  # cleared while nobody hears anything
        self.flows.set()
        self.giving_back: set[asyncio.Task[None]] = set()
        self.asks: asyncio.Task[bool] | None = None  # whether others wait

    def _budget(self) -> Budget | None:
        """What a sender's domain that is being warmed up may send today."""
        today = self.plan.warmup
        if today is None:
            return None
        aside = self.ledger.aside
        return Budget(
            lambda n: aside(lambda line: warmup.take(line, today, n)),
            lambda n: aside(lambda line: warmup.give_back(line, today, n)),
            today.most,
        )

    async def run(self) -> Outcomes:
        await self.ledger.open()
        try:
            beat = asyncio.create_task(self._beat())
            feed = asyncio.create_task(self._feed())
            self.lanes = [Lane(self) for _number in range(self.plan.connections)]
            results = await asyncio.gather(*[lane.run() for lane in self.lanes], return_exceptions=True)
            self.stop.set()
            # Not cancelled: a claim that is just being committed would be nobody's until its lease is over.
            self.queue.end()
            [fed] = await asyncio.gather(feed, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    logger.error("A connection's work ended: %s", result, exc_info=result)
            if self.failures and not self.has_heard:  # no connection could be made at all
                self.outcomes.is_closed = True
            await self._end()
            last = [beat] if self.asks is None else [beat, self.asks]
            for task in last:
                task.cancel()
            await asyncio.gather(*last, return_exceptions=True)
            if isinstance(fed, BaseException):
                raise fed
        finally:
            await self.tokens.close()
            await self.ledger.close()
        return self.outcomes

    async def _end(self) -> None:
        """Write what is known and give back what is held; what cannot be written, the sweeper settles."""
        try:
            await self.ledger.flush()
            aside = await self.holding.close()
            for problem in await asyncio.gather(*self.giving_back, return_exceptions=True):
                if isinstance(problem, BaseException):
                    logger.error("Something was not written at the end of a run: %s", problem, exc_info=problem)
            for chunk in list(self.held):
                waits = [wait for item, wait in aside if item.claim is chunk]
                # what is not set aside can be claimed at once
                await self._finish(chunk, later=min(waits) if len(waits) == chunk.left > 0 else None)
            retries = {item.claim.id: wait for item, wait in aside if isinstance(item.claim, Retry)}
            for item, _wait in aside:
                self.ledger.let_go(item.claim)
            if retries:
                await self.ledger.aside(lambda line: postpone(line, self.ledger.token, retries))
            await self.ledger.release_retries()
            if self.budget is not None:
                await self.budget.close()
        except Exception:
            logger.exception("The ledger could not be written at the end of a run; its leases will lapse.")

    async def _beat(self) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(BEAT_SECONDS)
            if self._fails_unusually():
                self.outcomes.is_unusual = True
                self.stop.set()
            try:
                if not await self.ledger.beat(counts=number % COUNT_EVERY == 0):
                    self.outcomes.is_stopped = True
                    self.stop.set()
                if self.ledger.is_lost and not self.stop.is_set():
                    logger.warning(
                        "Mailing %s: a claim was over before it was renewed; the run ends.", self.plan.mailing_id
                    )
                    self.stop.set()
                if await self._makes_room():
                    self.outcomes.out_of_time = True
                    self.stop.set()
                    for lane in self.lanes:
                        lane.hurry()
                if self._is_stalled():
                    await self._hand_over()
                self._end_idle_waits()
            except Exception:
                logger.warning("A heartbeat failed; nothing leaves once the lease is over.")
                self.stop.set()

    async def _makes_room(self) -> bool:
        """Whether another mailing waits for this worker. Not waited for longer than a beat: a chunk's end may hold up the answer, and the
        leases must be renewed meanwhile."""
        if time.monotonic() - self.began < SLICE_SECONDS:
            return False
        if self.asks is None:
            self.asks = asyncio.create_task(self.ledger.others_wait())
        await asyncio.wait({self.asks}, timeout=BEAT_SECONDS)
        if not self.asks.done():
            return False
        asked, self.asks = self.asks, None
        return asked.result()

    def _is_stalled(self) -> bool:
        """Whether every connection has waited for long, and something lies here that others could send."""
        silent = time.monotonic() - self.silent_since
        if silent < STALLED_SECONDS or not (self.held and self.queue):
            return False
        # when the run is over, those that wait are all that is left of it
        if self.talking < (1 if self.is_over() else self.plan.connections):
            return False
        in_flight = sum(item.is_intended for item in self.begun.values())
        return in_flight >= self.talking or silent > STALLED_AT_FIRST_SECONDS

    def _end_idle_waits(self) -> None:
        """What still waits for a connection when the run is over, where others had one: its server greets only so many at once. And
        after a run's life whatever has nothing in flight."""
        is_old = time.monotonic() - self.began > LIFE_SECONDS
        if is_old or (self.has_heard and self.is_over()):
            for lane in self.lanes:
                lane.give_up(connecting_only=not is_old)

    async def _hand_over(self) -> None:
        """Give back the chunks, so that another worker can go on with what was not begun, and keep what waits for an answer.

        What is in flight becomes a retry that we hold: the chunk can then be another's, and its end does not settle that row. What a
        lane has begun and not intended is dropped before its dot. Due retries are few, and stay until the run ends.
        """
        logger.warning("Mailing %s: no server answers; what waits behind is given back.", self.plan.mailing_id)
        self.flows.clear()
        chunks, self.held = self.held, set()
        self.queue.put([item for item in self.queue.clear() if isinstance(item.claim, Retry)])
        for item in self.begun.values():
            if item.is_intended and isinstance(item.claim, Chunk):
                item.claim = Retry(0)
        for chunk in chunks:
            chunk.is_given_back = True
        await self.ledger.flush()  # intents that were on their way: they are in flight now
        for chunk in chunks:
            await self._finish(chunk, keeps=True)

    def hears(self) -> None:
        """A server said something, or a connection was made."""
        self.has_heard = True
        self.silent_since = time.monotonic()
        if not self.flows.is_set():
            self.flows.set()

    def _fails_unusually(self) -> bool:
        """By this run's own figures, which cost nothing; the mailing's are asked when it has stopped."""
        if self.plan.unusual is None:
            return False
        percent, least = self.plan.unusual
        failed = self.outcomes.counts[Outcome.FAILED]
        return failed >= least and failed * 100 >= percent * (failed + self.outcomes.counts[Outcome.ACCEPTED])

    # --- feeding --------------------------------------------------------------------------------------------------
    async def _feed(self) -> None:
        """Claim chunk after chunk, due retries between them, and hand out their deliveries."""
        most = 1
        try:
            while not self.is_over() and not self.holding.is_full:
                if not await self._flowing():
                    continue
                items = await self.ledger.claim_retries()
                claimed = await self.ledger.claim_chunks(most)
                if not claimed and not items:
                    break
                for chunk, pending in claimed:
                    self.held.add(chunk)
                    if not pending:
                        self._done(chunk)
                self.queue.put([*items, *spread(pending for _chunk, pending in claimed)])
                began = time.monotonic()
                await self.queue.low()
                # a fast road is fed with several at once, whose rows lie further apart; a slow one leaves them to other workers
                most = min(most * 2, MOST_CHUNKS) if time.monotonic() - began < SOON else 1
            if not self.is_over() and not await self.ledger.is_sending():
                self.outcomes.is_stopped = True
        finally:
            self.is_fed = True
            self.queue.wake()

    async def _flowing(self) -> bool:
        """Whether more may be claimed: not while no server says anything. Looks again twice a second, as the run may be over."""
        if not self.flows.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self.flows.wait()
        return self.flows.is_set()

    def is_over(self) -> bool:
        """Whether no further message may be begun."""
        if time.monotonic() > self.deadline:
            self.outcomes.out_of_time = True
            self.stop.set()
        return self.stop.is_set() or self.ledger.broken is not None

    async def take(self) -> Item | None:
        """The next delivery; None when this lane's work is over."""
        while not self.is_over():
            item = self.queue.take()
            if item is None:
                if self.is_fed and not self.holding.has_hope:
                    return None
                await self.queue.more(0.25)
                continue
            if item.is_given_back or not self._may_leave(item):
                continue
            if item.is_cleared or await self.pace.wait(self.stop):
                if item.is_given_back:  # while it waited for its turn
                    continue
                self.begun[item.seq] = item
                return item
            if self.pace.is_spent:
                self.outcomes.is_spent = True
                self.stop.set()
            return None  # its claim is given back at the end
        return None

    def _may_leave(self, item: Item) -> bool:
        """Whether its domain lets it leave now; else it is set aside."""
        if item.is_cleared or self.holding.is_idle or self.holding.may_leave(item):
            return True
        self.holding.put_aside(item, self.stop, self.queue)
        return False

    def take_now(self) -> Item | None:
        """The next delivery if one is at hand and may leave at once."""
        if self.is_over() or self.plan.is_trial or not self.queue or not self.pace.is_free:
            return None
        item = self.queue.take()
        if item is None or item.is_given_back or (not item.is_cleared and not self._may_leave(item)):
            self.pace.put_back()
            return None
        if item.is_cleared:
            self.pace.put_back()
        self.begun[item.seq] = item
        return item

    def made(self, item: Item) -> Made:
        """This item's message; the next ones are made with it."""
        made = item.made
        if made is None:
            self.plan.make([item, *(one for one in self.queue.first(AHEAD - 1) if one.made is None)], utc_now())
        elif (
            made.date < utc_now() - LATEST and item.first_attempt_at is None
        ):  # it waited, and its Date is its first try
            self.plan.make([item], utc_now())
        return cast(Made, item.made)

    def heard(self, item: Item, verdict: Verdict) -> None:
        """What a recipient's server said, for the memory of its domain. 421 is about the connection, not the domain."""
        if verdict.state == ACCEPTED:
            if self.plan.is_trial:  # the road is open
                self.stop.set()
            if self.holding.is_untroubled:
                return
            if domain := self.holding.accepted(item):
                self._aside(lambda line: answers_again(line, self.plan.transport_id, domain))
            return
        was_told = verdict.state == Outcome.DEFERRED and verdict.code not in (None, 421)
        if was_told and (domain := self.holding.deferred(item)):
            self._aside(partial(self._leave_alone, domain, verdict.text))

    async def _leave_alone(self, domain: str, text: str, line: Connection) -> None:
        until = await leave_alone(line, self.plan.transport_id, domain, text)
        self.holding.rests[domain] = Rest(until)

    def _aside(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Have it written behind the lanes' backs, before the run ends."""
        task = asyncio.create_task(self.ledger.aside(work))
        self.giving_back.add(task)
        task.add_done_callback(self.giving_back.discard)

    def settled(self, item: Item) -> None:
        """One delivery of a chunk is settled; the last one gives the chunk back."""
        self.begun.pop(item.seq, None)
        chunk = item.claim
        if isinstance(chunk, Chunk):
            chunk.left -= 1
            if chunk.left <= 0:
                self._done(chunk)

    def _done(self, chunk: Chunk) -> None:
        """Give a chunk back behind the lanes' backs, once its results are committed."""
        if chunk in self.held:
            self.held.discard(chunk)
            task = asyncio.create_task(self._give_back(chunk))
            self.giving_back.add(task)
            task.add_done_callback(self.giving_back.discard)

    async def _give_back(self, chunk: Chunk) -> None:
        await self.ledger.flush()
        await self._finish(chunk)

    async def _finish(self, chunk: Chunk, *, later: timedelta | None = None, keeps: bool = False) -> None:
        try:
            await self.ledger.finish_chunk(chunk, later=later, keeps=keeps)
        except Exception:
            logger.exception("A chunk could not be ended; the sweeper does it when its lease is over.")

    def connection_failed(self, down: TransportDown) -> None:
        """One connection could not be made, or was lost. A server that restarts closes all of them once: that is no reason."""
        self.failures += 1
        self.outcomes.down = str(down)
        if isinstance(down, NotLetIn) or self.failures >= self.plan.most_failures:
            self.outcomes.is_closed = True
            self.stop.set()

    def connection_worked(self) -> None:
        if self.failures:
            self.failures = 0
            self.outcomes.down = ""
