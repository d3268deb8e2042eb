"""Questions asked of networks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from campaigns.planning.models import Campaign
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.networks.models import Application, Member, Network  # noqa: F401  type parameters


class NetworkQuerySet(SearchMixin, models.QuerySet["Network"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Networks of campaigns that the user's grants reach."""
        if user.scope(action).is_everything:
            return self
        return self.filter(campaign__in=Campaign.objects.visible_to(user, action))

    def in_use(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def to_join(self) -> Self:
        """Those whose page is open to the public."""
        return self.in_use().filter(is_public=True, campaign__archived_at__isnull=True)


def _in_reach(user: User, action: Action, country: str) -> Q:
    """Rows of networks that the user sees, in countries that the user sees; one without a country is everybody's."""
    from campaigns.networks.models import Network

    rule = Q()
    scope = user.scope(action)
    if not scope.is_everything:
        rule &= Q(network__in=Network.objects.visible_to(user, action))
    if scope.countries is not None:
        rule &= Q(**{f"{country}__in": scope.countries}) | Q(**{f"{country}__isnull": True})
    return rule


class ApplicationQuerySet(models.QuerySet["Application"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Confirmed ones, in the user's scope: whose address is not confirmed is nobody's business."""
        if not user.scope(action):
            return self.none()
        return self.exclude(state="asked").filter(_in_reach(user, action, "country"))

    def waiting(self) -> Self:
        """To decide, the longest waiting first."""
        return self.filter(state="confirmed").order_by("confirmed_at", "pk")

    def unconfirmed_before(self, moment: datetime) -> Self:
        return self.filter(state="asked", created_at__lt=moment)


class MemberQuerySet(models.QuerySet["Member"]):
    def with_country(self) -> Self:
        return self.annotate(of_country=Coalesce("organization__country", "person__country"))

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.with_country().filter(_in_reach(user, action, "of_country"))

    def present(self) -> Self:
        """Who takes part now; somebody archived or erased does not."""
        return self.filter(
            Q(left_at__isnull=True),
            Q(organization__isnull=True) | Q(organization__archived_at__isnull=True),
            Q(person__isnull=True) | Q(person__archived_at__isnull=True, person__erased_at__isnull=True),
        )

    def listed(self) -> Self:
        return self.present().filter(is_listed=True)
