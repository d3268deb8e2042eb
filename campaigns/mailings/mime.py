"""One message as RFC 5322 bytes, fast: everything that is the same for all recipients is encoded once per variant.

Bodies are quoted-printable. Each finished piece and each field ends in a soft line break, so pieces join without being
looked at again, and no line is longer than 76 characters whatever a field holds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from campaigns.mailings.rendering import Numbers, Program, Recipient, bytes_program, clean, framed, text_program
from campaigns.mailings.templates import parse

CRLF = b"\r\n"
SOFT = b"=\r\n"
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*")
_PLAIN_ADDRESS = re.compile(r"[\w.+@=-]+", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_WORD_BYTES = 42  # UTF-8 bytes in one encoded word: 56 in base64, and 75 is the limit


def quoted(text: str) -> bytes:
    """Quoted-printable that may be joined to anything: it ends in a soft line break unless it ends a line."""
    if not text:
        return b""
    raw = text.encode()
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    made = binascii.b2a_qp(raw, istext=True)
    if b"\n" in made:
        made = made.replace(b"\r\n", b"\n").replace(b"\n", CRLF)
    if made.endswith(CRLF):
        return made
    last = len(made) - (made.rfind(b"\n") + 1)
    if last > 75:  # one unit goes to the next line, to make room for the “=”
        cut = len(made) - (3 if made[-3:-2] == b"=" else 1)
        made = made[:cut] + SOFT + made[cut:]
    return made + SOFT


def quoted_static(text: str) -> bytes:
    """`quoted` without a line that begins with a dot: SMTP would have to double each, in every copy (RFC 5321, 4.5.2)."""
    return _without_dots(quoted(text))


def _without_dots(made: bytes) -> bytes:
    if not made.startswith(b".") and b"\n." not in made:
        return made
    lines = made.split(CRLF)
    for number, line in enumerate(lines):
        if line.startswith(b"."):
            lines[number] = b"=2E" + line[1:]
            if len(lines[number]) > 76:  # the last units of the line, whole, go to one of their own
                cut = 60
                while b"=" in line[cut - 2 : cut]:
                    cut -= 1
                rest = line[cut:]
                if rest.startswith(b"."):
                    rest = b"=2E" + rest[1:]
                lines[number] = b"=2E" + line[1:cut] + SOFT + rest
    return CRLF.join(lines)


def quoted_value(text: str) -> bytes:
    """`quoted_static` for one field or link: most are plain, and need no encoder but for lines of 75 at most."""
    if not (text.isascii() and "=" not in text and text.isprintable()):
        return quoted_static(text)
    raw = text.encode()
    if len(raw) > 75:
        raw = SOFT.join([raw[at : at + 75] for at in range(0, len(raw), 75)])
    return _without_dots(raw + SOFT) if raw else b""


def fold(raw: bytes) -> bytes:
    """`quoted_value` of what needs no quoting but lines of 75 at most: an address of ours (`is_plain`)."""
    if len(raw) <= 75:
        return raw + SOFT
    if b"." in raw[75:]:  # a dot may come to stand at the beginning of a line
        return quoted_value(raw.decode())
    if len(raw) <= 150:
        return b"%b=\r\n%b=\r\n" % (raw[:75], raw[75:])
    return SOFT.join([raw[at : at + 75] for at in range(0, len(raw), 75)]) + SOFT


def is_plain(address: str) -> bool:
    """Whether whatever begins with this and goes on with letters, digits, `/`, `-`, `_` and `.` may stand in a page and in
    quoted-printable as it is, but for the length of its lines."""
    return re.fullmatch(r"https?://[A-Za-z0-9.:\[\]/_-]{1,60}", address, re.ASCII) is not None


# A message's own addresses stand in it several times, and in both of its parts.
_quoted_often = lru_cache(maxsize=64)(quoted_value)


def encoded(text: str, *, used: int = 0) -> str:
    """An unstructured header value: plain when it can be, else RFC 2047 words, folded. `used`: columns before it."""
    text = clean(text).strip()
    if text.isascii() and "=?" not in text and len(text) + used <= 76 and text.isprintable():
        return text
    whole = text.encode("utf-8", "replace")
    if len(whole) <= _WORD_BYTES - used:
        return f"=?utf-8?b?{base64.b64encode(whole).decode()}?="
    words: list[bytes] = []
    word = b""
    for character in text:
        raw = character.encode("utf-8", "replace")
        limit = _WORD_BYTES if words else max(_WORD_BYTES - used, 12)
        if len(word) + len(raw) > limit:
            words.append(word)
            word = b""
        word += raw
    words.append(word)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(part).decode()}?=" for part in words)


def mailbox(name: str, address: str, *, used: int = 0) -> str:
    """`"Name" <address>`; a name in any script; never more than one address, never a second header."""
    if not _PLAIN_ADDRESS.fullmatch(address):
        address = re.sub(r"[\x00-\x20\x7f<>,;]", "", address)
    name = clean(name).strip()
    if not name:
        return address
    if not name.isascii() or "=?" in name or len(name) > 60:
        shown = encoded(name, used=used) if not name.isascii() or "=?" in name else encoded(name, used=76)
    elif _ATOM.fullmatch(name):
        shown = name
    else:
        shown = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    gap = "\r\n " if len(shown.rpartition("\n")[2]) + len(address) + used > 70 else " "
    return f"{shown}{gap}<{address}>"


@lru_cache(maxsize=4096)
def _mailbox(name: str, address: str, used: int) -> bytes:
    return mailbox(name, address, used=used).encode("utf-8", "replace")


@lru_cache(maxsize=256)
def _date(moment: datetime) -> bytes:
    return format_datetime(moment).encode()


def _line(name: str, value: str) -> bytes:
    """One header; line ends in the value become spaces, so a value never starts another header."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a header's name")
    value = clean(value)
    if not value.isascii() or len(name) + len(value) > 990:
        value = encoded(value, used=len(name) + 2)
    return f"{name}: {value}\r\n".encode()


def _reply_to(address: str) -> bytes:
    return (
        b"Reply-To: %b\r\n" % address.encode()
        if _PLAIN_ADDRESS.fullmatch(address)
        else _line("Reply-To", mailbox("", address))
    )


_same_line = lru_cache(maxsize=256)(_line)  # for headers that a whole mailing shares
_subject = lru_cache(maxsize=1024)(lambda text: encoded(text, used=9).encode())  # often of a country, or of nobody


@lru_cache(maxsize=256)
def _same_lines(list_id: str, feedback_id: str) -> bytes:
    return b"".join(
        [
            _same_line("List-Id", f"<{list_id}>") if list_id else b"",
            _same_line("Feedback-ID", feedback_id) if feedback_id else b"",
            b"Precedence: bulk\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n",
        ]
    )


class Skeleton:
    """A variant's message with places for one recipient.

    What it makes is ready for the wire: every line ends in CRLF, there is no other CR or LF, and no line begins with a dot.
    """

    def __init__(self, *, subject: str, html: str, text: str, language: str, mixed: str = "") -> None:
        """mixed: the boundary of what is attached (`enclosures.py`); the message then goes on behind what this makes."""
        numbers = Numbers.of(language)
        self._subject = text_program(parse(subject, internal=True), numbers=numbers)
        plain, page = self._part(text, numbers, escape=False), self._part(html, numbers, escape=True)
        # “=_” cannot stand in quoted-printable, so no body holds the boundary (RFC 2045, 6.7)
        boundary = "=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:24]
        part = "Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        in_language = f"Content-Language: {re.sub('[^A-Za-z0-9-]', '', language)}\r\n"
        inner = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'
        outer = f'Content-Type: multipart/mixed; boundary="{mixed}"\r\n{in_language}\r\n--{mixed}\r\n{inner}\r\n'
        begin = (
            f"MIME-Version: 1.0\r\n{outer if mixed else f'{inner}{in_language}' + CRLF.decode()}"
            f"--{boundary}\r\n{part.format('plain')}"
        ).encode()
        between = f"\r\n--{boundary}\r\n{part.format('html')}".encode()
        self._body = framed(begin, plain, between, page, f"\r\n--{boundary}--\r\n".encode())

    @staticmethod
    def _part(source: str, numbers: Numbers, *, escape: bool) -> Program[bytes]:
        nodes = parse(source, internal=True)
        return bytes_program(nodes, numbers=numbers, escape=escape, static=quoted_static, dynamic=_quoted_often)

    def subject(self, to: Recipient) -> str:
        return clean(self._subject.run(to)).strip()

    def message(
        self,
        recipient: Recipient,
        *,
        to: tuple[str, str],
        from_: tuple[str, str],
        reply_to: str,
        date: datetime,
        message_id: str,
        unsubscribe: str,
        list_id: str,
        feedback_id: str,
        headers: Mapping[str, str],
    ) -> bytes:
        unsubscribe = clean(unsubscribe)
        return b"".join(
            [
                b"From: %b\r\nTo: %b\r\nSubject: %b\r\nDate: %b\r\nMessage-ID: %b\r\n"
                % (
                    _mailbox(*from_, 6),
                    mailbox(*to, used=4).encode("utf-8", "replace"),
                    _subject(self.subject(recipient)),
                    _date(date),
                    clean(message_id).encode(),
                ),
                _reply_to(reply_to) if reply_to else b"",
                # RFC 8058: both, and both are signed by DKIM
                b"List-Unsubscribe: <%b>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                % unsubscribe.encode()
                if unsubscribe
                else b"",
                _same_lines(list_id, feedback_id),
                *[_line(name, value) for name, value in headers.items()],
                self._body.run(recipient),
            ]
        )
