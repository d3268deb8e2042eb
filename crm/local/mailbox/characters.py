"""Addresses choose behaviour: the word before the `+` says how the mailbox behind it acts.

bounce+…    accepts, then sends a delivery status notification (RFC 3464) to the envelope sender
softbounce+…  the same, for a mailbox that is full
defer+…     says 450 to the first two tries, then accepts
reject+…    says 550
reply+…     a person answers after a moment
vacation+…  an automatic reply (RFC 3834)
complain+…  the provider reports the message as spam (RFC 5965)
click+…     a person reads it and follows the first link
slow+…      accepts, but its server takes its time before it says so
scanner+…   a security scanner looks at every link at once: HEAD, GET, the pixel and the link that no one can see; it never posts
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from crm.local.mailbox import letters
from crm.local.mailbox.reader import read
from crm.local.mailbox.scanner import scan
from crm.local.mailbox.store import Store

logger = logging.getLogger(__name__)

DEFERRALS = 2
BOUNCES_AFTER = 1.0  # seconds
REPLIES_AFTER = 3.0
SCANS_AFTER = 0.3
READS_AFTER = 6.0  # longer than anybody would call impossible
SLOW_FOR = 5.0
Deliver = Callable[..., None]


def character(address: str) -> str:
    """The word before the `+`, in lower case; empty for ordinary addresses."""
    word, plus, _rest = address.rpartition("@")[0].partition("+")
    return word.lower() if plus else ""


class Cast:
    """Everybody who lives behind the addresses. `deliver` is how their own mail leaves."""

    def __init__(self, *, store: Store, hosts: set[str], speed: float = 1.0) -> None:
        self.store = store
        self.hosts = hosts  # host:port pairs that the scanner may visit: nothing else is fetched
        self.speed = speed  # tests do not wait
        self.deliver: Deliver = lambda **_: None
        self._acting: set[asyncio.Task[None]] = set()

    def answer_to(self, *, recipient: str, sender: str) -> str:
        """The SMTP answer to RCPT."""
        who = character(recipient)
        if who == "reject":
            return "550 5.1.1 No such mailbox here"
        if who == "defer" and self.store.tries(recipient=recipient, sender=sender) <= DEFERRALS:
            return "450 4.2.1 Too many connections to this mailbox, try again later"
        return "250 2.1.5 OK"

    async def linger(self, recipients: list[str]) -> None:
        """What a slow server does between the final dot and its answer."""
        if any(character(recipient) == "slow" for recipient in recipients):
            await asyncio.sleep(SLOW_FOR * self.speed)

    def act(self, *, sender: str, recipient: str, raw: bytes) -> None:
        """Let the character act, after a moment. Mail that came without a sender is never answered."""
        who = character(recipient)
        if who == "scanner":
            self._later(SCANS_AFTER, scan, raw, self.hosts)
        elif who == "click":
            self._later(READS_AFTER, read, raw, self.hosts)
        elif who in letters.WRITERS and sender:
            after = REPLIES_AFTER if who == "reply" else BOUNCES_AFTER
            self._later(after, self._write, letters.WRITERS[who], sender, recipient, raw)

    async def leave(self) -> None:
        """Forget what was about to happen; the mailbox ends."""
        for task in self._acting:
            task.cancel()
        await asyncio.gather(*self._acting, return_exceptions=True)

    def _write(self, write: letters.Writer, sender: str, recipient: str, raw: bytes) -> None:
        original: EmailMessage = message_from_bytes(raw, policy=policy.default)
        letter = write(original, sender, recipient)
        if letter is not None:
            self.deliver(sender=letter.sender, recipients=[letter.recipient], raw=letter.raw)

    def _later(self, seconds: float, act: Callable[..., None], *arguments: object) -> None:
        task = asyncio.get_running_loop().create_task(self._run(seconds * self.speed, act, *arguments))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _run(self, seconds: float, act: Callable[..., None], *arguments: object) -> None:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(act, *arguments)
        except Exception:  # one broken message must not end the mailbox
            logger.exception("a character of the mailbox could not act")
