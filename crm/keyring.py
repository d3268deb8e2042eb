"""Message authentication with rotating keys: the first key of a ring signs, every key verifies.

HMAC-SHA-256 (RFC 2104), truncated to 16 bytes; the purpose is part of what is signed, so a token made for one
use is worthless for another.
"""

import binascii
import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings

from crm import base64url

MAC_BYTES = 16
_BLOCK = 64  # bytes of a SHA-256 block
_INNER, _OUTER = bytes(b ^ 0x36 for b in range(256)), bytes(b ^ 0x5C for b in range(256))


Begin = Callable[[], Any]  # a hash to go on with


@lru_cache(maxsize=256)
def begun(key: bytes, purpose: str) -> tuple[Begin, Begin]:
    """HMAC's inner and outer hash, as far as key and purpose go."""
    return _begun(key, purpose.encode() + b"\0")


def _begun(key: bytes, first: bytes) -> tuple[Begin, Begin]:
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return hashlib.sha256(padded.translate(_INNER) + first).copy, hashlib.sha256(padded.translate(_OUTER)).copy


@lru_cache(maxsize=256)
def hasher(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 as it is, whole and without a purpose, with its two blocks of key hashed once: a file asks it for each of its addresses."""
    begin_inner, begin_outer = _begun(key, b"")

    def digest(message: bytes) -> bytes:
        inner, outer = begin_inner(), begin_outer()
        inner.update(message)
        outer.update(inner.digest())
        return bytes(outer.digest())

    return digest


@lru_cache(maxsize=256)
def signer(key: bytes, purpose: str) -> Callable[[bytes], bytes]:
    """The function from a message to its MAC, with HMAC begun as far as key and purpose go: mail is signed half a dozen times."""
    begin_inner, begin_outer = begun(key, purpose)

    def mac(message: bytes) -> bytes:
        inner, outer = begin_inner(), begin_outer()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]

    return mac


def newest() -> tuple[str, bytes]:
    """(key id, key) that signs."""
    return next(iter(settings.TRACKING_KEYS.items()))


def sign(purpose: str, message: bytes) -> tuple[str, bytes]:
    """(key id, MAC) by the newest of TRACKING_KEYS."""
    key_id, key = newest()
    return key_id, signer(key, purpose)(message)


def verify(purpose: str, message: bytes, key_id: str, mac: bytes) -> bool:
    """Whether `mac` was made by us for this purpose; False for an unknown key id."""
    key = settings.TRACKING_KEYS.get(key_id)
    return key is not None and hmac.compare_digest(signer(key, purpose)(message), mac)


def seal(purpose: str, body: bytes) -> str:
    """What stands in a signed link: base64url(body) "." key id "." base64url(MAC)."""
    key_id, mac = sign(purpose, body)
    return f"{base64url.encode(body)}.{key_id}.{base64url.encode(mac)}"


def unseal(purpose: str, token: str) -> bytes | None:
    """What was sealed for this purpose; None for anything that we did not make, however broken."""
    try:
        encoded, key_id, encoded_mac = token.split(".")
        body, mac = base64url.decode(encoded), base64url.decode(encoded_mac)
    except (ValueError, binascii.Error):
        return None
    return body if verify(purpose, body, key_id, mac) else None
