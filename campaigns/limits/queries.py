"""What workers ask of limits: once a run, not once a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from campaigns.limits.models import DomainRest, RecipientLimit

REMEMBERED = timedelta(hours=6)  # a domain that nobody wrote to for so long begins anew


@dataclass(frozen=True)
class Rest:
    """A domain that was left alone: until when, the last time."""

    until: datetime


def recipient_rates() -> dict[str, float]:
    """Messages a second, by domain."""
    return {row.domain: row.per_minute / 60 for row in RecipientLimit.objects.all()}


def rests_of(transport_id: int) -> dict[str, datetime]:
    """Domains that are left alone by a transport, or were lately, with the end of it."""
    since = timezone.now() - REMEMBERED
    return dict(DomainRest.objects.filter(transport_id=transport_id, until__gt=since).values_list("domain", "until"))
