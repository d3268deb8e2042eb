"""A lane: one connection, which sends one message after the other (see campaigns.delivery.engine)."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING

from campaigns.delivery.claims import Chunk
from campaigns.delivery.composing import Item, Made
from campaigns.delivery.retrying import Verdict, failed, judge, later, unanswered
from campaigns.delivery.smtp import Client, Dropped, Reply, TransportDown

if TYPE_CHECKING:
    from campaigns.delivery.engine import Engine

logger = logging.getLogger(__name__)


class Lane:
    """One connection and the deliveries that leave by it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.plan, self.ledger = engine, engine.plan, engine.ledger
        self.client: Client | None = None
        self._connecting: Client | None = None
        self._in_flight: Item | None = None  # whose final dot may have left
        self._is_needed = True  # else it is no failure that it has no connection
        self._envelopes = 0  # on this connection

    async def run(self) -> None:
        item: Item | None = None
        try:
            while True:
                item = item or await self.engine.take()
                if item is None:
                    return
                if not self.engine.talking:  # what was before was no server's silence: a limit, or nothing to do
                    self.engine.silent_since = time.monotonic()
                self.engine.talking += 1
                try:
                    item = await self._send(item)
                finally:
                    self.engine.talking -= 1
                if item is not None and self.engine.is_over():
                    return  # not begun anew: its row is what it was, and its claim is given back at the end
        finally:
            if self.client:
                await self.client.quit()

    async def _send(self, item: Item) -> Item | None:
        """Send one delivery, and those that follow it on the same connection; returns one to begin anew with."""
        if item.is_given_back:
            return None
        if refusal := self.plan.refusal(item):
            self._settle_unsent(item, failed(refusal))
            return None
        try:
            client = await self._connected()
            if refusal := self._refusal(client, item):
                self._settle_unsent(item, failed(refusal))
                return None
            made = self.engine.made(item)
            self._envelopes += 1
            reply = await client.envelope(made.sender, item.recipient, self._size(item, made))
            self.engine.hears()
        except Dropped as down:
            self._dropped_at(item, down)
            return None
        except TransportDown as down:
            self._lost(down)
            if self.engine.stop.is_set() or not self._is_needed:
                return None  # its row is still what it was: its claim is given back at the end
            await asyncio.sleep(0.2 * self.engine.failures)
            return item
        return await self._carry(client, item, reply)

    async def _carry(self, client: Client, item: Item, reply: Reply) -> Item | None:
        """From an answered envelope to the end of this connection's row of messages."""
        following: Item | None = item
        while following is not None:
            item = following
            if reply.code != 354:
                self._settle_unsent(item, judge(item, reply))
                return None
            made = self.engine.made(item)
            item.made = None
            if made.error is not None:
                self._cannot_be_made(item, made.error)
                return None
            pieces = client.message_pieces(made.message, self.plan.tail(item), is_clean=True)
            if not await self._may_leave(client, item, made.date):
                return None
            following = self._next(client)
            if following is not None:
                ahead = self.engine.made(following)
                self._envelopes += 1
                pieces[-1] += client.envelope_bytes(ahead.sender, following.recipient, self._size(following, ahead))
            answer = await self._answer(client, item, pieces)
            self.engine.settled(item)
            if answer is None or answer.code == 421:  # it takes no more on this connection
                if answer is not None:
                    self._lost(TransportDown(f"{client.server} said {answer}"))
                return following
            self.engine.connection_worked()
            if following is not None:
                try:
                    reply = await client.envelope_replies()
                except Dropped as down:
                    self._dropped_at(following, down)
                    return None
                except TransportDown as down:
                    self._lost(down)
                    return following
        return None

    async def _may_leave(self, client: Client, item: Item, date: datetime) -> bool:
        """Whether the final dot may leave: committed, ours, and on a connection of which we know what it answers."""
        if item.is_given_back:
            self._drop()
            return False
        item.is_intended = True
        if not await self.ledger.intend(item, date):
            # stopped, suppressed, or somebody else's: without the final dot nobody accepts it
            self._drop()
            self.engine.settled(item)
            return False
        if not self.ledger.is_leased:
            # the dot has not left, and by now the claim may be another worker's
            if isinstance(item.claim, Chunk) and not item.is_given_back:
                item.claim.unsent.add(item.seq)  # its end makes it wait again
            else:  # applies if nobody has begun it since
                self._settle(item, later(item, None, "the claim was over before the message left"))
                self.engine.settled(item)
            self._drop()
            self.engine.stop.set()
            return False
        if client.is_lost or client.has_said_more:
            # while the ledger was asked: it closed, or said what would be taken for the answer to a message
            self._lost(TransportDown(f"{client.server} said more than it was asked, or closed the connection"))
            self._settle(item, later(item, None, "the connection ended before the message left"))
            self.engine.settled(item)
            return False
        return True

    async def _answer(self, client: Client, item: Item, pieces: list[bytes]) -> Reply | None:
        """Send a message and settle it by its answer. None: the connection is lost."""
        has_left = True
        self._in_flight = item
        try:
            for piece in pieces:
                client.write(piece)
            if client.is_behind:
                has_left = False
                await client.left()
                has_left = True
            answer = await client.message_reply()
            self.engine.hears()
        except TransportDown as down:
            self._lost(down)
            resends = self.plan.resends_uncertain or not has_left  # what has not left is not uncertain
            self._settle(item, unanswered(item, str(down), resends=resends))
            return None
        finally:
            self._in_flight = None
        self._settle(item, judge(item, answer))
        return answer

    def _cannot_be_made(self, item: Item, error: Exception) -> None:
        logger.warning("Delivery %s/%s cannot be rendered: %s", self.plan.mailing_id, item.seq, type(error).__name__)
        self._drop()
        self._settle_unsent(item, failed(f"could not be rendered: {error}"))

    def _next(self, client: Client) -> Item | None:
        """A delivery whose envelope may be written behind this message."""
        if not client.pipelines or self._is_used_up:
            return None
        while (item := self.engine.take_now()) and (refusal := self.plan.refusal(item) or self._refusal(client, item)):
            self._settle_unsent(item, failed(refusal))
        return item

    def _refusal(self, client: Client, item: Item) -> str:
        """Why this server cannot be given this message; empty when it can."""
        if client.max_size:
            return client.refusal(item.recipient) or client.too_large(self._size(item, self.engine.made(item)))
        return client.refusal(item.recipient)

    def _size(self, item: Item, made: Made) -> int:
        """A message's bytes; 0 for one that could not be made."""
        return len(made.message) + self.plan.tail_size(item) if made.message else 0

    @property
    def _is_used_up(self) -> bool:
        """Whether this connection has carried as many messages as it may. Some servers end one that carries more, in its middle."""
        return 0 < self.plan.messages_per_connection <= self._envelopes

    async def _connected(self) -> Client:
        """This lane's connection. One that the server closed while nothing was under way is no failure: another one is made, as
        it is when this one is used up."""
        if self.client is not None and self._is_used_up:
            await self.client.quit()
        if self.client is not None and self.client.is_lost:
            self.client = None
        if self.client is None:
            self._connecting = client = self.plan.connect()
            try:
                await client.connect()
            finally:
                self._connecting = None
            self.client, self._envelopes = client, 0
        return self.client

    # --- whoever watches the run ----------------------------------------------------------------------------------
    def hurry(self) -> None:
        """Wait less long: another mailing waits for this worker."""
        if client := self._connecting or self.client:
            client.hurry()

    def give_up(self, *, connecting_only: bool) -> None:
        """End a wait of which nothing has left. What was begun goes to the next run."""
        client = self._connecting if connecting_only else self._connecting or self.client
        if client is not None and self._in_flight is None:
            self._is_needed = not connecting_only
            client.abort()

    def _drop(self) -> None:
        if self.client:
            self.client.abort()
            self.client = None

    def _lost(self, down: TransportDown) -> None:
        self._drop()
        if self._is_needed:
            self.engine.connection_failed(down)

    def _dropped_at(self, item: Item, down: Dropped) -> None:
        """The server ended the connection at this address. It counts as a try of this one, and not as the server's failure:
        one that does so whenever it hears this address would else be asked again for ever, and hold up the others."""
        self._drop()
        self._settle_unsent(item, later(item, None, f"the connection ended at this address: {down}"))

    def _settle(self, item: Item, verdict: Verdict) -> None:
        self.engine.heard(item, verdict)
        self.ledger.settle(item, verdict)

    def _settle_unsent(self, item: Item, verdict: Verdict) -> None:
        """Settled before it was in flight: refused at RCPT, reserved, or not to be rendered."""
        self.engine.heard(item, verdict)
        self.ledger.settle(item, verdict, was=item.was)
        self.engine.settled(item)
