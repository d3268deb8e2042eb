"""Signed addresses at RETURN_DOMAIN, and what else makes a message ours: mail already sent carries these for ever.

The local part is base32 without case (RFC 4648, lower case), because hosts on the way may change case, and never longer
than 64 characters (RFC 5321, 4.5.3.1.1): `b.` is a return path, `r.` a Reply-To.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import idna
from django.conf import settings

from crm.keyring import MAC_BYTES, newest, signer, verify
from crm.reserved import is_reserved as is_reserved

BOUNCE, REPLY = "b", "r"
_NO_UID = UUID(int=0)
_PURPOSES = {BOUNCE: "return-path", REPLY: "reply-to"}


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """What a verified address says: `kind` is BOUNCE or REPLY."""

    kind: str
    mailing_id: int
    seq: int


class MailingAddresses:
    """Makes the addresses of one mailing. Every message has three, so what is the same for all of them is made once."""

    def __init__(self, mailing_id: int, uid: UUID) -> None:
        name, key = newest()
        self._macs = {kind: signer(key, purpose) for kind, purpose in _PURPOSES.items()}
        key_id = name.encode()
        self._stem = bytes((len(key_id),)) + key_id + mailing_id.to_bytes(6, "big")
        self._domain = settings.RETURN_DOMAIN
        # the oldest key of the ring: a new key in front of it changes no Message-ID between two tries
        self._id_mac = signer(list(settings.TRACKING_KEYS.values())[-1], "message-id")
        self._uid, self._uid_bytes = uid.hex, uid.bytes

    def return_path(self, seq: int) -> str:
        """The envelope sender of one delivery: its bounce comes back to this address."""
        return self._address(BOUNCE, seq)

    def reply_to(self, seq: int) -> str:
        """The Reply-To of one delivery: replies are logged, then forwarded to the sender's mailbox."""
        return self._address(REPLY, seq)

    def message_id(self, seq: int) -> str:
        """A function of the delivery, so that a repeat is recognisable as one."""
        mac = self._id_mac(b"%b%d" % (self._uid_bytes, seq))[:8].hex()
        return f"<{self._uid}.{seq}.{mac}@{self._domain}>"

    def _address(self, kind: str, seq: int) -> str:
        body = self._stem + seq.to_bytes(4, "big")
        return f"{kind}.{_base32(body + self._macs[kind](body))}@{self._domain}"


def in_ascii(address: str) -> str:
    """An address as it may stand in a header and an envelope of any server: an international domain in its ASCII form (RFC 5890)."""
    local, _at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:  # no name that the DNS could know: the server says so
        return address


def return_path(mailing_id: int, seq: int) -> str:
    return MailingAddresses(mailing_id, _NO_UID).return_path(seq)


def reply_address(mailing_id: int, seq: int) -> str:
    return MailingAddresses(mailing_id, _NO_UID).reply_to(seq)


def message_id(mailing_uid: UUID, seq: int) -> str:
    return MailingAddresses(0, mailing_uid).message_id(seq)


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


def _base32(data: bytes) -> str:
    """base32 in lower case, without padding. A message has two, and the standard library's takes many times as long as this: the
    bits are parted into fives by halves (32 of them, then 16, and so on), and what is left is base64 with half of its alphabet."""
    places = -(-len(data) * 8 // 5)
    number = int.from_bytes(data, "big") << (places * 5 - len(data) * 8)
    for shift, left, right in _parting(places):
        number = (number & left) << shift | number & right
    wide = number << -places * 6 % 24  # base64 reads three bytes at a time
    made = binascii.b2a_base64(wide.to_bytes(-(-places * 6 // 24) * 3, "big"), newline=False)
    return made[:places].translate(_LOWER_32).decode()


_LOWER_32 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef", b"abcdefghijklmnopqrstuvwxyz234567")


@cache
def _parting(places: int) -> list[tuple[int, int, int]]:
    """(shift, mask of what moves, mask of what stays) of each halving of a row of so many fives."""
    steps, size = [], 1 << (places - 1).bit_length() - 1
    while size:
        # groups of `size` fives: every second one, counted from the right, moves to make room for one bit a five
        width, left, right = size * 5, 0, 0
        for at in range(0, places, size * 2):
            start = at * 6
            right |= ((1 << width) - 1) << start
            left |= ((1 << width) - 1) << start + width
        steps.append((size, left, right))
        size //= 2
    return steps


def read_message_id(text: str) -> tuple[UUID, int] | None:
    """(mailing uid, seq) of one of our Message-IDs, else None."""
    local = text.strip().strip("<>").partition("@")[0]
    parts = local.split(".")
    try:
        uid, seq = UUID(hex=parts[0]), int(parts[1])
    except (ValueError, IndexError):
        return None
    return (uid, seq) if text.strip().strip("<>") == message_id(uid, seq).strip("<>") else None
