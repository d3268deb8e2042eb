"""The SMTP side: accept, defer or refuse by what the recipient's address says, file, and let the character act."""

from __future__ import annotations

import asyncio
import logging

from aiosmtpd.smtp import SMTP, Envelope, Session

from crm.local.mailbox import characters
from crm.local.mailbox.returns import Returns
from crm.local.mailbox.store import Store

logger = logging.getLogger(__name__)
LARGEST_MESSAGE = 25 * 1024 * 1024


class Handler:
    """What aiosmtpd calls. Nothing here waits but a slow character: a SQLite insert takes less time than a packet."""

    def __init__(self, *, store: Store, returns: Returns, cast: characters.Cast) -> None:
        self.store, self.returns, self.cast = store, returns, cast
        self.loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Characters act on this loop, also for letters that a thread wrote."""
        self.loop = loop

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        # the reader takes lines from a stream, so a client may well send several commands at once (RFC 2920)
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.cast.answer_to(recipient=address, sender=envelope.mail_from or "")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else bytes(content)
        await self.cast.linger(envelope.rcpt_tos)
        self.deliver(sender=envelope.mail_from or "", recipients=list(envelope.rcpt_tos), raw=raw)
        return "250 2.0.0 Filed in the local mailbox"

    def deliver(self, *, sender: str, recipients: list[str], raw: bytes) -> None:
        """To a mailbox here, or back to Groundswell when the address is at its return domain; then the character acts."""
        back = [address for address in recipients if self.returns.takes(address)]
        for address in back:
            self.returns.hand_over(sender=sender, recipient=address, raw=raw)
        here = [address for address in recipients if address not in back]
        self.store.add(sender=sender, recipients=back, raw=raw, came_back=True)
        self.store.add(sender=sender, recipients=here, raw=raw)
        if self.loop:
            for address in here:
                self.loop.call_soon_threadsafe(self._act, sender, address, raw)

    def _act(self, sender: str, recipient: str, raw: bytes) -> None:
        self.cast.act(sender=sender, recipient=recipient, raw=raw)


def protocol(handler: Handler) -> SMTP:
    return SMTP(
        handler,
        hostname="mailbox.test",
        ident="Groundswell local mailbox",
        data_size_limit=LARGEST_MESSAGE,
        enable_SMTPUTF8=True,
        timeout=300,
    )
