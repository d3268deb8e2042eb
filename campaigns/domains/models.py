"""A domain that senders write from: how its mail is signed, and what its DNS answered when it was last asked."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from crm.ids import StampedModel


class SendingDomain(StampedModel):
    """What the DNS said is kept, not what was made of it: the judgement is made anew whenever somebody looks."""

    name = models.CharField(max_length=253, unique=True, help_text="in lower case, as it is looked up")
    dkim_selector = models.CharField(max_length=63, blank=True, default="", help_text="empty: not known")
    dkim_record = models.TextField(
        blank=True, default="", help_text="what the signing server asks for: a TXT value, or a name to point to"
    )
    answers = models.JSONField(default=dict, editable=False, help_text="“TXT example.org” → what was found, and when")
    asked_at = models.DateTimeField(null=True, editable=False, help_text="last tried")
    checked_at = models.DateTimeField(null=True, editable=False, help_text="last answered")
    failure = models.CharField(max_length=300, blank=True, default="", editable=False, help_text="of the last try")

    # a new domain is trusted slowly: the most messages of its first day, of its second …
    warmup_from = models.DateField(null=True, blank=True, help_text="the first day, in UTC; empty: no schedule")
    warmup_steps = ArrayField(models.PositiveIntegerField(), default=list, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sending_domain_warmup_has_steps", condition=Q(warmup_from__isnull=True) | ~Q(warmup_steps=[])
            ),
            models.CheckConstraint(name="sending_domain_is_a_name", condition=Q(name__regex=r"^[a-z0-9._-]+$")),
            models.CheckConstraint(
                name="sending_domain_record_has_selector", condition=Q(dkim_record="") | ~Q(dkim_selector="")
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WarmupDay(models.Model):
    """How many of a day's messages workers have taken."""

    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="warmup_days")
    day = models.DateField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "day"], name="warmup_day_once")]

    def __str__(self) -> str:
        return f"{self.day}: {self.taken}"
