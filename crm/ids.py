"""Public ids. `uid` is a UUIDv7 (RFC 9562), made in the application: sortable by time, safe to show."""

import uuid

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


TAIL_SQL = "substr(gen_random_uuid()::text, 19)"  # drawn from the system: 5 µs, so once for all that a row makes


def uuid7_sql(number: str, tail: str = TAIL_SQL) -> str:
    """The same for rows that one statement makes: SQL that a number of the row orders, which keeps indexes in order.

    The parameter `ms` is the statement's time in milliseconds. The twelve bits behind it count, and run on into the next
    millisecond (RFC 9562, 6.2, method 1); the other 62 are random, or `tail`, drawn before: no two rows that share one may share
    the number. Text is the quickest way from bits to a uuid.
    """
    return (
        f"(lpad(to_hex(%(ms)s::bigint + (({number}) >> 12)), 12, '0') || '7' || lpad(to_hex(({number}) & 4095), 3, '0')"
        f" || {tail})::uuid"
    )
