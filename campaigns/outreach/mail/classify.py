"""One message → one verdict. Forms for programs are believed first, then what programs write in words, then what people do."""

from __future__ import annotations

from campaigns.outreach.mail import automatic, freeform, reports
from campaigns.outreach.mail.parts import Part, parse
from campaigns.outreach.mail.verdict import Kind, Verdict


def classify(raw: bytes, *, sender: str | None = None) -> Verdict:
    """What a message is. sender: of the envelope, "" for notifications; None: as Return-Path says, if it does.

    Any bytes have an answer. Nothing is looked up and nothing is changed.
    """
    message = parse(raw)
    return verdict_of(message, raw, sender=envelope_sender(message) if sender is None else sender.strip().strip("<>"))


def envelope_sender(message: Part) -> str | None:
    """The Return-Path that the last server wrote; None where none did."""
    return message.get("Return-Path").strip().strip("<>").strip() if message.has("Return-Path") else None


def verdict_of(message: Part, raw: bytes, *, sender: str | None) -> Verdict:
    if not any(
        message.has(name) for name in ("From", "Subject", "To", "Date", "Message-ID", "Content-Type", "Return-Path")
    ):
        return Verdict(Kind.NONE, note="no message")
    return (
        reports.feedback(message)
        or reports.delivery_status(message)
        or reports.disposition(message)
        or reports.other_report(message)
        or _in_words(message, raw, sender=sender)
    )


def _in_words(message: Part, raw: bytes, *, sender: str | None) -> Verdict:
    text = text_of(message)
    if not automatic.says_away(message) or message.has("X-Failed-Recipients"):
        notice = freeform.read_notice(message, raw) if freeform.is_notice(message, sender=sender) else None
        if notice is not None:
            return notice
    if automatic.is_list_mail(message):
        return Verdict(Kind.NONE, note="sent to many")
    if automatic.is_automatic(message, sender=sender, text=text):
        return Verdict(Kind.AUTO_REPLY)
    if automatic.is_answer(message):
        return Verdict(Kind.REPLY)
    return Verdict(Kind.NONE, is_personal=bool(text.strip()) and message.has("From"))


def text_of(message: Part) -> str:
    """What somebody wrote: the first plain part with words, else the first of HTML."""
    if not message.parts:
        return message.text if message.type.startswith("text/") else ""
    for kind in ("text/plain", "text/html"):
        for part in message.of_type(kind):
            if "attachment" not in part.get("Content-Disposition").lower() and (text := part.text).strip():
                return text
    return ""
