"""Where each part of the ledger stands in its feed."""

from __future__ import annotations

from django.db import models


class DeliveryPlace(models.Model):
    """A chunk of deliveries in the feed. It moves to the end when one of its deliveries changed: readers see it again."""

    mailing_id = models.BigIntegerField()
    first_seq = models.IntegerField()
    last_seq = models.IntegerField()
    position = models.BigIntegerField(unique=True)
    counts = models.JSONField(default=dict, help_text="outcome → rows, when it got this position")
    is_closed = models.BooleanField(default=False, help_text="its mailing is over: nothing of it changes any more")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailing_id", "first_seq"], name="delivery_place_once")]

    def __str__(self) -> str:
        return f"{self.position}: {self.mailing_id} {self.first_seq}–{self.last_seq}"


class EngagementBatch(models.Model):
    """The hits of one drain. Drains hold one lock until they commit, so ids follow the order of commits."""

    rows = models.IntegerField()
    first_at = models.DateTimeField(help_text="with last_at: lets PostgreSQL leave the other months alone")
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pk}: {self.rows}"
