"""Signed addresses at RETURN_DOMAIN, and what else makes a message ours: mail already sent carries these for ever.

The local part is base32 without case (RFC 4648, lower case), because hosts on the way may change case, and never longer
than 64 characters (RFC 5321, 4.5.3.1.1): `b.` is a return path, `r.` a Reply-To.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from crm.keyring import MAC_BYTES, sign, verify
from crm.reserved import is_reserved as is_reserved

BOUNCE, REPLY = "b", "r"
_PURPOSES = {BOUNCE: "return-path", REPLY: "reply-to"}


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """What a verified address says: `kind` is BOUNCE or REPLY."""

    kind: str
    mailing_id: int
    seq: int


def return_path(mailing_id: int, seq: int) -> str:
    """The envelope sender of one delivery: its bounce comes back to this address."""
    return _address(BOUNCE, mailing_id, seq)


def reply_address(mailing_id: int, seq: int) -> str:
    """The Reply-To of one delivery: replies are logged, then forwarded to the sender's mailbox."""
    return _address(REPLY, mailing_id, seq)


def read_address(text: str) -> ReturnAddress | None:
    """What an address says, or None when we did not make it. Case and angle brackets do not matter."""
    local, _at, domain = text.strip().strip("<>").lower().rpartition("@")
    kind, dot, token = local.partition(".")
    if not dot or kind not in _PURPOSES or domain != settings.RETURN_DOMAIN.lower():
        return None
    try:
        data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        body, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
        length = body[0]
        key_id = body[1 : 1 + length].decode("ascii")
        if len(body) != 1 + length + 10 or not verify(_PURPOSES[kind], body, key_id, mac):
            return None
        numbers = body[1 + length :]
        return ReturnAddress(kind, int.from_bytes(numbers[:6], "big"), int.from_bytes(numbers[6:], "big"))
    except (binascii.Error, IndexError, ValueError):
        return None


def _address(kind: str, mailing_id: int, seq: int) -> str:
    key_id = next(iter(settings.TRACKING_KEYS))
    body = bytes((len(key_id),)) + key_id.encode() + mailing_id.to_bytes(6, "big") + seq.to_bytes(4, "big")
    token = base64.b32encode(body + sign(_PURPOSES[kind], body)[1]).decode().rstrip("=").lower()
    return f"{kind}.{token}@{settings.RETURN_DOMAIN}"


def message_id(mailing_uid: UUID, seq: int) -> str:
    """A function of the delivery, so that a repeat is recognisable as one.

    Signed with the oldest key of the ring: a new key in front of it changes no Message-ID between two tries.
    """
    oldest = list(settings.TRACKING_KEYS.values())[-1]
    mac = hmac.digest(oldest, b"message-id\0%b%d" % (mailing_uid.bytes, seq), "sha256").hex()[:16]
    return f"<{mailing_uid.hex}.{seq}.{mac}@{settings.RETURN_DOMAIN}>"


def read_message_id(text: str) -> tuple[UUID, int] | None:
    """(mailing uid, seq) of one of our Message-IDs, else None."""
    local = text.strip().strip("<>").partition("@")[0]
    parts = local.split(".")
    try:
        uid, seq = UUID(hex=parts[0]), int(parts[1])
    except (ValueError, IndexError):
        return None
    return (uid, seq) if text.strip().strip("<>") == message_id(uid, seq).strip("<>") else None
