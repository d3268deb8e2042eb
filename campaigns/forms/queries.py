"""Questions asked of forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from campaigns.planning.models import Campaign
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.forms.models import Form  # noqa: F401  type parameters


class FormQuerySet(SearchMixin, models.QuerySet["Form"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Forms of campaigns that the user's grants reach."""
        if user.scope(action).is_everything:
            return self
        return self.filter(campaign__in=Campaign.objects.visible_to(user, action))

    def in_use(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def to_answer(self) -> Self:
        """Those that have a page of their own which is open to the public."""
        return self.in_use().filter(is_public=True, campaign__archived_at__isnull=True)
