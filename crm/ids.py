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


# The same for rows that one statement makes: gen_random_uuid() with the time and the version put in (valid from PostgreSQL 13).
UUID7_SQL = (
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())"
    " PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),"
    " 52, 1), 53, 1), 'hex')::uuid"
)
