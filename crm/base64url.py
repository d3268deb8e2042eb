"""base64url without padding (RFC 4648, section 5), in its one canonical form: what stands in links and cursors."""

from __future__ import annotations

import base64


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Raises ValueError (binascii.Error is one) for anything that `encode` would not have written."""
    data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(data) != text:
        raise ValueError("not in the one canonical form")
    return data
