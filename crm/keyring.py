"""Message authentication with rotating keys: the first key of a ring signs, every key verifies.

HMAC-SHA-256 (RFC 2104), truncated to 16 bytes; the purpose is part of what is signed, so a token made for one
use is worthless for another.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

from django.conf import settings

MAC_BYTES = 16
_BLOCK = 64  # bytes of a SHA-256 block
_INNER, _OUTER = bytes(b ^ 0x36 for b in range(256)), bytes(b ^ 0x5C for b in range(256))


@lru_cache(maxsize=256)
def _begun(key: bytes, purpose: str) -> tuple[Any, Any]:
    """The two hashes of HMAC as far as key and purpose go: a message is signed half a dozen times with the same ones."""
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(padded.translate(_INNER) + purpose.encode() + b"\0")
    return inner, hashlib.sha256(padded.translate(_OUTER))


def _mac(key: bytes, purpose: str, message: bytes) -> bytes:
    begun = _begun(key, purpose)
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    mac: bytes = outer.digest()[:MAC_BYTES]
    return mac


def newest() -> tuple[str, bytes]:
    """(key id, key) that signs."""
    return next(iter(settings.TRACKING_KEYS.items()))


def sign(purpose: str, message: bytes, by: tuple[str, bytes] | None = None) -> tuple[str, bytes]:
    """(key id, MAC) by the newest of TRACKING_KEYS. by: that key, for those who sign often and look it up once."""
    key_id, key = by or newest()
    return key_id, _mac(key, purpose, message)


def verify(purpose: str, message: bytes, key_id: str, mac: bytes) -> bool:
    """Whether `mac` was made by us for this purpose; False for an unknown key id."""
    key = settings.TRACKING_KEYS.get(key_id)
    return key is not None and hmac.compare_digest(_mac(key, purpose, message), mac)
