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
