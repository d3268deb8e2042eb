"""Questions asked of networks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from campaigns.commitments.models import CommitmentUpdate
from campaigns.planning.models import Campaign
from campaigns.planning.reach import within_pairs
from contacts.directory.models import Person
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.networks.models import Application, Member, Network, Representative  # noqa: F401  type parameters


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
    """Rows of networks that the user sees, in countries that the same grant reaches; one without a country is everybody's."""
    from campaigns.networks.models import Network

    scope = user.scope(action)
    if scope.is_everything:
        return Q()
    seen = Q(network__in=Network.objects.visible_to(user, action))
    return seen & within_pairs(scope, campaign="network__campaign", country=country)


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

    def of_person(self, person_ids: Iterable[int]) -> Self:
        """Theirs, and those of institutions that they speak for or represent."""
        people = list(person_ids)
        return self.filter(
            Q(person__in=people)
            | Q(contact__in=people)
            | Q(representatives__person__in=people, representatives__state="current")
        ).distinct()

    def with_last_sign(self) -> Self:
        """`last_sign`: when we last had something from them: they joined, renewed, clicked or answered, updated a commitment."""
        acting = Person.objects.filter(
            Q(represents__member=OuterRef("pk"), represents__state="current") | Q(speaks_for=OuterRef("pk"))
        ).order_by()
        told = CommitmentUpdate.objects.filter(commitment__organization=OuterRef("organization")).order_by()
        return self.annotate(
            last_sign=Greatest(
                "joined_at",
                "renewed_at",
                "person__last_engaged_at",
                Subquery(acting.values(one=Value(1)).annotate(at=Max("last_engaged_at")).values("at")),
                Subquery(told.values(one=Value(1)).annotate(at=Max("received_at")).values("at")),
            )
        )


class RepresentativeQuerySet(models.QuerySet["Representative"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from campaigns.networks.models import Member

        if not user.scope(action):
            return self.none()
        return self.filter(member__in=Member.objects.visible_to(user, action).values("pk"))

    def current(self) -> Self:
        return self.filter(
            state="current",
            person__archived_at__isnull=True,
            person__erased_at__isnull=True,
            member__left_at__isnull=True,
        )

    def to_decide(self) -> Self:
        """Named by link, or to stop by link: staff say yes or no. The longest waiting first."""
        waiting = Q(state="proposed") | Q(end_asked_at__isnull=False)
        return self.filter(waiting, member__left_at__isnull=True).order_by("created_at", "pk")
