"""A mailing service in the place of a connection to a mail server: the engine, its ledger and its promises stay as they are.

An envelope is always taken (the address is judged with the message), the message is the request, its answer the reply. So
the intent is committed before the request leaves, and an answer that never came is settled as it is for SMTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from campaigns.delivery.smtp import Client, Reply, TransportDown
from campaigns.esp.handing import Refused, hand_over, message_of

GO_ON, COME_LATER = 354, 421


class ServiceClient(Client):
    """One connection to a service's API, kept open."""

    def __init__(self, name: str, make_backend: Callable[[], Any], ties: str) -> None:
        self.server: Any = name  # what the engine names in a reason
        self.max_size = 0
        self.ties, self._make_backend = ties, make_backend
        self._backend: Any = None
        self._return_path = ""
        self._written: list[bytes] = []
        self._lost: TransportDown | None = None

    @property
    def pipelines(self) -> bool:
        return False

    async def connect(self) -> None:
        try:
            self._backend = self._make_backend()
        except ImproperlyConfigured as error:
            raise TransportDown(f"{self.server} lacks a setting: {' '.join(str(error).split())[:160]}") from error
        await asyncio.to_thread(self._backend.open)

    async def envelope(self, sender: str, recipient: str) -> Reply:
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

    async def message_reply(self) -> Reply:
        return await self.reply()

    async def reply(self, seconds: float = 0) -> Reply:
        """Hand over what was written. A service that refuses us is told as 421: nothing was taken, come later."""
        raw, self._written = b"".join(self._written), []
        try:
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

    async def quit(self) -> None:
        self.abort()
