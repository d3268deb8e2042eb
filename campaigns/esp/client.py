"""A mailing service in the place of a connection to a mail server: the engine, its ledger and its promises stay as they are.

An envelope is always taken (the address is judged with the message), the message is the request, its answer the reply. So
the intent is committed before the request leaves, and an answer that never came is settled as it is for SMTP.

Where a service takes many messages in one call, the clients of a run share its calls: each waits for the answer to its own message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from campaigns.delivery.smtp import Client, Reply, TransportDown
from campaigns.esp.batching import MOST_BYTES, hand_over_all, most_of, shape_of
from campaigns.esp.handing import Refused, hand_over, message_of

GO_ON, COME_LATER = 354, 421
# Seconds. Intents are committed together every few milliseconds, so their messages come together; a call takes some tenths of a second.
GATHERING = 0.02
MOST_LANES = 400


def lanes_of(service: str, calls: int, per_second: float | None) -> int:
    """How many deliveries are under way at once, with so many calls at once: a full call each, but no more than leave in a second."""
    lanes = min(MOST_LANES, calls * most_of(service))
    return max(calls, min(lanes, int(per_second)) if per_second else lanes)


def shared_calls(service: str, make_backend: Callable[[], Any], ties: str, most_calls: int) -> Calls | None:
    """None for a service that takes one message a call."""
    return Calls(service, make_backend, ties, most_calls) if most_of(service) > 1 else None


@dataclass
class _Waiting:
    raw: bytes
    return_path: str
    answer: asyncio.Future[Reply]


class Calls:
    """The calls of one run to a service that takes many messages in one: so many at once, each with whatever waits then."""

    def __init__(self, service: str, make_backend: Callable[[], Any], ties: str, most_calls: int) -> None:
        self.service, self.ties, self.most_calls = service, ties, most_calls
        self._make_backend = make_backend
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._threads: ThreadPoolExecutor | None = None
        self._idle: list[Any] = []  # connections that are kept open
        self._clients = 0

    def enter(self) -> None:
        """One more client. ImproperlyConfigured when a setting is missing."""
        if not self._idle and not self._under_way:
            self._idle.append(self._make_backend())
        self._clients += 1

    def leave(self) -> None:
        self._clients -= 1
        if self._clients == 0:
            while self._idle:
                self._idle.pop().close()
            if self._threads is not None:
                self._threads.shutdown(wait=False)
                self._threads = None

    async def hand_over(self, raw: bytes, return_path: str) -> Reply:
        """The answer to this message. TransportDown: nobody knows whether it was taken."""
        waiting = _Waiting(raw, return_path, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._under_way) < self.most_calls:
            task = asyncio.create_task(self._work())
            self._under_way.add(task)
        return await waiting.answer

    async def _work(self) -> None:
        """Call after call until nobody waits. It leaves in the same step in which it finds nobody: who comes after it begins another."""
        try:
            await self._call_until_nobody_waits()
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._under_way.discard(task)

    async def _call_until_nobody_waits(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHERING)
            batch = self._next()
            if not batch:
                return
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.most_calls, thread_name_prefix="service")
            try:
                words = await asyncio.get_running_loop().run_in_executor(self._threads, self._call, batch)
            except Exception as error:  # whatever it is: nobody knows
                words = [TransportDown(f"the call ended with {type(error).__name__}")] * len(batch)
            for waiting, word in zip(batch, words, strict=True):
                if waiting.answer.done():
                    continue
                if isinstance(word, TransportDown):
                    waiting.answer.set_exception(TransportDown(str(word)))
                else:
                    waiting.answer.set_result(word)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < most_of(self.service):
            size += len(self._waiting[0].raw)
            if batch and size > MOST_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _call(self, batch: list[_Waiting]) -> list[Reply | TransportDown]:
        """In a thread: the words on these, in their order."""
        words: dict[int, Reply | TransportDown] = {}
        together: dict[Any, list[tuple[int, Any]]] = {}
        for number, waiting in enumerate(batch):
            try:
                message = message_of(waiting.raw, return_path=waiting.return_path, ties=self.ties)
                # what carries a file goes alone: not every service takes files with many
                key = number if message.attachments else shape_of(message)
                together.setdefault(key, []).append((number, message))
            except Exception as error:  # a poisoned recipient fails alone: nothing has left yet
                words[number] = Reply(554, f"5.6.0 cannot be put into the service's form: {error}"[:300])
        backend = self._idle.pop() if self._idle else self._make_backend()
        backend.open()
        try:
            for group in together.values():
                said = hand_over_all(backend, self.service, [message for _, message in group])
                words.update(zip((number for number, _ in group), said, strict=True))
        finally:
            self._idle.append(backend)
        return [words[number] for number in range(len(batch))]


class ServiceClient(Client):
    """One connection to a service's API, kept open."""

    def __init__(self, name: str, make_backend: Callable[[], Any], ties: str, shared: Calls | None = None) -> None:
        """shared: the run's calls, where the service takes many messages in one."""
        self.server: Any = name  # what the engine names in a reason
        self.max_size = 0
        self.ties, self._make_backend, self._shared = ties, make_backend, shared
        self._backend: Any = None
        self._has_entered = False
        self._return_path = ""
        self._written: list[bytes] = []
        self._lost: TransportDown | None = None

    @property
    def pipelines(self) -> bool:
        return False

    async def connect(self) -> None:
        try:
            if self._shared is not None:
                self._shared.enter()
                self._has_entered = True
                return
            self._backend = self._make_backend()
        except ImproperlyConfigured as error:
            raise TransportDown(f"{self.server} lacks a setting: {' '.join(str(error).split())[:160]}") from error
        await asyncio.to_thread(self._backend.open)

    async def envelope(self, sender: str, recipient: str, size: int = 0) -> Reply:
        if self._lost:
            raise self._lost
        self._return_path = sender
        return Reply(GO_ON, "")

    def message_pieces(self, message: bytes, tail: tuple[bytes, ...] = (), *, is_clean: bool = False) -> list[bytes]:
        return [message, *tail]

    def refusal(self, recipient: str) -> str:
        return ""

    def write(self, data: bytes) -> None:
        self._written.append(data)

    @property
    def is_behind(self) -> bool:
        return False

    @property
    def is_lost(self) -> bool:
        return self._lost is not None

    @property
    def has_said_more(self) -> bool:
        return False

    def hurry(self) -> None:
        """A call has time-outs of its own."""

    async def message_reply(self) -> Reply:
        return await self.reply()

    async def reply(self, seconds: float = 0) -> Reply:
        """Hand over what was written. A service that refuses us is told as 421: nothing was taken, come later."""
        raw, self._written = b"".join(self._written), []
        try:
            if self._shared is not None:
                return await self._shared.hand_over(raw, self._return_path)
            return await asyncio.to_thread(self._hand_over, raw)
        except Refused as refused:
            return Reply(COME_LATER, f"4.7.0 {self.server} does not let us in: {refused}")
        except TransportDown as down:
            self._lost = down
            raise

    def _hand_over(self, raw: bytes) -> Reply:
        try:
            message = message_of(raw, return_path=self._return_path, ties=self.ties)
        except Exception as error:  # a poisoned recipient fails alone: nothing has left yet
            return Reply(554, f"5.6.0 cannot be put into the service's form: {error}"[:300])
        return hand_over(self._backend, message)

    def abort(self) -> None:
        self._written.clear()
        if self._backend is not None:
            self._backend.close()
        if self._has_entered and self._shared is not None:
            self._has_entered = False
            self._shared.leave()

    async def quit(self) -> None:
        self.abort()
