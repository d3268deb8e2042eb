"""A tiny, fast SMTP sink for tests and benches: it accepts, logs Message-IDs, and can misbehave on request.

One line of the log is one accepted message: its Message-ID, then its recipient. The line is written before the 250 leaves,
so a message that a client saw accepted is always in the log.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Behaviour:
    """How a sink answers. `defer`: addresses that contain it get 451, the first `defer_times` times each."""

    log: Path | None = None
    fsync: bool = False
    defer: str = ""
    defer_times: int = 1
    reject: str = ""
    refusal: str = "5.1.1 No such user here"  # what is said with a 550
    delay: float = 0.0  # seconds before each 250
    refuse_message: str = ""  # recipients that contain it: 552 to the message itself
    drop: str = ""  # to whose messages no answer comes, the first `drop_times` times each: they are kept, and the connection is cut
    drop_times: int = 1
    half_close: str = ""  # at whose RCPT it says no more and ends its half of the connection, the first times each
    half_close_times: int = 1
    busy_after: int = 0  # messages on one connection, then 421
    tokens: dict[str, str] = field(
        default_factory=dict
    )  # user → the token that lets it in by XOAUTH2; empty: everybody is let in


class Sink:
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.accepted = 0
        self.deferred: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.silenced: dict[str, int] = {}
        self.file = open(behaviour.log, "ab", buffering=0) if behaviour.log else None  # noqa: SIM115 for its life

    def record(self, message: bytes, recipient: str) -> None:
        self.accepted += 1
        if self.file is None:
            return
        found = _MESSAGE_ID.search(message[:8192])
        self.file.write((found[1] if found else b"-") + b" " + recipient.encode() + b"\n")
        if self.behaviour.fsync:
            os.fdatasync(self.file.fileno())

    def answer_to_message(self, recipient: str) -> bytes | None:
        """What is said to a whole message; None when the connection is cut instead."""
        behaviour = self.behaviour
        if behaviour.refuse_message and behaviour.refuse_message in recipient:
            return b"552 5.3.4 Too large for this mailbox\r\n"
        if behaviour.drop and behaviour.drop in recipient:
            seen = self.dropped.get(recipient, 0)
            if seen < behaviour.drop_times:
                self.dropped[recipient] = seen + 1
                return None
        return b"250 2.0.0 Ok\r\n"

    def goes_silent(self, recipient: str) -> bool:
        """Whether it ends its half of the connection at this recipient."""
        wanted = self.behaviour.half_close
        if not wanted or wanted not in recipient:
            return False
        seen = self.silenced.get(recipient, 0)
        self.silenced[recipient] = seen + 1
        return seen < self.behaviour.half_close_times

    def judge(self, recipient: str) -> bytes:
        behaviour = self.behaviour
        if behaviour.reject and behaviour.reject in recipient:
            return f"550 {behaviour.refusal}\r\n".encode()
        if behaviour.defer and behaviour.defer in recipient:
            seen = self.deferred.get(recipient, 0)
            if seen < behaviour.defer_times:
                self.deferred[recipient] = seen + 1
                return b"451 4.2.1 Try again later\r\n"
        return b"250 2.1.5 Ok\r\n"


class Session(asyncio.Protocol):
    """One client. Commands are answered in order; several in one packet are answered in one."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.in_data = False
        self.recipient = ""
        self.pending = 0
        self.messages = 0
        self.is_signed_in = not sink.behaviour.tokens
        self.is_refused = False  # asked for an empty line, before it refuses
        self.is_over = False  # nothing more is answered on this connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        out = bytearray()
        while not self.is_over:
            if self.in_data:
                end = self.buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                message = bytes(self.buffer[: end + 2])
                del self.buffer[: end + 5]
                self.in_data = False
                reply = self.sink.answer_to_message(self.recipient)
                if reply is None or reply.startswith(b"2"):
                    self.sink.record(message, self.recipient)
                if reply is None:
                    return self._leave(bytes(out), self.transport.close)
                self.messages += 1
                if self.sink.behaviour.delay:
                    self._later(bytes(out) + reply)
                    out.clear()
                else:
                    out += reply
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                break
            line = bytes(self.buffer[:end])
            del self.buffer[: end + 2]
            out += self.answer(line)
        if self.is_over:
            self._leave(bytes(out), self.last_act)
        elif out and not self.transport.is_closing():
            self._send(bytes(out))

    def last_act(self) -> None:
        """What ends the connection; by default it is closed."""
        self.transport.close()

    def _leave(self, out: bytes, last_act: Callable[[], None]) -> None:
        """Say what is to be said, and end the connection behind what still waits to be said."""
        self.is_over = True
        if out:
            self._send(out)
        if self.pending:
            asyncio.get_running_loop().call_later(self.sink.behaviour.delay, last_act)
        else:
            last_act()

    def _later(self, data: bytes) -> None:
        self.pending += 1

        def leave() -> None:
            self.pending -= 1
            if not self.transport.is_closing():
                self.transport.write(data)

        asyncio.get_running_loop().call_later(self.sink.behaviour.delay, leave)

    def _send(self, data: bytes) -> None:
        if self.pending:  # behind what waits
            self._later(data)
        else:
            self.transport.write(data)

    def sign_in(self, line: bytes) -> bytes:
        """XOAUTH2 as the large services have it: a refusal is a question with the reason in it, then 535."""
        words = line.split(b" ")
        with contextlib.suppress(ValueError, UnicodeDecodeError):
            said = base64.b64decode(words[2] if len(words) == 3 else b"", validate=True).decode()
            found = re.fullmatch("user=([^\1]+)\1auth=Bearer ([^\1]+)\1\1", said)
            if words[1].upper() == b"XOAUTH2" and found and self.sink.behaviour.tokens.get(found[1]) == found[2]:
                self.is_signed_in = True
                return b"235 2.7.0 Accepted\r\n"
        self.is_refused = True
        return b"334 " + base64.b64encode(b'{"status":"401"}') + b"\r\n"

    def answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if self.is_refused:
            self.is_refused = False
            return b"535 5.7.8 Username and Password not accepted\r\n"
        if verb == b"AUTH":
            return self.sign_in(line)
        if verb in (b"MAIL", b"RCPT", b"DATA") and not self.is_signed_in:
            return b"530 5.7.0 Authentication required\r\n"
        if verb == b"MAIL" and 0 < self.sink.behaviour.busy_after <= self.messages:
            self.is_over = True
            return b"421 4.7.0 Too busy, come back later\r\n"
        if verb == b"MAIL":
            self.recipient = ""
            return b"250 2.1.0 Ok\r\n"
        if verb == b"RCPT":
            recipient = line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")
            if self.sink.goes_silent(recipient):
                self.is_over, self.last_act = True, self.transport.write_eof  # type: ignore[method-assign]
                return b""
            reply = self.sink.judge(recipient)
            if reply.startswith(b"2"):
                self.recipient = recipient
            return reply
        if verb == b"DATA":
            if not self.recipient:
                return b"554 5.5.1 No valid recipients\r\n"
            self.in_data = True
            return b"354 Go ahead\r\n"
        if verb == b"EHLO":
            auth = b"250-AUTH XOAUTH2\r\n" if self.sink.behaviour.tokens else b""
            return (
                b"250-sink.test\r\n"
                + auth
                + b"250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
            )
        if verb == b"QUIT":
            self.transport.write(b"221 2.0.0 Bye\r\n")
            self.transport.close()
            return b""
        if verb in (b"RSET", b"NOOP", b"HELO"):
            return b"250 2.0.0 Ok\r\n"
        return b"502 5.5.2 Not here\r\n"


async def serve(behaviour: Behaviour, port: int, *, host: str = "127.0.0.1") -> None:
    """Listen until cancelled."""
    sink = Sink(behaviour)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(sink), host, port, backlog=256)
    async with server:
        await server.serve_forever()
