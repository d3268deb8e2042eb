"""A sender's address is proven by a mail to it: whoever reads it follows a signed link and says yes by a POST.

Token: base64url( sender uid, address digest, expiry ) "." key id "." base64url( MAC ). It holds for one address of one
sender until it expires, so nothing needs to be kept, and a changed address makes the old link worthless.
"""

from __future__ import annotations

import binascii
import hashlib
import logging
import smtplib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.models import Sender
from crm import base64url
from crm.accounts.models import Installation, User
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict, Unavailable, WrongState
from crm.keyring import sign, verify

logger = logging.getLogger(__name__)

PURPOSE = "sender"
VALID = timedelta(days=7)
PAUSE = timedelta(minutes=1)
_BODY = struct.Struct(">16s8sI")


@dataclass(frozen=True)
class Proof:
    """What a link says, if we made it."""

    sender: Sender
    expires_at: datetime

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


def _digest(email: str) -> bytes:
    return hashlib.sha256(email.lower().encode()).digest()[:8]


def confirmation_url(sender: Sender, *, expires_at: datetime) -> str:
    """The absolute address of the page on which the reader of the sender's address says yes."""
    body = _BODY.pack(sender.uid.bytes, _digest(sender.email), int(expires_at.timestamp()))
    key_id, mac = sign(PURPOSE, body)
    token = f"{base64url.encode(body)}.{key_id}.{base64url.encode(mac)}"
    return settings.BASE_URL + reverse("sender_confirm", args=[token])


def read_token(token: str) -> Proof | None:
    """The sender that a link is for; None when we did not make it, or when its address has changed since."""
    try:
        encoded, key_id, encoded_mac = token.split(".")
        body, mac = base64url.decode(encoded), base64url.decode(encoded_mac)
    except (ValueError, binascii.Error):
        return None
    if len(body) != _BODY.size or not verify(PURPOSE, body, key_id, mac):
        return None
    uid, digest, expiry = _BODY.unpack(body)
    sender = Sender.objects.select_related("confirmation_asked_by").filter(uid=UUID(bytes=uid)).first()
    if sender is None or sender.archived_at or _digest(sender.email) != digest:
        return None
    return Proof(sender, datetime.fromtimestamp(expiry, tz=UTC))


def ask_to_confirm(*, sender: Sender, actor: User) -> Sender:
    """Mail the link to the sender's address. Unavailable when the mail cannot leave: the sender is kept, unconfirmed."""
    if sender.is_confirmed:
        raise WrongState(_("%(email)s is confirmed already.") % {"email": sender.email})
    if sender.confirmation_sent_at and timezone.now() - sender.confirmation_sent_at < PAUSE:
        raise Conflict(
            _("A mail went to %(email)s less than a minute ago. Look into its inbox before you send another.")
            % {"email": sender.email},
            code="mail_just_sent",
        )
    expires_at = timezone.now() + VALID
    context = {
        "sender": sender,
        "actor": actor,
        "organization": str(Installation.current()),
        "link": confirmation_url(sender, expires_at=expires_at),
        "until": expires_at,
    }
    try:
        send_mail(
            subject=_("May Groundswell send mail from %(email)s?") % {"email": sender.email},
            message=render_to_string("campaigns/mailings/mail/sender_confirmation.txt", context),
            from_email=settings.DEFAULT_FROM_EMAIL,
            recipient_list=[sender.email],
        )
    except (OSError, smtplib.SMTPException) as error:
        logger.error("The confirmation of sender %s could not be mailed: %s", sender.uid, error)
        raise Unavailable(
            _(
                "The confirmation mail to %(email)s could not be sent, because the mail server does not take it."
                " The sender is kept; send the mail again when the server answers."
            )
            % {"email": sender.email},
            code="mail_not_sent",
        ) from error
    with transaction.atomic():
        sender.confirmation_sent_at, sender.confirmation_asked_by = timezone.now(), actor
        sender.save(update_fields=["confirmation_sent_at", "confirmation_asked_by", "updated_at"])
        record(verb="sender.confirmation_sent", target=sender, actor=actor, summary=sender.email)
    return sender


def confirm(*, token: str) -> Sender:
    """The reader of the address says yes. Twice is once; Conflict when the link is old, broken or for another address."""
    proof = read_token(token)
    if proof is None or (proof.is_expired and not proof.sender.is_confirmed):
        raise Conflict(_("This link cannot be used any more. Ask for a new one."), code="link_closed")
    with transaction.atomic():
        sender = Sender.objects.select_for_update().get(pk=proof.sender.pk)
        if sender.is_confirmed:
            return sender
        if _digest(sender.email) != _digest(proof.sender.email):  # changed between the two looks
            raise Conflict(_("This link cannot be used any more. Ask for a new one."), code="link_closed")
        sender.confirmed_email, sender.confirmed_at = sender.email, timezone.now()
        sender.save(update_fields=["confirmed_email", "confirmed_at", "updated_at"])
        record(
            verb="sender.confirmed",
            target=sender,
            door=Door.LINK,
            summary=sender.email,
            changes=[("confirmed_email", "", sender.email)],
        )
    return sender
