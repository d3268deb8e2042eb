"""Message authentication with rotating keys: the first key of a ring signs, every key verifies.

HMAC-SHA-256 (RFC 2104), truncated to 16 bytes; the purpose is part of what is signed, so a token made for one
use is worthless for another.
"""

import hmac

from django.conf import settings

MAC_BYTES = 16


def _mac(key: bytes, purpose: str, message: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + message, "sha256")[:MAC_BYTES]


def sign(purpose: str, message: bytes) -> tuple[str, bytes]:
    """(key id, MAC) by the newest of TRACKING_KEYS."""
    key_id, key = next(iter(settings.TRACKING_KEYS.items()))
    return key_id, _mac(key, purpose, message)


def verify(purpose: str, message: bytes, key_id: str, mac: bytes) -> bool:
    """Whether `mac` was made by us for this purpose; False for an unknown key id."""
    key = settings.TRACKING_KEYS.get(key_id)
    return key is not None and hmac.compare_digest(_mac(key, purpose, message), mac)
