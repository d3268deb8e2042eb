"""Questions asked of forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from campaigns.planning.models import Campaign
from campaigns.planning.reach import within_pairs
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.forms.models import Form, Submission  # noqa: F401  type parameters


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


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Answers to forms that the user sees, from countries that the same grant reaches; one without a country is everybody's."""
        from campaigns.forms.models import Form

        scope = user.scope(action)
        if not scope:
            return self.none()
        if scope.is_everything:
            return self
        seen = Form.objects.visible_to(user, action)
        return self.filter(within_pairs(scope, campaign="form__campaign", country="country"), form__in=seen)

    def waiting(self) -> Self:
        """The longest waiting first."""
        return self.filter(state="waiting").order_by("created_at", "id")

    def counted(self) -> Self:
        """What results are made of: everything that was not set aside."""
        return self.exclude(state="aside")
