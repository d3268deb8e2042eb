"""Further addresses of an officer: added, proven by a signed link that is mailed there, and taken away.

Only the officer, signed in, can use the link: neither who reads the mailbox alone nor who knows the account alone is enough.
Token: base64url( uid ) "." key id "." base64url( MAC over uid and address ).
"""

from __future__ import annotations

import binascii
import logging
import smtplib
from datetime import timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.dropbox.addresses import key_of, own_addresses, read_dropbox
from campaigns.dropbox.models import OwnAddress
from contacts.directory.models import ContactPoint
from crm import base64url
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed, Unavailable
from crm.keyring import sign, verify
from crm.limits import allow

logger = logging.getLogger(__name__)
PURPOSE, MOST, VALID, PAUSE = "own-address", 10, timedelta(days=7), timedelta(minutes=1)
# By officer, and to one address: counted outside of the row, which can be taken away.
ASKED_A_DAY, LETTERS_A_DAY = 20, 3


def add_own_address(*, actor: User, address: str) -> OwnAddress:
    """Mail the link to it. Twice is once, and another mail after a minute. Invalid, with the reason, for what cannot be one's own."""
    if not actor.may(Action.LOG):
        raise NotAllowed(_("Your role does not let you log contacts, so there is nothing to drop. Nothing was saved."))
    if not allow("own-address", str(actor.uid), limit=ASKED_A_DAY, seconds=86_400):
        raise Invalid(_("That is enough for today. Nothing is lost: please come back tomorrow."), field="address")
    address, key = address.strip()[:320], key_of(address)
    if not key or read_dropbox(key) is not None:
        raise Invalid(
            _("“%(address)s” is no address that mail can go to. Nothing was saved.") % {"address": address},
            field="address",
        )
    if key in own_addresses(actor):
        raise Invalid(_("That address is known as yours already."), field="address")
    _refuse_anothers(key, actor)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        known = OwnAddress.objects.filter(user=actor, address_key=key).first()
        if known is None and OwnAddress.objects.filter(user=actor).count() >= MOST:
            raise Invalid(_("Ten addresses are the most. Take one away first."), field="address")
        if known is not None and timezone.now() - known.asked_at < PAUSE:
            return known
        if not allow("own-address-letter", key, limit=LETTERS_A_DAY, seconds=86_400):
            raise Invalid(_("That is enough for today. Nothing is lost: please come back tomorrow."), field="address")
        row = known or OwnAddress(user=actor, address=address, address_key=key)
        row.asked_at = timezone.now()
        row.save()
        if known is None:
            record(verb="ownaddress.added", target=row, actor=actor, changes=[("address", None, address)])
    _mail(row, actor)  # after the commit: a slow mail server keeps no lock
    return row


def _refuse_anothers(key: str, actor: User) -> None:
    """One sentence for the directory and for colleagues: who is known is not told."""
    theirs = User.objects.exclude(pk=actor.pk)
    is_taken = (
        ContactPoint.objects.emails().filter(address_key=key).exists()
        or theirs.filter(email__iexact=key).exists()
        or EmailAddress.objects.exclude(user_id=actor.pk).filter(email__iexact=key, verified=True).exists()
        or OwnAddress.objects.exclude(user=actor).filter(address_key=key, confirmed_at__isnull=False).exists()
    )
    if is_taken:
        raise Invalid(_("That address cannot be yours here. Nothing was saved."), field="address")


def _mail(row: OwnAddress, actor: User) -> None:
    context = {"row": row, "actor": actor, "organization": str(Installation.current()), "link": link_of(row)}
    try:
        send_mail(
            subject=_("Is this address yours too?"),
            message=render_to_string("campaigns/dropbox/mail/own_address.txt", context),
            from_email=settings.DEFAULT_FROM_EMAIL,
            recipient_list=[row.address],
        )
    except (OSError, smtplib.SMTPException) as error:
        OwnAddress.objects.filter(pk=row.pk).update(asked_at=row.asked_at - PAUSE)  # asking again needs no pause
        logger.error("The link for own address %s could not be mailed: %s", row.uid, error)
        raise Unavailable(
            _(
                "No mail can leave at the moment. The address waits in your list: add it again later, and the link is sent."
            ),
            code="mail_not_sent",
        ) from error


def link_of(row: OwnAddress) -> str:
    key_id, mac = sign(PURPOSE, _body(row))
    token = f"{base64url.encode(row.uid.bytes)}.{key_id}.{base64url.encode(mac)}"
    return settings.BASE_URL + f"{reverse('own_address_confirm')}?link={token}"


def _body(row: OwnAddress) -> bytes:
    return row.uid.bytes + row.address_key.encode()


def read_link(token: str, user: User) -> OwnAddress | None:
    """The user's address that a link is for; None when we did not make it, when it is a week old, or when it was taken away."""
    try:
        encoded, key_id, encoded_mac = token.split(".")
        uid, mac = UUID(bytes=base64url.decode(encoded)), base64url.decode(encoded_mac)
    except (ValueError, binascii.Error):
        return None
    row = OwnAddress.objects.filter(uid=uid, user=user).first()
    if row is None or not verify(PURPOSE, _body(row), key_id, mac):
        return None
    return row if row.confirmed_at or timezone.now() - row.asked_at < VALID else None


def confirm_own_address(*, token: str, actor: User) -> OwnAddress:
    """It is the officer's from now on. Twice is once; Conflict when the link is too old or not ours, or a colleague was quicker."""
    row = read_link(token, actor)
    if row is None:
        raise Conflict(_("This link cannot be used any more. Add the address again."), code="link_closed")
    if row.confirmed_at:
        return row
    _refuse_anothers(row.address_key, actor)
    try:
        with transaction.atomic():
            row = OwnAddress.objects.select_for_update().get(pk=row.pk)
            if row.confirmed_at is None:
                row.confirmed_at = timezone.now()
                row.save(update_fields=["confirmed_at"])
                changes = [("confirmed_at", None, row.confirmed_at.isoformat())]
                record(verb="ownaddress.confirmed", target=row, actor=actor, changes=changes)
    except IntegrityError as error:
        raise Conflict(_("That address cannot be yours here. Nothing was saved."), code="taken") from error
    return row


def remove_own_address(*, row: OwnAddress, actor: User) -> AuditEntry | None:
    """What comes from it waits again. None when it is gone already."""
    with transaction.atomic():
        held = OwnAddress.objects.select_for_update().filter(pk=row.pk, user=actor).first()
        if held is None:
            return None
        entry = record(verb="ownaddress.removed", target=held, actor=actor, changes=[("address", held.address, None)])
        held.delete()
        return entry
