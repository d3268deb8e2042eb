"""A pipelined SMTP client (RFC 5321, RFC 2920) on asyncio: what leaves together is written together.

One message costs one round trip when the next envelope follows the final dot in the same write. The caller decides when
the dot may leave: `envelope()` goes as far as 354, `finish()` sends the message.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from campaigns.delivery.patience import LOOK_SECONDS, RFC_5321
from campaigns.delivery.replies import Dropped as Dropped
from campaigns.delivery.replies import NotLetIn as NotLetIn
from campaigns.delivery.replies import Replies
from campaigns.delivery.replies import Reply as Reply
from campaigns.delivery.replies import TransportDown as TransportDown
from campaigns.oauth.xoauth2 import xoauth2

REFUSED_TOKEN = "refused the token"  # noqa: S105 words in a reason, by which the breaker knows it
_TOO_LARGE = ("5.3.4", "5.2.3")  # RFC 3463: for the system, by its administrator's limit
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(frozen=True)
class Server:
    """Where to deliver: smtp://user:password@host:port?tls=starttls, or smtps://… With auth=xoauth2 the password is an access token."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    starttls: bool = False
    bearer: bool = False

    @classmethod
    def of(cls, url: str | SplitResult) -> Server:
        parts = urlsplit(url) if isinstance(url, str) else url
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if tls else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=not tls and "tls=starttls" in parts.query,
            bearer="auth=xoauth2" in parts.query,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _checked(message: bytes) -> bytes:
    """With dots doubled at the beginning of lines (RFC 5321, 4.5.2)."""
    if _BARE.search(message):
        raise ValueError("the message has a CR or an LF by itself")
    if b"\n." in message:
        message = message.replace(b"\n.", b"\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message


class Client:
    """One connection. Every method raises TransportDown when the connection cannot be used any more."""

    def __init__(self, server: Server, helo: str) -> None:
        self.server, self.helo = server, helo
        self.patience = RFC_5321
        self._forget()
        self._replies = Replies()

    def _forget(self) -> None:
        """What the server can is what it says next."""
        self.extensions: set[str] = set()
        self.takes_size, self.max_size = False, 0
        self._auth = ""

    async def connect(self) -> None:
        """Greeting, EHLO, TLS and sign-in."""
        loop, seconds = asyncio.get_running_loop(), self.patience.connect
        try:
            async with asyncio.timeout(seconds):
                await loop.create_connection(
                    lambda: self._replies,
                    self.server.host,
                    self.server.port,
                    ssl=ssl.create_default_context() if self.server.tls else None,
                )
            await self._greet()
        except TimeoutError:
            self.abort()
            raise TransportDown(f"{self.server} did not answer within {seconds:.0f} s") from None
        except (OSError, ssl.SSLError) as error:
            self.abort()
            raise TransportDown(f"{self.server}: {error.strerror or error}") from error
        except BaseException:
            self.abort()
            raise

    async def _greet(self) -> None:
        greeting = await self.reply(self.patience.greeting)
        if greeting.code != 220:
            raise TransportDown(f"{self.server} said {greeting}")
        await self._ehlo()
        if self.server.starttls:
            await self._start_tls()
        if self.server.user:
            await self._sign_in()

    async def _start_tls(self) -> None:
        if "STARTTLS" not in self.extensions:
            raise TransportDown(f"{self.server} offers no STARTTLS, and nothing is sent in the clear")
        await self._say("STARTTLS", expect=220)
        # what was said behind it and before TLS was put there by somebody else (CVE-2011-0411)
        if not self._replies.is_silent:
            raise TransportDown(f"{self.server} said something between STARTTLS and TLS")
        self._replies.transport = await asyncio.get_running_loop().start_tls(
            self._replies.transport,
            self._replies,
            ssl.create_default_context(),
            server_hostname=self.server.host,
        )
        await self._ehlo()

    async def _ehlo(self) -> None:
        self._forget()  # RFC 3207: what was said before TLS counts no more
        reply = await self._say(f"EHLO {self.helo}")
        if not reply.is_ok:
            await self._say(f"HELO {self.helo}", expect=250)
            return
        lines = [line.split() for line in reply.text.split("\n")[1:] if line.strip()]
        self.extensions = {words[0].upper() for words in lines}
        self.takes_size = "SIZE" in self.extensions
        for words in lines:
            if words[0].upper() == "SIZE" and len(words) > 1 and words[1].isdigit():
                self.max_size = int(words[1])
            if words[0].upper() == "AUTH":
                self._auth = " ".join(words[1:]).upper()

    async def _sign_in(self) -> None:
        user, password = self.server.user, self.server.password
        if self.server.bearer:
            token = base64.b64encode(xoauth2(user, password).encode()).decode()
            reply = await self._say(f"AUTH XOAUTH2 {token}")
            if reply.code == 334:  # the reason, in base64; an empty line asks for the refusal itself
                reply = await self._say("")
            if reply.code != 235:
                kind = NotLetIn if reply.is_permanent else TransportDown
                raise kind(f"{self.server} {REFUSED_TOKEN}: {reply}")
            return
        if "PLAIN" in self._auth or "LOGIN" not in self._auth:
            token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            await self._say(f"AUTH PLAIN {token}", expect=235)
            return
        await self._say("AUTH LOGIN", expect=334)
        # a step that has no name of its own: neither name nor password may stand in a reason
        for word, code in ((user, 334), (password, 235)):
            reply = await self._say(base64.b64encode(word.encode()).decode())
            if reply.code != code:
                raise self._refused("AUTH", reply)

    async def _say(self, line: str, *, expect: int = 0) -> Reply:
        self.write(f"{line}\r\n".encode())
        reply = await self.reply(self.patience.hello)
        if expect and reply.code != expect:
            raise self._refused(line.split()[0], reply)
        return reply

    def _refused(self, word: str, reply: Reply) -> TransportDown:
        kind = NotLetIn if word == "AUTH" and reply.is_permanent else TransportDown
        return kind(f"{self.server} refused {word}: {reply}")

    def write(self, data: bytes) -> None:
        if self._replies.lost:
            raise self._replies.lost
        self._replies.transport.write(data)

    async def reply(self, seconds: float) -> Reply:
        try:
            return await self._replies.reply(seconds)
        except TimeoutError:
            self.abort()
            raise TransportDown(f"{self.server} did not answer within {self._replies.seconds:.0f} s") from None

    async def message_reply(self) -> Reply:
        """The answer to a whole message."""
        return await self.reply(self.patience.dot)

    @property
    def is_behind(self) -> bool:
        """Whether much of what was written, and the end of it, is still here."""
        return self._replies.is_behind

    async def left(self) -> None:
        """Return when most of what was written has left. TransportDown: its end has not, so nobody accepts it."""
        try:
            await self._replies.left(self.patience.block)
        except TimeoutError:
            self.abort()
            raise TransportDown(f"{self.server} took nothing for {self._replies.seconds:.0f} s") from None

    def hurry(self) -> None:
        """Wait less long for what is waited for now."""
        self._replies.hurry()

    @property
    def is_lost(self) -> bool:
        return self._replies.lost is not None

    @property
    def has_said_more(self) -> bool:
        """Whether it said something that nobody asked for: the next reply would not be that to the next command."""
        return not self._replies.is_silent

    def refusal(self, recipient: str) -> str:
        """Why this server cannot be given an envelope with this recipient; empty when it can."""
        if not recipient.isascii() and "SMTPUTF8" not in self.extensions:
            return f"{self.server} takes no addresses with other than ASCII letters"
        if not recipient.isprintable() or " " in recipient or "<" in recipient or ">" in recipient:
            return "the address would not be one word of the envelope"
        return ""

    def too_large(self, size: int) -> str:
        """Why the server would refuse a message of so many bytes (RFC 1870); empty when it says nothing of it."""
        return (
            f"{size:,} bytes are more than {self.server} takes ({self.max_size:,})" if size > self.max_size > 0 else ""
        )

    @property
    def pipelines(self) -> bool:
        return "PIPELINING" in self.extensions

    def envelope_bytes(self, sender: str, recipient: str, size: int = 0) -> bytes:
        """size: the message's bytes, told where the server asks for it (RFC 1870). Bodies are of seven bits, so only headers can
        be of eight: those with such an address."""
        extra = f" SIZE={size}" if size and self.takes_size else ""
        if not recipient.isascii():
            extra += " SMTPUTF8 BODY=8BITMIME" if "8BITMIME" in self.extensions else " SMTPUTF8"
        return f"MAIL FROM:<{sender}>{extra}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()

    async def envelope(self, sender: str, recipient: str, size: int = 0) -> Reply:
        """MAIL, RCPT and DATA; 354 means that the message may follow. Any other reply is RCPT's or DATA's refusal, or MAIL's of
        a message of this size.

        A MAIL that is refused for another reason is about the road, not the recipient: TransportDown.
        """
        data = self.envelope_bytes(sender, recipient, size)
        if self.pipelines:
            self.write(data)
            return await self.envelope_replies()
        replies: list[Reply] = []
        for line in data.splitlines(keepends=True):
            self.write(line)
            await self._add_reply(replies)
            if not replies[-1].is_ok:
                break
        if len(replies) == 3 and replies[2].code == 354:
            return replies[2]
        return await self._judge(replies)

    async def envelope_replies(self) -> Reply:
        """The three replies to an envelope that was written already."""
        ready = self._replies.ready
        if len(ready) >= 3:
            replies = [ready.popleft(), ready.popleft(), ready.popleft()]
        else:
            replies = []
            for _number in range(3):
                await self._add_reply(replies)
        if replies[0].code < 300 and replies[1].code < 300 and replies[2].code == 354:
            return replies[2]
        return await self._judge(replies)

    async def _add_reply(self, replies: list[Reply]) -> None:
        """The next reply to an envelope; Dropped when the sender was taken, and none comes."""
        patience = self.patience
        try:
            replies.append(await self.reply((patience.mail, patience.rcpt, patience.data)[len(replies)]))
        except TransportDown as down:
            if replies and replies[0].is_ok:
                said = f"{replies[1]}; " if len(replies) > 1 else ""
                raise Dropped(f"{said}{down}") from down
            raise

    async def _judge(self, replies: list[Reply]) -> Reply:
        """What a refused envelope means. Never a yes: nothing of a message has left yet."""
        if not replies[0].is_ok and not self._is_of_size(replies[0]):
            self.abort()
            said = "said" if replies[0].code == 421 else "refuses our sender:"
            raise TransportDown(f"{self.server} {said} {replies[0]}")
        refusal = next((reply for reply in replies if reply.code >= 400), None)
        if refusal is None:  # 250 where 354 must stand: whatever it means, the message was not taken
            self.abort()
            raise Dropped(f"{self.server} answered the envelope with {', '.join(str(r.code) for r in replies)}")
        if refusal.code == 421:
            self.abort()
            raise Dropped(f"{self.server} said {refusal}")
        # What it said of the recipient stands, also when it closes the connection right behind it.
        with contextlib.suppress(TransportDown):
            if len(replies) == 3 and replies[2].code == 354:  # no recipient, yet it waits for a message: an empty one
                self.write(b".\r\n")
                await self.reply(self.patience.hello)
            await self._say("RSET")
        return refusal

    def _is_of_size(self, reply: Reply) -> bool:
        """Whether MAIL was refused for the size that it told: of the message, where another 552 may be of the sender's account."""
        said = reply.status in _TOO_LARGE or (reply.code == 552 and not reply.status)
        return self.takes_size and reply.is_permanent and said

    def message_pieces(self, message: bytes, tail: tuple[bytes, ...] = (), *, is_clean: bool = False) -> list[bytes]:
        """A message and what follows it, with the final dot. The tail is sent as it is: none of its lines begins with a dot, and it is
        not copied, for all messages share it. is_clean: nor does one of the message's, and there is no bare CR or LF in it, as in
        what `Skeleton` makes; else it is looked through, which costs more than to sign it.

        Raises ValueError for a bare CR or LF: servers disagree on where such a message ends (SMTP smuggling).
        """
        if not is_clean:
            message = _checked(message)
            if not tail and not message.endswith(b"\r\n"):
                message += b"\r\n"
        return [message, *tail, b".\r\n"] if tail else [message + b".\r\n"]

    def abort(self) -> None:
        """Close without a word: a message without its final dot is not accepted by anybody."""
        if self._replies.transport is not None:
            self._replies.transport.abort()
        if self._replies.lost is None:
            self._replies.lost = TransportDown("the connection was closed")

    async def quit(self) -> None:
        if self._replies.lost:
            return
        try:
            self.write(b"QUIT\r\n")
            await self._replies.reply(1)
        except (TimeoutError, TransportDown):
            pass
        self.abort()


async def probe(server: Server, helo: str) -> str:
    """Empty when the server greets us and lets us in, soon, else what is wrong, as a sentence's part."""
    client = Client(server, helo)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await client.connect()
    except TransportDown as down:
        return str(down)
    except TimeoutError:
        client.abort()
        return f"{server} did not answer within {LOOK_SECONDS:.0f} s"
    await client.quit()
    return ""
