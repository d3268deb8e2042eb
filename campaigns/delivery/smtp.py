"""A pipelined SMTP client (RFC 5321, RFC 2920) on asyncio: what leaves together is written together.

One message costs one round trip when the next envelope follows the final dot in the same write. The caller decides when
the dot may leave: `envelope()` goes as far as 354, `finish()` sends the message.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from campaigns.oauth.xoauth2 import xoauth2

CONNECT_SECONDS = 10.0
# RFC 5321 (4.5.3.2) would wait for minutes, longest for the answer to a whole message. A task lives for one minute, and a message whose
# answer is later than this is settled as uncertain.
REPLY_SECONDS, MESSAGE_SECONDS = 20.0, 25.0
LONGEST_LINE = 65_536
REFUSED_TOKEN = "refused the token"  # noqa: S105 words in a reason, by which the breaker knows it
_REPLY = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*?))?\r?", re.DOTALL)
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


class Reply(NamedTuple):
    """A server's answer. A message has four: a tuple is made three times as fast as a frozen dataclass."""

    code: int
    text: str

    @property
    def is_ok(self) -> bool:
        return 200 <= self.code < 400

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


@lru_cache(maxsize=512)
def _line(line: bytes) -> tuple[Reply, bool] | None:
    """(a line of a reply, whether it is the last one); None when it is no such line (RFC 5321, 4.2)."""
    found = _REPLY.fullmatch(line)
    if found is None:
        return None
    code, sign, text = found.groups()
    return Reply(int(code), (text or b"").decode("utf-8", "replace")), sign != b"-"


class _Replies(asyncio.Protocol):
    """Cuts the stream into replies, in the order of the commands."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.buffer = b""
        self.lines: list[Reply] = []
        self.ready: deque[Reply] = deque()
        self.lost: Exception | None = None
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

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def reply(self, seconds: float) -> Reply:
        """The next reply, within so many seconds. One waits at a time."""
        while not self.ready:
            if self.lost:
                raise self.lost
            loop = asyncio.get_running_loop()
            self._late = loop.time() + seconds
            # one timer looks again and again: a timer for each reply costs more than all else that is done for it
            if self._watch is None or self._watch.when() > self._late:
                if self._watch is not None:
                    self._watch.cancel()
                self._watch = loop.call_at(self._late, self._look)
            self._waiting = loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return self.ready.popleft()

    def _look(self) -> None:
        self._watch = None
        if self._waiting is None or self._waiting.done():
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._late:
            self._watch = loop.call_at(self._late, self._look)
        else:
            self._waiting.set_exception(TimeoutError())


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
        self.extensions: set[str] = set()
        self.max_size = 0
        self._auth = ""
        self._replies = _Replies()

    async def connect(self) -> None:
        """Greeting, EHLO, TLS and sign-in."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: self._replies,
                    self.server.host,
                    self.server.port,
                    ssl=ssl.create_default_context() if self.server.tls else None,
                )
                await self._greet()
        except TimeoutError:
            self.abort()
            raise TransportDown(f"{self.server} did not answer within {CONNECT_SECONDS:.0f} s") from None
        except (OSError, ssl.SSLError) as error:
            self.abort()
            raise TransportDown(f"{self.server}: {error.strerror or error}") from error
        except BaseException:
            self.abort()
            raise

    async def _greet(self) -> None:
        greeting = await self.reply()
        if greeting.code != 220:
            raise TransportDown(f"{self.server} said {greeting}")
        await self._ehlo()
        if self.server.starttls:
            if "STARTTLS" not in self.extensions:
                raise TransportDown(f"{self.server} offers no STARTTLS, and nothing is sent in the clear")
            await self._say("STARTTLS", expect=220)
            # what was said behind it and before TLS was put there by somebody else (CVE-2011-0411)
            if not self._replies.is_silent:
                raise TransportDown(f"{self.server} said something between STARTTLS and TLS")
            loop = asyncio.get_running_loop()
            self._replies.transport = await loop.start_tls(
                self._replies.transport,
                self._replies,
                ssl.create_default_context(),
                server_hostname=self.server.host,
            )
            await self._ehlo()
        if self.server.user:
            await self._sign_in()

    async def _ehlo(self) -> None:
        reply = await self._say(f"EHLO {self.helo}")
        if not reply.is_ok:
            await self._say(f"HELO {self.helo}", expect=250)
            return
        lines = [line.split() for line in reply.text.split("\n")[1:] if line.strip()]
        self.extensions = {words[0].upper() for words in lines}
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
                raise TransportDown(f"{self.server} {REFUSED_TOKEN}: {reply}")
            return
        if "PLAIN" in self._auth or "LOGIN" not in self._auth:
            token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            await self._say(f"AUTH PLAIN {token}", expect=235)
            return
        await self._say("AUTH LOGIN", expect=334)
        await self._say(base64.b64encode(user.encode()).decode(), expect=334)
        await self._say(base64.b64encode(password.encode()).decode(), expect=235)

    async def _say(self, line: str, *, expect: int = 0) -> Reply:
        self.write(f"{line}\r\n".encode())
        reply = await self.reply()
        if expect and reply.code != expect:
            raise TransportDown(f"{self.server} refused {line.split()[0]}: {reply}")
        return reply

    def write(self, data: bytes) -> None:
        if self._replies.lost:
            raise self._replies.lost
        self._replies.transport.write(data)

    async def reply(self, seconds: float = REPLY_SECONDS) -> Reply:
        try:
            return await self._replies.reply(seconds)
        except TimeoutError:
            self.abort()
            raise TransportDown(f"{self.server} did not answer within {seconds:.0f} s") from None

    async def message_reply(self) -> Reply:
        """The answer to a whole message."""
        return await self.reply(MESSAGE_SECONDS)

    def refusal(self, recipient: str) -> str:
        """Why this server cannot be given an envelope with this recipient; empty when it can."""
        if not recipient.isascii() and "SMTPUTF8" not in self.extensions:
            return f"{self.server} takes no addresses with other than ASCII letters"
        if not recipient.isprintable() or " " in recipient or "<" in recipient or ">" in recipient:
            return "the address would not be one word of the envelope"
        return ""

    def too_large(self, pieces: list[bytes]) -> str:
        """Why the server would refuse a message of this size (RFC 1870); empty when it says nothing of it."""
        size = sum(map(len, pieces)) if self.max_size else 0
        return f"{size:,} bytes are more than {self.server} takes ({self.max_size:,})" if size > self.max_size else ""

    @property
    def pipelines(self) -> bool:
        return "PIPELINING" in self.extensions

    def envelope_bytes(self, sender: str, recipient: str) -> bytes:
        extra = "" if recipient.isascii() else " SMTPUTF8"
        return f"MAIL FROM:<{sender}>{extra}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()

    async def envelope(self, sender: str, recipient: str) -> Reply:
        """MAIL, RCPT and DATA; 354 means that the message may follow. Any other reply is RCPT's or DATA's refusal.

        A refused MAIL is about the road, not the recipient: TransportDown.
        """
        data = self.envelope_bytes(sender, recipient)
        if self.pipelines:
            self.write(data)
            return await self.envelope_replies()
        replies: list[Reply] = []
        for line in data.splitlines(keepends=True):
            self.write(line)
            await self._add_reply(replies)
            if not replies[-1].is_ok:
                break
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
        try:
            replies.append(await self.reply())
        except TransportDown as down:
            if replies and replies[0].is_ok:
                said = f"{replies[1]}; " if len(replies) > 1 else ""
                raise Dropped(f"{said}{down}") from down
            raise

    async def _judge(self, replies: list[Reply]) -> Reply:
        if any(reply.code == 421 for reply in replies):
            self.abort()
            kind = Dropped if replies[0].is_ok else TransportDown
            raise kind(f"{self.server} said {next(r for r in replies if r.code == 421)}")
        if not replies[0].is_ok:
            self.abort()
            raise TransportDown(f"{self.server} refuses our sender: {replies[0]}")
        if len(replies) == 3 and replies[1].is_ok:
            if replies[2].code != 354:
                await self._reset()
            return replies[2]
        if len(replies) == 3 and replies[2].code == 354:  # no recipient, yet it waits for a message: an empty one
            self.write(b".\r\n")
            await self.reply()
        await self._reset()
        return replies[1]

    async def _reset(self) -> None:
        await self._say("RSET")

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
    """Empty when the server greets us and lets us in, else what is wrong, as a sentence's part."""
    client = Client(server, helo)
    try:
        await client.connect()
    except TransportDown as down:
        return str(down)
    await client.quit()
    return ""
