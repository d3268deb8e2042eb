"""A passphrase over a stream: AES-256-GCM in chunks, each bound to its place and the last one marked as the last.

That is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): chunks cannot be dropped, doubled, reordered, and a
file that was cut short is noticed. The key is made from the passphrase by scrypt (RFC 7914).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from crm.errors import Invalid

MAGIC = b"GSBACKUP1\n"
CHUNK = 1 << 20
_SALT, _PREFIX, _TAG = 16, 7, 16
_COST = 2**15  # a tenth of a second and 32 MB for each guess


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode()))


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, is_last)


def is_sealed(path: str | os.PathLike[str]) -> bool:
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class Sealer:
    """A file-like object that takes bytes and writes them sealed. `close()` writes the last chunk; without it the file is not one."""

    def __init__(self, target: BinaryIO, passphrase: str) -> None:
        salt, self._prefix = os.urandom(_SALT), os.urandom(_PREFIX)
        self._target, self._cipher = target, _cipher(passphrase, salt)
        self._held, self._number = bytearray(), 0
        target.write(MAGIC + salt + self._prefix)

    def write(self, data: bytes) -> int:
        self._held += data
        while len(self._held) > CHUNK:
            self._put(bytes(self._held[:CHUNK]), is_last=False)
            del self._held[:CHUNK]
        return len(data)

    def close(self) -> None:
        self._put(bytes(self._held), is_last=True)
        self._held.clear()

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._prefix, self._number, is_last=is_last), chunk, None))
        self._number += 1


def opened(source: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """The bytes that were sealed, chunk by chunk. Raises Invalid for a wrong passphrase, and for a file cut short or changed."""
    head = source.read(len(MAGIC) + _SALT + _PREFIX)
    if len(head) < len(MAGIC) + _SALT + _PREFIX or not head.startswith(MAGIC):
        raise Invalid("This is not a sealed backup of Groundswell.")
    salt, prefix = head[len(MAGIC) : -_PREFIX], head[-_PREFIX:]
    cipher, number = _cipher(passphrase, salt), 0
    chunk = source.read(CHUNK + _TAG)
    while True:
        following = source.read(CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(prefix, number, is_last=not following), chunk, None)
        except InvalidTag:
            raise Invalid(
                "The passphrase is not the one that it was sealed with."
                if number == 0
                else "The file was cut short or changed after it was written. Nothing was restored."
            ) from None
        if not following:
            return
        chunk, number = following, number + 1
