"""Replies go on to the sender's own mailbox, as a message of their own that says where it came from."""

from __future__ import annotations

import logging
import smtplib
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils import timezone

from campaigns.delivery.addresses import in_ascii
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import InboundMessage
from campaigns.outreach.reading import read_message

logger = logging.getLogger(__name__)
_NOT_OURS_TO_KEEP = {
    "from", "to", "cc", "reply-to", "date", "message-id", "received", "return-path", "dkim-signature", "arc-seal",
    "arc-message-signature", "arc-authentication-results", "authentication-results", "auto-submitted", "delivered-to",
    "disposition-notification-to", "x-groundswell-mailing",
}  # fmt: skip


def forward(*, inbound_id: int) -> bool:
    """Send one reply on, once; False when there is nothing to do.

    The row stays locked while it is sent, so two workers send it once. Only a crash between the server's yes and our
    commit repeats it, with the same Message-ID. Raises OSError or SMTPException when the server does not take it.
    """
    with transaction.atomic():
        inbound = InboundMessage.objects.to_forward().select_for_update(skip_locked=True).filter(pk=inbound_id).first()
        if inbound is None:
            return False
        mailing = Mailing.objects.select_related("sender").filter(pk=inbound.mailing_id or 0).first()
        if mailing is not None and mailing.sender is not None:
            to = _mailbox_of(mailing)
            if to.rpartition("@")[2].lower() == settings.RETURN_DOMAIN.lower():
                logger.warning(
                    "a reply to mailing %s was not forwarded: its sender's mailbox is our own return domain", mailing.pk
                )
            else:
                inbound.note = _send(_forwarded(inbound, mailing), to)[:300]
        inbound.forwarded_at = timezone.now()
        inbound.save(update_fields=["forwarded_at", "note"])
    return True


def _forwarded(inbound: InboundMessage, mailing: Mailing) -> bytes:
    """The reply as a message of ours; one that is too broken to be written anew goes as a file, with what can be read of it."""
    try:
        return forwarded(inbound, mailing)
    except Exception:  # anybody may send us anything, and the library raises what it likes
        logger.exception("reply %s is forwarded as a file", inbound.pk)
    reading = read_message(bytes(inbound.raw), sender=inbound.sender)
    message = EmailMessage(policy=SMTP)
    _address(message, inbound, mailing, name="", address=inbound.sender)
    message["Subject"] = reading.subject or "(no subject)"
    message.set_content(f"{reading.author}\n\n{reading.text}")
    message.add_attachment(bytes(inbound.raw), maintype="application", subtype="octet-stream", filename="reply.eml")
    return message.as_bytes()


def forwarded(inbound: InboundMessage, mailing: Mailing) -> bytes:
    """The reply with all its parts, from our own address (so that it passes the checks of the sender's mailbox), answered
    to its author."""
    message: EmailMessage = message_from_bytes(bytes(inbound.raw), policy=SMTP)
    name, address = parseaddr(str(message.get("From", inbound.sender)))
    for header in [header for header in message if header.lower() in _NOT_OURS_TO_KEEP]:
        del message[header]
    _address(message, inbound, mailing, name=name, address=address)
    return message.as_bytes()


def _address(message: EmailMessage, inbound: InboundMessage, mailing: Mailing, *, name: str, address: str) -> None:
    local, _, domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    message["From"] = Address(f"{name or address} via Groundswell", local, domain)
    message["To"] = _mailbox_of(mailing)
    if address:
        message["Reply-To"] = str(Address(name, addr_spec=address)) if address.isascii() else address
    message["Date"] = inbound.received_at
    message["Message-ID"] = f"<reply.{inbound.digest[:32]}@{settings.RETURN_DOMAIN}>"
    message["X-Groundswell-Mailing"] = str(mailing.uid)
    # a vacation program in that mailbox must not answer the author in our name
    message["Auto-Submitted"] = "auto-forwarded"


def _mailbox_of(mailing: Mailing) -> str:
    return in_ascii(mailing.sender.reply_to or mailing.sender.email) if mailing.sender else ""


def _send(raw: bytes, to: str) -> str:
    """Hand the message over; returns what the server said when it will never take it, and raises when it may later."""
    backend = get_connection(settings.EMAIL_BACKEND)
    if not isinstance(backend, EmailBackend):
        raise smtplib.SMTPException("Replies are forwarded by SMTP; EMAIL_BACKEND is another one.")
    backend.open()
    try:
        if backend.connection is None:
            raise smtplib.SMTPServerDisconnected("no connection")
        backend.connection.sendmail(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], [to], raw)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = error.recipients[to]
        if code < 500:
            raise
        logger.warning("a reply cannot be forwarded: its mailbox refuses it")
        return f"not forwarded, {to} said: {code} {said.decode('utf-8', 'replace')}"
    finally:
        backend.close()
    return ""
