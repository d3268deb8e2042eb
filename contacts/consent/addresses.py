"""One normal form and one keyed hash for e-mail addresses, on every road in: screens, imports, COPY, suppressions."""

import re
import unicodedata

import idna
from django.conf import settings

from crm.errors import Invalid
from crm.keyring import hasher

# white space, control characters, and what makes two addresses or a comment of one in a header: quoted names do not exist in practice
_NOT_IN_ADDRESSES = re.compile(r"[\s\x00-\x1f,;:<>()\[\]\\\"]")


def address_key(address: str) -> str:
    """Normal form: trimmed, composed (NFC), casefolded, domain as IDNA 2008 A-labels. Dots and +tags are kept: they may matter to the host.

    Raises Invalid for what cannot be an address (no @, empty parts, white space, control or special characters, over 254 characters).
    """
    text = address.strip()
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or len(text) > 254 or "@" in local or _NOT_IN_ADDRESSES.search(text):
        raise Invalid(f"“{address[:80]}” is not an e-mail address.", code="bad_address")
    if text.isascii():
        return f"{local.lower()}@{domain.lower().strip('.')}"
    try:
        ascii_domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise Invalid(f"“{domain[:80]}” is not a domain that mail can go to.", code="bad_address") from None
    # the same letters typed on another machine may come decomposed, and must find their suppression all the same
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    return f"{name}@{ascii_domain.strip('.')}"


def address_hash(key: str, *, key_id: str | None = None) -> bytes:
    """HMAC-SHA-256 of an address's normal form, with the newest of ADDRESS_KEYS or the one named."""
    secret = settings.ADDRESS_KEYS[key_id] if key_id else next(iter(settings.ADDRESS_KEYS.values()))
    return hasher(secret)(key.encode())


def address_hashes(key: str) -> list[bytes]:
    """The hash by every key of the ring, newest first: to look up what an older key wrote."""
    return [address_hash(key, key_id=key_id) for key_id in settings.ADDRESS_KEYS]
