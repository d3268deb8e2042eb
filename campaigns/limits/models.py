"""Limits by recipient domain, and the memory of domains that said "later"."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from crm.ids import StampedModel


class RecipientLimit(StampedModel):
    """Mail to one domain goes no faster than this, by all workers and mailings together."""

    domain = models.CharField(max_length=253, unique=True, help_text="the normal form of what stands behind the @")
    per_minute = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.CheckConstraint(name="recipient_limit_is_one_at_least", condition=Q(per_minute__gte=1)),
            models.CheckConstraint(name="recipient_limit_is_a_domain", condition=Q(domain__regex=r"^[a-z0-9._-]+$")),
        ]

    def __str__(self) -> str:
        return f"{self.domain}: {self.per_minute} a minute"


class DomainRest(models.Model):
    """A domain whose servers deferred one message after the other, by one transport: left alone until then, longer each time.

    The first message that it takes again removes the row.
    """

    transport_id = models.BigIntegerField()
    domain = models.CharField(max_length=253)
    level = models.PositiveSmallIntegerField(default=1, help_text="how often in a row")
    since = models.DateTimeField()
    until = models.DateTimeField()
    reply_text = models.TextField(blank=True, default="", help_text="what was said last")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transport_id", "domain"], name="domain_rest_once")]

    def __str__(self) -> str:
        return f"{self.domain} until {self.until:%H:%M}"
