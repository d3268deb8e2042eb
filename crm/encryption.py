"""Secrets at rest: a text column that PostgreSQL, a backup and a replica hold only in encrypted form.

Stored: "enc:" key id ":" base64url( nonce, AES-256-GCM ciphertext ). The first of DATA_KEYS encrypts, all decrypt. The table
and the column are authenticated with it, so that a ciphertext copied into another column does not open there.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from crm.errors import Unavailable

PREFIX = "enc:"
_NONCE = 12


@lru_cache(maxsize=32)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"groundswell data").derive(key))


def encrypt(text: str, *, place: str) -> str:
    """`text` as it is stored in `place` (table.column)."""
    key_id, key = next(iter(settings.DATA_KEYS.items()))
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + _cipher(key).encrypt(nonce, text.encode(), place.encode())
    return f"{PREFIX}{key_id}:{base64.urlsafe_b64encode(sealed).decode()}"


def decrypt(stored: str, *, place: str) -> str:
    """What was encrypted for `place`; Unavailable, with what to do, when its key is missing or it was tampered with."""
    _prefix, key_id, encoded = (stored.split(":", 2) + ["", ""])[:3]
    key = settings.DATA_KEYS.get(key_id)
    if key is None:
        raise Unavailable(
            _(
                "A stored secret was encrypted with the key “%(key)s”, which is not among DATA_KEYS. Nothing is lost: add"
                " that key again and restart."
            )
            % {"key": key_id[:8]},
            code="data_key_missing",
        )
    try:
        sealed = base64.urlsafe_b64decode(encoded)
        return _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode()).decode()
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise Unavailable(
            _(
                "A stored secret does not open with the key “%(key)s”: it was changed, or DATA_KEYS has another key under"
                " that name. Put the right key back, or enter the secret again."
            )
            % {"key": key_id},
            code="data_key_wrong",
        ) from error


def is_encrypted(stored: str) -> bool:
    return stored.startswith(PREFIX)


def is_newest(stored: str) -> bool:
    """Whether it was encrypted with the first of DATA_KEYS."""
    return stored.split(":", 2)[1:2] == [next(iter(settings.DATA_KEYS))]


class EncryptedField(models.TextField):
    """Text that is encrypted on its way into the database; empty text stays empty. It cannot be searched or sorted by.

    A text that stands there in the clear (from before the column was encrypted) is read as it is: the migration that
    turns a column into one of these encrypts its rows with `encrypt_table`, and adds a check that none is left.
    """

    @property
    def place(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text, place=self.place) if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value, place=self.place) if value and is_encrypted(value) else value

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> Any:
        return None


def fields() -> Iterator[tuple[type[models.Model], EncryptedField]]:
    """Every encrypted column that there is."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedField):
                yield model, field


_ELSEWHERE: list[Callable[[], int]] = []


def also_reencrypt(work: Callable[[], int]) -> None:
    """Name what `manage.py reencrypt` must do for secrets that stand in no EncryptedField; `work` returns how many rows."""
    if work not in _ELSEWHERE:
        _ELSEWHERE.append(work)


def reencrypt_elsewhere() -> int:
    return sum(work() for work in _ELSEWHERE)


def encrypt_table(cursor: Any, *, table: str, column: str, key: str = "id") -> int:
    """Encrypt with the newest key what stands there in the clear or with an older key; how many rows. Safe to run twice."""
    place, changed = f"{table}.{column}", 0
    with transaction.atomic():
        cursor.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} <> '' FOR UPDATE")  # noqa: S608 names of our own
        for pk, stored in cursor.fetchall():
            if is_encrypted(stored) and is_newest(stored):
                continue
            text = decrypt(stored, place=place) if is_encrypted(stored) else stored
            cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [encrypt(text, place=place), pk])  # noqa: S608
            changed += 1
    return changed
