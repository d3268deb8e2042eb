"""What a mail server says, cut into replies in the order of the commands."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from functools import lru_cache
from typing import Any, NamedTuple

from campaigns.delivery.patience import HURRY

LONGEST_LINE, MOST_LINES = 65_536, 1_000
_REPLY = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*?))?\r?", re.DOTALL)
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


class Reply(NamedTuple):
    """A server's answer. A message has four: a tuple is made three times as fast as a frozen dataclass."""

    code: int
    text: str

    @property
    def is_ok(self) -> bool:
        """Whether it is done. What asks for more (354) is not."""
        return 200 <= self.code < 300

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status (RFC 3463), or an empty string."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class TransportDown(Exception):
    """The server cannot be used now: no connection, a closed one, a refusal that is not about one recipient."""


class Dropped(TransportDown):
    """The connection ended at one recipient's address: behind a sender that was taken, before an answer to the address."""


class NotLetIn(TransportDown):
    """The server knows neither us nor our password. Asking it again on each connection would lock the account."""


@lru_cache(maxsize=512)
def _line(line: bytes) -> tuple[Reply, bool] | None:
    """(a line of a reply, whether it is the last one); None when it is no such line (RFC 5321, 4.2)."""
    found = _REPLY.fullmatch(line)
    if found is None:
        return None
    code, sign, text = found.groups()
    return Reply(int(code), (text or b"").decode("utf-8", "replace")), sign != b"-"


class Replies(asyncio.Protocol):
    """A connection's other half: what came, what was waited for, and what has not left yet."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.buffer = b""
        self.lines: list[Reply] = []
        self.ready: deque[Reply] = deque()
        self.lost: Exception | None = None
        self.is_behind = False  # much of what was written has not left
        self.seconds = 0.0  # for which one waits
        self.is_hurried = False
        self._waiting: asyncio.Future[None] | None = None
        self._late = 0.0  # when the one who waits has waited too long
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        whole, _end, self.buffer = (self.buffer + data).rpartition(b"\n")
        if len(self.buffer) > LONGEST_LINE:
            self.lose("its reply has no end")
        elif _end:
            for line in whole.split(b"\n"):
                read = _line(line)
                if read is None or (self.lines and read[0].code != self.lines[0].code):
                    self.lose(f"it said what is no reply: {line[:80].decode('ascii', 'replace')}")
                    return
                reply, is_last = read
                if not is_last or self.lines:
                    self.lines.append(reply)
                    if not is_last:
                        if len(self.lines) > MOST_LINES:
                            self.lose("its reply has no end")
                            return
                        continue
                    reply = Reply(reply.code, "\n".join(one.text for one in self.lines))
                    self.lines = []
                self.ready.append(reply)
            self._wake()

    @property
    def is_silent(self) -> bool:
        """Whether nothing was said that nobody has read."""
        return not (self.ready or self.lines or self.buffer)

    def lose(self, why: str) -> None:
        """Use this connection no more: nobody can tell which reply belongs to which command."""
        if self.lost is None:
            self.lost = TransportDown(why)
        self.transport.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost is None:
            self.lost = TransportDown(f"the connection was closed{f': {exc}' if exc else ''}")
        if self._watch is not None:
            self._watch.cancel()
        self._wake()

    def pause_writing(self) -> None:
        self.is_behind = True

    def resume_writing(self) -> None:
        self.is_behind = False
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def reply(self, seconds: float) -> Reply:
        """The next reply, within so many seconds. One waits at a time."""
        while not self.ready:
            if self.lost:
                raise self.lost
            await self._wait(seconds)
        return self.ready.popleft()

    async def left(self, seconds: float) -> None:
        """Return when most of what was written has left; TimeoutError when nothing of it does for so many seconds."""
        before = self.transport.get_write_buffer_size()
        while self.is_behind:
            if self.lost:
                raise self.lost
            try:
                await self._wait(seconds)
            except TimeoutError:
                size = self.transport.get_write_buffer_size()
                if size >= before:
                    raise
                before = size

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.seconds, self.is_hurried = seconds, False
        self._late = loop.time() + seconds
        # one timer looks again and again: a timer for each reply costs more than all else that is done for it
        if self._watch is None or self._watch.when() > self._late:
            self._look_at(self._late)
        self._waiting = loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def hurry(self) -> None:
        """Whoever waits shall not wait as long as it may: others need its place."""
        if self._waiting is not None and not self._waiting.done() and not self.is_hurried:
            self.is_hurried = True
            self._late -= self.seconds * (1 - 1 / HURRY)
            self.seconds /= HURRY
            self._look_at(self._late)

    def _look_at(self, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._waiting is None or self._waiting.done():
            return
        if asyncio.get_running_loop().time() < self._late:
            self._look_at(self._late)
        else:
            self._waiting.set_exception(TimeoutError())
