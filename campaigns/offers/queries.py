"""Which offers staff may see, and which wait."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from campaigns.planning.models import Campaign
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.offers.models import CommitmentOffer  # noqa: F401  a type parameter


class OfferQuerySet(models.QuerySet["CommitmentOffer"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of institutions and of campaigns that the user's grants reach."""
        scope = user.scope(action)
        if scope.is_everything:
            return self
        rows = self.filter(campaign__in=Campaign.objects.visible_to(user, action))
        return rows.filter(organization__in=Organization.objects.visible_to(user, action))

    def told_no(self, *, since: datetime) -> Self:
        """Declined, and the letter that says so has left."""
        return self.filter(state="declined", letter__sent_at__gte=since).order_by("-decided_at", "pk")

    def waiting(self) -> Self:
        return self.filter(state="waiting", organization__archived_at__isnull=True).order_by("created_at", "pk")
