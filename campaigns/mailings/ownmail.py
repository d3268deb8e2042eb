"""The installation's own mail (sign-in links, invitations, confirmations, notices): by the transport that takes it, else by EMAIL_URL.

EMAIL_URL knows a password only. A transport may sign in with a token, or be a mailing service, so whoever has nothing else needs no second
account. This is Django's SMTP backend with another way to open its connection: whoever sends, and what may be raised, stays the same.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.db import connection
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import is_reserved
from campaigns.mailings.models import Transport
from campaigns.mailings.transports import send_one, signed_in
from crm.errors import DomainError


def own_transport() -> Transport | None:
    """The transport by which the installation's own mail leaves; None: by EMAIL_URL."""
    return Transport.objects.filter(takes_own_mail=True, archived_at__isnull=True).first()


class _ByService:
    """A mailing service in the place of a connection: as much of one as Django's backend uses."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def sendmail(self, sender: str, recipients: Sequence[str], message: bytes) -> None:
        """Once, to all whom its header names."""
        send_one(self.transport, sender=sender, to=recipients[0], message=message)

    def quit(self) -> None:
        """A call has no end of its own."""

    close = quit


class EmailBackend(smtp.EmailBackend):
    """SMTPException, with a plain sentence, when a transport does not take it."""

    transport: Transport | None = None
    connection: Any

    def open(self) -> bool | None:
        if self.connection:
            return False
        self.transport = own_transport()
        if self.transport is None:
            return super().open()
        try:
            self.connection = _connected(self.transport)
        except DomainError as error:
            if not self.fail_silently:
                raise smtplib.SMTPException(error.message) from error
            return None
        return True

    def _send(self, email_message: EmailMessage) -> bool:
        if why := self._refusal(email_message):
            return self._failed(why)
        try:
            return bool(super()._send(email_message))  # type: ignore[misc]  # Django's own, which its types do not name
        except DomainError as error:  # a service's no
            return self._failed(error.message)

    def _refusal(self, email_message: EmailMessage) -> str:
        """Why the transport is not to have this; empty when it is, or when there is none."""
        if self.transport is None or self.transport.kind == Transport.Kind.LOCAL:
            return ""
        for to in email_message.recipients():
            if is_reserved(to.rpartition("@")[2]):
                said = _("%(address)s is a made-up address, and this transport is real, so nothing was sent.")
                return said % {"address": to}
        # a service is told whom the header names
        if self.transport.kind == Transport.Kind.SERVICE and email_message.bcc:
            return _("A mailing service sends no hidden copies of Groundswell’s own mail.")
        return ""

    def _failed(self, why: str) -> bool:
        if self.fail_silently:
            return False
        raise smtplib.SMTPException(why)


def _connected(transport: Transport) -> Any:
    if transport.kind == Transport.Kind.SERVICE:
        return _ByService(transport)
    if transport.by_token and connection.in_atomic_block:
        # A token that is renewed must be kept whatever becomes of the caller's work: so by a connection that is not in its transaction.
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(_signed_in_beside, transport).result()
    return signed_in(transport)


def _signed_in_beside(transport: Transport) -> Any:
    try:
        return signed_in(transport)
    finally:
        connection.close()
