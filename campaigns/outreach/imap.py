"""An IMAP server (RFC 3501) as far as reading a mailbox needs it: by UID, within bounds, and every failure as a plain sentence.

Nothing that a server says can fill the memory or hang a worker: lines, literals and waits have limits.
"""

from __future__ import annotations

import base64
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.oauth.tokens import forget_token, token_for
from campaigns.oauth.xoauth2 import xoauth2
from campaigns.outreach.models import Inbox
from crm.errors import Unavailable

SECONDS = 15  # for each answer
MAX_MESSAGE = 25_000_000  # of a larger one only so much is read
MAX_LINE = 16_000_000  # a search answers in one line: some two million messages
_UID = re.compile(rb"\bUID (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([^"]{20,30})"')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Bounded:
    """Reads no longer lines and literals than these."""

    file: Any

    def readline(self) -> bytes:
        line: bytes = self.file.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise imaplib.IMAP4.abort("the server sent a line without end")
        return line

    def read(self, size: int) -> bytes:
        if size > MAX_MESSAGE + 1_000_000:
            raise imaplib.IMAP4.abort("the server sent more than it was asked for")
        data: bytes = self.file.read(size)
        return data


class _Plain(_Bounded, imaplib.IMAP4):
    """IMAP, with STARTTLS where it is asked for."""


class _Tls(_Bounded, imaplib.IMAP4_SSL):
    """IMAP over TLS from the first byte."""


@dataclass(frozen=True)
class Fetched:
    raw: bytes
    at: datetime


@dataclass(frozen=True)
class Folder:
    """What SELECT said."""

    count: int
    uidvalidity: int


class Mailbox:
    """A mailbox that is signed in to; use `opened`."""

    def __init__(self, client: imaplib.IMAP4, where: str) -> None:
        self._client, self.where = client, where

    def select(self, folder: str, *, read_only: bool = False) -> Folder:
        kind, data = self._client.select(quoted(folder), readonly=read_only)
        if kind != "OK":
            raise Unavailable(
                _("%(where)s has no folder “%(folder)s” that can be read. It said: “%(said)s”.")
                % {"where": self.where, "folder": folder, "said": said(data)}
            )
        count, validity = _number(data), _number(self._client.response("UIDVALIDITY")[1])
        return Folder(count, validity)

    def has_folder(self, folder: str) -> bool:
        kind, data = self._client.list('""', quoted(folder))
        return kind == "OK" and any(data)

    def search(self, *criteria: str) -> list[int]:
        """UIDs in ascending order."""
        kind, data = self._client.uid("SEARCH", *criteria)
        if kind != "OK":
            raise Unavailable(
                _("%(where)s does not search. It said: “%(said)s”.") % {"where": self.where, "said": said(data)}
            )
        return sorted({int(uid) for line in data if line for uid in line.split() if uid.isdigit()})

    def fetch(self, uid: int) -> Fetched | None:
        """One message without marking it, cut where it is too large; None when it vanished meanwhile."""
        kind, data = self._client.uid("FETCH", str(uid), f"(UID INTERNALDATE BODY.PEEK[]<0.{MAX_MESSAGE}>)")
        if kind != "OK":
            return None
        for item in data or ():
            if isinstance(item, tuple) and (found := _UID.search(item[0])) and int(found[1]) == uid:
                return Fetched(item[1], _internal_date(item[0]))
        # some servers put UID behind the literal: then the answer has one literal only
        literals = [item for item in data or () if isinstance(item, tuple)]
        return Fetched(literals[0][1], _internal_date(literals[0][0])) if len(literals) == 1 else None

    def date_of(self, uid: int) -> datetime | None:
        """When the server got a message."""
        kind, data = self._client.uid("FETCH", str(uid), "(INTERNALDATE)")
        heads = [item for item in data or () if isinstance(item, bytes)] if kind == "OK" else []
        return _internal_date(heads[0]) if heads else None

    def mark_seen(self, uid: int) -> None:
        self._checked(self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"))

    def move(self, uid: int, folder: str) -> None:
        """By MOVE (RFC 6851); else copied and deleted, and expunged only where that reaches this one alone (RFC 4315)."""
        can = self._client.capabilities
        if "MOVE" in can:
            self._checked(self._into(folder, lambda: self._client.uid("MOVE", str(uid), quoted(folder))))
            return
        self._checked(self._into(folder, lambda: self._client.uid("COPY", str(uid), quoted(folder))))
        self._checked(self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted \Seen)"))
        if "UIDPLUS" in can:
            self._checked(self._client.uid("EXPUNGE", str(uid)))

    def _into(self, folder: str, act: Callable[[], tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
        """Once more with the folder made, where it was not there."""
        kind, data = act()
        if kind == "OK":
            return kind, data
        self._client.create(quoted(folder))
        return act()

    def _checked(self, answer: tuple[str, list[Any]]) -> None:
        kind, data = answer
        if kind != "OK":
            raise Unavailable(
                _("%(where)s does not let us mark or move what was read. It said: “%(said)s”.")
                % {"where": self.where, "said": said(data)}
            )


@contextmanager
def opened(inbox: Inbox, *, again: bool = False) -> Iterator[Mailbox]:
    """Connected and signed in; whatever goes wrong is Unavailable with a sentence. again: see `token_for`."""
    where = f"{inbox.host}:{inbox.port}"
    token = token_for(inbox, again=again) if inbox.by_token else ""
    try:
        client = _connect(inbox)
        try:
            _sign_in(client, inbox, where, token)
            yield Mailbox(client, where)
        finally:
            _leave(client)
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(
            _("%(where)s answered, but its certificate is not to be trusted (%(why)s), so nothing was said to it.")
            % {"where": where, "why": error.verify_message}
        ) from error
    except ssl.SSLError as error:
        raise Unavailable(
            _("%(where)s answered, but no safe connection could be made: its port or its TLS setting is another one.")
            % {"where": where}
        ) from error
    except (imaplib.IMAP4.error, EOFError) as error:
        raise Unavailable(
            _("%(where)s ended the conversation. It said: “%(said)s”.") % {"where": where, "said": said([str(error)])}
        ) from error
    except OSError as error:
        raise Unavailable(
            _("%(where)s does not answer (%(error)s). Check the address and whether the server runs.")
            % {"where": where, "error": str(error)[:120] or type(error).__name__}
        ) from error


def _connect(inbox: Inbox) -> imaplib.IMAP4:
    if inbox.security == Inbox.Security.TLS:
        return _Tls(inbox.host, inbox.port, ssl_context=ssl.create_default_context(), timeout=SECONDS)
    client = _Plain(inbox.host, inbox.port, timeout=SECONDS)
    if inbox.security == Inbox.Security.STARTTLS:
        try:
            client.starttls(ssl.create_default_context())
        except BaseException:
            client.shutdown()
            raise
    return client


def _sign_in(client: imaplib.IMAP4, inbox: Inbox, where: str, token: str) -> None:
    if token:
        _sign_in_with_token(client, inbox, where, token)
    else:
        _sign_in_with_password(client, inbox, where)
    client._get_capabilities()  # those after signing in are others, and imaplib has no other way to ask


def _sign_in_with_token(client: imaplib.IMAP4, inbox: Inbox, where: str, token: str) -> None:
    """By XOAUTH2, as the large services have it, else by OAUTHBEARER (RFC 7628). A refusal comes as a question first, with the reason in it."""
    asked: list[bytes] = []
    has_only_bearer = "AUTH=OAUTHBEARER" in client.capabilities and "AUTH=XOAUTH2" not in client.capabilities
    mechanism = "OAUTHBEARER" if has_only_bearer else "XOAUTH2"
    first, on_refusal = xoauth2(inbox.user, token), b""
    if has_only_bearer:
        first = f"n,a={inbox.user.replace('=', '=3D').replace(',', '=2C')},\1host={inbox.host}\1port={inbox.port}\1auth=Bearer {token}\1\1"
        on_refusal = b"\1"

    def answer(challenge: bytes) -> bytes:
        asked.append(challenge)
        return first.encode() if len(asked) == 1 else on_refusal

    try:
        client.authenticate(mechanism, answer)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeError) as error:
        forget_token(inbox)
        raise Unavailable(
            _("%(where)s answered, but refused the token for %(user)s. It said: “%(said)s”.")
            % {"where": where, "user": inbox.user, "said": said([str(error)])},
            code="refused",
        ) from error


def _sign_in_with_password(client: imaplib.IMAP4, inbox: Inbox, where: str) -> None:
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _challenge: f"\0{inbox.user}\0{inbox.password}".encode())
        else:
            client.login(quoted(inbox.user), inbox.password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeError) as error:
        raise Unavailable(
            _("%(where)s answered, but refused the user name or password. It said: “%(said)s”.")
            % {"where": where, "said": said([str(error)])},
            code="refused",
        ) from error


def _leave(client: imaplib.IMAP4) -> None:
    try:
        client.logout()
    except (imaplib.IMAP4.error, OSError, EOFError):
        client.shutdown()


def quoted(text: str) -> str:
    """A name as it goes over the line: modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    return '"' + utf7(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def utf7(text: str) -> str:
    out, held = [], ""
    for letter in text + "\0":
        if 0x20 <= ord(letter) < 0x7F or letter == "\0":
            if held:
                coded = base64.b64encode(held.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
                out.append(f"&{coded.decode()}-")
                held = ""
            out.append("&-" if letter == "&" else letter)
        else:
            held += letter
    return "".join(out)[:-1]


def search_date(day: date) -> str:
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def said(data: list[Any] | None) -> str:
    """What a server said, on one line that can be shown."""
    text = b" ".join(item for item in data or () if isinstance(item, bytes)).decode("utf-8", "replace") or " ".join(
        item for item in data or () if isinstance(item, str)
    )
    return " ".join(text.replace("b'", "").strip("'").split())[:160].rstrip(".") or "…"


def _number(data: list[Any] | None) -> int:
    found = next((item for item in data or () if item), b"0")
    return int(found) if isinstance(found, bytes) and found.isdigit() else 0


def _internal_date(head: bytes) -> datetime:
    """When the server got it; now, where it does not say or says a time to come."""
    now = timezone.now()
    found = _DATE.search(head)
    if found is None:
        return now
    try:
        at = datetime.strptime(found[1].decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z")
    except (ValueError, UnicodeDecodeError):
        return now
    return min(at.astimezone(UTC), now)
