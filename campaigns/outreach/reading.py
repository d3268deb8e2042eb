"""What an inbound message is: a bounce, a complaint, an automatic reply, or somebody's words. Nothing is changed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import parseaddr

import nh3
from flufl.bounce import all_failures

from campaigns.delivery.models import Feedback
from campaigns.outreach.models import InboundMessage

Kind = InboundMessage.Kind
LONGEST_TEXT = 50_000
# RFC 3463 details that say nothing about whether the address exists: the message or the sender was refused
_NOT_THE_ADDRESS = re.compile(r"^5\.(2\.[2-4]|3\.|6\.|7\.)")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_QUOTE_BEGINS = re.compile(
    r"^(>|-{2,} ?(original message|message d’origine|message d'origine|mensaje original)|_{10,}|(on|le|el|في) .{4,120}"
    r"(wrote|a écrit|escribió|كتب) ?:|.{1,120} (wrote|a écrit|escribió|كتب) ?:)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    """What a message says. `status` and `reason` are a bounce's, `subject` and `text` somebody's words."""

    kind: Kind
    feedback: Feedback.Kind | None = None
    status: str = ""
    reason: str = ""
    author: str = ""
    subject: str = ""
    text: str = ""
    about: tuple[str, ...] = ()  # Message-IDs that it refers to
    note: str = ""


def read_message(raw: bytes, *, sender: str) -> Reading:
    """Classify one message. sender: its envelope sender; empty for notifications."""
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)
    about = tuple(_references(message))
    kind = message.get_content_type(), str(message.get_param("report-type", "")).lower()
    if kind == ("multipart/report", "feedback-report"):
        return Reading(Kind.COMPLAINT, Feedback.Kind.COMPLAINT, reason=_complaint(message), about=about)
    bounce = _bounce(message, raw, sender, about)
    if bounce is not None:
        return bounce
    words = Reading(
        Kind.AUTO if _is_automatic(message, sender) else Kind.REPLY,
        author=_header(message, "From"),
        subject=_header(message, "Subject"),
        text=text_of(message),
        about=about,
    )
    return words


def _bounce(message: EmailMessage, raw: bytes, sender: str, about: tuple[str, ...]) -> Reading | None:
    """RFC 3464 first; then flufl.bounce, which knows what servers sent before there was a standard."""
    delayed = None
    for fields in _status_fields(message):
        action = str(fields.get("Action", "")).strip().lower()
        status = _first_status(str(fields.get("Status", "")))
        reason = _diagnosis(str(fields.get("Diagnostic-Code", "")))
        if action == "failed" or (not action and status.startswith(("4", "5"))):
            return Reading(Kind.BOUNCE, kind_of_bounce(status, reason), status, reason or status, about=about)
        if action == "delayed":
            delayed = Reading(Kind.AUTO, note="a server says that it is still trying", reason=reason, about=about)
    if delayed is not None or sender:
        return delayed
    try:
        temporary, permanent = all_failures(message_from_bytes(raw))
    except (AttributeError, IndexError, KeyError, LookupError, TypeError, ValueError, MessageError):
        return None  # the library trips over some broken messages; they are then judged by their headers
    if not temporary and not permanent:
        return None
    text = text_of(message)
    status = _first_status(text)
    guessed = Feedback.Kind.HARD_BOUNCE if permanent else Feedback.Kind.SOFT_BOUNCE
    reason = next((line.strip() for line in text.splitlines() if _STATUS.search(line)), text.strip().split("\n")[0])
    return Reading(
        Kind.BOUNCE, kind_of_bounce(status, reason) if status else guessed, status, reason[:300], about=about
    )


def kind_of_bounce(status: str, reason: str) -> Feedback.Kind:
    """Hard: this address will never take mail. A full mailbox, a policy or a message too large say nothing of the kind."""
    if status.startswith("5") and not _NOT_THE_ADDRESS.match(status):
        return Feedback.Kind.HARD_BOUNCE
    if not status and re.search(r"\b55[0134]\b", reason):
        return Feedback.Kind.HARD_BOUNCE
    return Feedback.Kind.SOFT_BOUNCE


def _status_fields(message: EmailMessage) -> Iterator[Message]:
    """The per-recipient blocks of every delivery-status part."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            if isinstance(blocks, list):
                yield from (b for b in blocks if isinstance(b, Message) and ("Status" in b or "Action" in b))


def _first_status(text: str) -> str:
    found = _STATUS.search(text)
    return found[0] if found else ""


def _diagnosis(text: str) -> str:
    """A Diagnostic-Code without its type, on one line."""
    return " ".join(text.partition(";")[2].split() if ";" in text else text.split())[:300]


def _complaint(message: EmailMessage) -> str:
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            payload = part.get_payload()
            fields = payload[0] if isinstance(payload, list) and payload else None
            if isinstance(fields, Message):
                return str(fields.get("Feedback-Type", "abuse"))
    return "abuse"


def _is_automatic(message: EmailMessage, sender: str) -> bool:
    """RFC 3834, and what programs wrote before it. A message without an envelope sender is nobody's own words."""
    said = _header(message, "Auto-Submitted").lower()
    if (said and said != "no") or not sender:
        return True
    if message["X-Autoreply"] or message["X-Autorespond"] or message["X-Auto-Response-Suppress"]:
        return True
    return _header(message, "Precedence").lower() in {"auto_reply", "bulk", "junk"}


def _references(message: EmailMessage) -> Iterator[str]:
    """Message-IDs that say which message this is about: of its thread, and of a message that it returns."""
    for name in ("In-Reply-To", "References"):
        yield from re.findall(r"<[^<>\s]+>", _header(message, name))
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            found = re.search(r"^message-id:\s*(<[^<>\s]+>)", str(part.get_payload()), re.IGNORECASE | re.MULTILINE)
            if found:
                yield found[1]
        elif part is not message and part.get_content_maintype() != "multipart" and part["Message-ID"]:
            yield str(part["Message-ID"]).strip()


def text_of(message: EmailMessage) -> str:
    """The words of a message, as plain text."""
    try:
        part = message.get_body(("plain", "html"))
        text = str(part.get_content()) if part is not None else ""
    except (LookupError, ValueError, AttributeError, KeyError):
        payload = message.get_payload(decode=True)
        return payload.decode("utf-8", "replace")[:LONGEST_TEXT] if isinstance(payload, bytes) else ""
    if part is not None and part.get_content_type() == "text/html":
        broken = re.sub(r"(?i)<(br|/p|/div|/li|/tr|/h\d)\b[^>]*>", "\n", text)
        text = (
            nh3.clean(broken, tags=set())
            .replace("&nbsp;", " ")
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
        )
    return text.replace("\r\n", "\n").replace("\x00", "").strip()[:LONGEST_TEXT]


def own_words(text: str) -> str:
    """What somebody wrote, without our message quoted below it; everything, when that leaves nothing."""
    kept: list[str] = []
    for line in text.splitlines():
        if _QUOTE_BEGINS.match(line.strip()):
            break
        kept.append(line)
    return "\n".join(kept).strip() or text.strip()


def _header(message: EmailMessage, name: str) -> str:
    """A header's text; broken ones give what can be read of them."""
    try:
        return " ".join(str(message.get(name, "")).split())[:998]
    except (ValueError, LookupError, AttributeError):
        return ""


def address_of(author: str) -> str:
    """The bare address of a From header."""
    return parseaddr(author)[1]
