"""What the characters of the mailbox write: bounces, replies, vacation notes, complaints; in their standards' forms."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr

HOST = "mailbox.test"


@dataclass(frozen=True)
class Letter:
    """A message and its envelope."""

    sender: str
    recipient: str
    raw: bytes


Writer = Callable[[EmailMessage, str, str], Letter | None]  # original, its envelope sender, its recipient


def bounce(original: EmailMessage, sender: str, recipient: str) -> Letter:
    return _status_notification(original, sender, recipient, "5.1.1", "550 5.1.1 No such mailbox here")


def soft_bounce(original: EmailMessage, sender: str, recipient: str) -> Letter:
    return _status_notification(original, sender, recipient, "4.2.2", "452 4.2.2 The mailbox is full")


def _status_notification(original: EmailMessage, sender: str, recipient: str, status: str, said: str) -> Letter:
    """RFC 3464, from the empty envelope sender, with the original's headers."""
    text = (
        f"This is the mail system at {HOST}.\n\nYour message could not be delivered to\n\n    {recipient}\n\n"
        f"because its server said: {said}\n"
    )
    report = (
        f"Reporting-MTA: dns; {HOST}\r\nArrival-Date: {format_datetime(datetime.now(UTC))}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Remote-MTA: dns; {HOST}\r\nDiagnostic-Code: smtp; {said}\r\n"
    )
    message = _report("delivery-status", "Undelivered mail returned to sender", "Mail delivery system", text, report)
    message["To"] = sender
    headers = EmailMessage(policy=SMTP)
    headers.set_content("".join(f"{k}: {v}\r\n" for k, v in original.items()), subtype="rfc822-headers")
    message.attach(headers)
    return Letter("", sender, message.as_bytes())


def complaint(original: EmailMessage, sender: str, recipient: str) -> Letter:
    """RFC 5965, the form in which providers report what their users called spam."""
    text = f"This is a report about a message that {recipient} marked as unwanted."
    report = (
        "Feedback-Type: abuse\r\nUser-Agent: Groundswell-mailbox/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: {sender}\r\nOriginal-Rcpt-To: {recipient}\r\n"
    )
    message = _report("feedback-report", "Complaint about a message", "Feedback loop", text, report)
    message["To"] = sender
    headers = EmailMessage(policy=SMTP)
    headers.set_content("".join(f"{k}: {v}\r\n" for k, v in original.items()), subtype="rfc822-headers")
    message.attach(headers)
    return Letter("", sender, message.as_bytes())


def _report(kind: str, subject: str, author: str, text: str, report: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(author, "mailer-daemon", HOST)
    message["Subject"] = subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=HOST)
    message["Auto-Submitted"] = "auto-replied"
    message["MIME-Version"] = "1.0"
    message.make_mixed()
    message.replace_header("Content-Type", f"multipart/report; report-type={kind}")
    human = EmailMessage(policy=SMTP)
    human.set_content(text)
    message.attach(human)
    machine = EmailMessage(policy=SMTP)
    machine["Content-Type"] = f"message/{kind}"
    machine.set_payload([message_from_string(block, policy=SMTP) for block in report.split("\r\n\r\n")])
    message.attach(machine)
    return message


REPLIES = {
    "en": [
        "Dear colleagues,\n\nThank you for this. We would like to know more about the pilot scheme for informal workers, "
        "and could meet next week. Whom should my office call?",
        "Thank you. I have passed this on to our social protection unit. Please send the background paper as well.",
        "Thanks for the information. We are preparing our budget proposal and the figures for our region would help us.",
    ],
    "fr": [
        "Chers collègues,\n\nMerci pour ce message. Nous souhaitons en savoir plus sur l’extension aux travailleurs de "
        "l’économie informelle. Pouvons-nous en parler la semaine prochaine ?",
        "Merci beaucoup. J’ai transmis votre message à la direction de la protection sociale.",
    ],
    "es": ["Estimados colegas:\n\nMuchas gracias. Nos interesa conocer la experiencia de Costa Rica. ¿Podemos hablar?"],
    "ar": ["السادة الزملاء،\n\nشكرا على رسالتكم. نود معرفة المزيد عن تجربة تونس. هل يمكننا التحدث الأسبوع المقبل؟"],
}


def reply(original: EmailMessage, sender: str, recipient: str) -> Letter | None:
    """A person's answer to Reply-To, in the message's language, quoting its first lines."""
    texts = REPLIES.get(_language(original), REPLIES["en"])
    text = texts[zlib.crc32(recipient.encode()) % len(texts)]
    return _answer(original, recipient, text)


def _language(message: EmailMessage) -> str:
    """What the message says of itself: Content-Language (RFC 3282) of it or a part, else the HTML's lang."""
    for part in message.walk():
        if part["Content-Language"]:
            return str(part["Content-Language"]).split("-")[0].strip().lower()
    html = message.get_body(("html",))
    said = re.search(r'<html[^>]*\slang="([a-zA-Z]+)', html.get_content() if html else "")
    return said[1].lower() if said else "en"


def vacation(original: EmailMessage, sender: str, recipient: str) -> Letter | None:
    """An automatic reply that says so (RFC 3834)."""
    letter = "I am travelling until Monday and will read your message when I am back. This is an automatic reply."
    return _answer(
        original, recipient, letter, {"Auto-Submitted": "auto-replied", "Precedence": "bulk"}, "Out of office: "
    )


def _answer(
    original: EmailMessage, recipient: str, text: str, headers: dict[str, str] | None = None, prefix: str = "Re: "
) -> Letter | None:
    to = parseaddr(str(original.get("Reply-To") or original.get("From") or ""))[1]
    if not to:
        return None
    name = parseaddr(str(original.get("To", "")))[0]
    message = EmailMessage(policy=SMTP)
    local, _, domain = recipient.rpartition("@")
    message["From"] = Address(name, local, domain)
    message["To"] = to
    message["Subject"] = prefix + str(original.get("Subject", ""))
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=HOST)
    if original["Message-ID"]:
        message["In-Reply-To"] = message["References"] = str(original["Message-ID"]).strip()
    for header, value in (headers or {}).items():
        message[header] = value
    body = original.get_body(("plain",))
    quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines()[:12])
    wrote = f"\n\n{original.get('From', '')} wrote:\n{quoted}" if quoted else ""
    signed = f"\n\n{name}" if name else ""
    message.set_content(text + signed + wrote)
    return Letter(recipient, to, message.as_bytes())


WRITERS: dict[str, Writer] = {
    "bounce": bounce,
    "softbounce": soft_bounce,
    "reply": reply,
    "vacation": vacation,
    "complain": complaint,
}
