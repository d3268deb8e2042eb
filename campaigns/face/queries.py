"""Which public pages staff may see, and which everybody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from campaigns.planning.models import Campaign, Drive
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.face.models import PublicPage  # noqa: F401  a type parameter


class PublicPageQuerySet(models.QuerySet["PublicPage"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of campaigns, and of drives, that the user's grants reach."""
        if user.scope(action).is_everything:
            return self
        return self.filter(
            Q(drive__isnull=True, campaign__in=Campaign.objects.visible_to(user, action))
            | Q(drive__in=Drive.objects.visible_to(user, action))
        )

    def open(self) -> Self:
        """Those that everybody sees: switched on, and of nothing that was archived."""
        return self.filter(is_public=True, campaign__archived_at=None).filter(
            Q(drive__isnull=True) | Q(drive__archived_at=None)
        )
