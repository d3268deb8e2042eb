"""What an inbound message means to us: its verdict, somebody's words, and which message of ours it is about. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.delivery.models import Feedback
from campaigns.outreach.mail import classify, freeform, verdict
from campaigns.outreach.mail.addresses import all_in
from campaigns.outreach.mail.parts import Part, parse
from campaigns.outreach.mail.reports import STATUS_TYPES, read_blocks
from campaigns.outreach.models import InboundMessage

Kind = InboundMessage.Kind
LONGEST_TEXT = 50_000
_FEEDBACK = {
    verdict.Kind.HARD: Feedback.Kind.HARD_BOUNCE,
    verdict.Kind.SOFT: Feedback.Kind.SOFT_BOUNCE,
    verdict.Kind.COMPLAINT: Feedback.Kind.COMPLAINT,
}
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,500}>")
_QUOTE_BEGINS = re.compile(
    r"^(>|-{2,} ?(original message|message d’origine|message d'origine|mensaje original|mensagem original)|_{10,}|(on|le|el|em|في) .{4,120}"
    r"(wrote|a écrit|escribió|كتب|escreveu) ?:|.{1,120} (wrote|a écrit|escribió|كتب|escreveu) ?:)",
    re.IGNORECASE,
)
# Where a server writes the envelope of the message that it received, or that it returns.
_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "To", "Cc")
_RETURNED = ("Return-Path", "X-Original-Return-Path", "Envelope-From", "X-Envelope-From", "Sender", "Reply-To")
_REPORTED = ("x-postfix-sender", "original-mail-from", "original-envelope-from", "x-original-mail-from")


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
    envelopes: tuple[str, ...] = ()  # addresses in places where a return path of ours may stand
    note: str = ""


def read_message(raw: bytes, *, sender: str | None) -> Reading:
    """Read one message. sender: its envelope sender; empty for notifications, None where it is not known."""
    message = parse(raw)
    sender = classify.envelope_sender(message) if sender is None else sender
    found = classify.verdict_of(message, raw, sender=sender)
    returned = freeform.returned(message)
    return Reading(
        kind=_kind(found, sender),
        feedback=None if found.is_delay else _FEEDBACK.get(found.kind),
        status=found.status,
        reason=found.reason or found.status,
        author=message.get("From")[:998],
        subject=message.get("Subject")[:998],
        text=classify.text_of(message).replace("\r\n", "\n").strip()[:LONGEST_TEXT],
        about=tuple(dict.fromkeys(_references(message, returned))),
        envelopes=tuple(dict.fromkeys(_envelopes(message, returned))),
        note="a server says that it is still trying" if found.is_delay else found.note,
    )


def _kind(found: verdict.Verdict, sender: str | None) -> Kind:
    """A message that came to an address of ours is somebody's words also where nothing in it says what it answers."""
    if found.kind in (verdict.Kind.HARD, verdict.Kind.SOFT) and not found.is_delay:
        return Kind.BOUNCE
    if found.kind == verdict.Kind.COMPLAINT:
        return Kind.COMPLAINT
    personal = found.kind == verdict.Kind.NONE and found.is_personal and sender != ""
    return Kind.REPLY if personal or found.kind == verdict.Kind.REPLY else Kind.AUTO


def _references(message: Part, returned: Part | None) -> Iterator[str]:
    """Message-IDs that say which message this is about: of its thread, and of a message that it returns."""
    for name in ("In-Reply-To", "References"):
        yield from _MESSAGE_ID.findall(message.get(name))
    if returned is not None:
        yield from _MESSAGE_ID.findall(returned.get("Message-ID"))
    for part in message.of_type("message/disposition-notification", *STATUS_TYPES, "message/feedback-report"):
        for block in read_blocks(part)[:1]:
            yield from _MESSAGE_ID.findall(block.get("original-message-id", ""))


def _envelopes(message: Part, returned: Part | None) -> Iterator[str]:
    """Addresses where servers write to whom a message went, or from whom the one that it returns came."""
    for part, names in ((message, _TO), (returned, _RETURNED)):
        for name in names if part is not None else ():
            for value in part.all(name) if part is not None else ():
                yield from (address for _at, address in all_in(value))
    for part in message.of_type(*STATUS_TYPES, "message/feedback-report"):
        for block in read_blocks(part)[:3]:
            for name in _REPORTED:
                yield from (address for _at, address in all_in(block.get(name, "")))


def own_words(text: str) -> str:
    """What somebody wrote, without our message quoted below it; everything, when that leaves nothing."""
    kept: list[str] = []
    for line in text.splitlines():
        if _QUOTE_BEGINS.match(line.strip()[:400]):
            break
        kept.append(line)
    return "\n".join(kept).strip() or text.strip()
