"""Public ids. `uid` is a UUIDv7 (RFC 9562), made in the application: sortable by time, safe to show."""

import datetime as dt
import secrets
import uuid
from typing import Any

import uuid6
from django.db import models


def new_uid() -> uuid.UUID:
    return uuid.UUID(int=uuid6.uuid7().int)


class UidModel(models.Model):
    """A row with a `bigint` key inside and a `uid` for URLs, API, exports and webhooks."""

    uid = models.UUIDField(default=new_uid, unique=True, editable=False)

    class Meta:
        abstract = True


class StampedModel(UidModel):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def tail_sql(number: str) -> str:
    """The last sixteen digits of an id, by a number of the row and the parameter `salt`, random for each use and told to nobody. Drawing
    them from the system costs 5 µs a row."""
    return f"'8' || substr(encode(sha256((%(salt)s || ({number})::text)::bytea), 'hex'), 1, 15)"


def uuid7_sql(number: str, tail: str) -> str:
    """The same for rows that one statement makes: SQL that a number of the row orders, which keeps indexes in order.

    The parameter `ms` is the statement's time in milliseconds. The twelve bits behind it count, and run on into the next
    millisecond (RFC 9562, 6.2, method 1); the others are `tail`: no two rows that share one may share the number. Text is the
    quickest way from bits to a uuid, the first 64 of them as one number.
    """
    version = 7 << 12
    return f"(lpad(to_hex((%(ms)s::bigint + (({number}) >> 12)) << 16 | {version} | (({number}) & 4095)), 16, '0') || {tail})::uuid"


def bulk_ids(now: dt.datetime) -> dict[str, Any]:
    """The parameters of `uuid7_sql` and `tail_sql`, for one transaction."""
    return {"ms": int(now.timestamp() * 1000), "salt": secrets.token_hex(16)}
