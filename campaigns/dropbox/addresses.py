"""An officer's secret address, and those from which they may write to it.

`d.` and base32 without case, as the other addresses at RETURN_DOMAIN (campaigns/delivery/addresses.py): the uid of its row and a MAC,
cut to ten bytes so that the local part keeps within 64 characters (RFC 5321, 4.5.3.1.1).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings

from campaigns.dropbox.models import Dropbox, OwnAddress
from contacts.consent.addresses import address_key
from contacts.directory.models import ContactPoint
from crm.accounts.models import User
from crm.errors import Invalid
from crm.keyring import sign, signer

KIND, PURPOSE, MAC = "d", "dropbox", 10


def address_of(dropbox: Dropbox) -> str:
    key_id, mac = sign(PURPOSE, dropbox.uid.bytes)
    name = key_id.encode()
    body = bytes((len(name),)) + name + dropbox.uid.bytes + mac[:MAC]
    return f"{KIND}.{base64.b32encode(body).decode().lower().rstrip('=')}@{settings.RETURN_DOMAIN}"


def read_dropbox(text: str) -> UUID | None:
    """The uid of the dropbox that an address is of, or None when we did not make it."""
    local, _at, domain = text.strip().strip("<>").lower().rpartition("@")
    kind, dot, token = local.partition(".")
    if kind != KIND or not dot or domain != settings.RETURN_DOMAIN.lower():
        return None
    try:
        data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        key_id, rest = data[1 : 1 + data[0]].decode("ascii"), data[1 + data[0] :]
    except (binascii.Error, IndexError, ValueError):
        return None
    key = settings.TRACKING_KEYS.get(key_id)
    if key is None or len(rest) != 16 + MAC:
        return None
    is_ours = hmac.compare_digest(signer(key, PURPOSE)(rest[:16])[:MAC], rest[16:])
    return UUID(bytes=rest[:16]) if is_ours else None


def own_addresses(user: User) -> set[str]:
    """Normal forms of the addresses that are known to be the officer's: that of the account, and those that they confirmed. One that stands
    in the directory by now is the contact's."""
    rows = EmailAddress.objects.filter(user_id=user.pk, verified=True).values_list("email", flat=True)
    further = OwnAddress.objects.filter(user=user, confirmed_at__isnull=False).values_list("address_key", flat=True)
    contacts = ContactPoint.objects.emails().filter(address_key__in=further).values_list("address_key", flat=True)
    return {key for address in (user.email, *rows) if (key := key_of(address))} | (set(further) - set(contacts))


def key_of(address: str) -> str:
    """The one normal form; empty for what is no address."""
    try:
        return address_key(address)
    except Invalid:
        return ""
