"""Questions asked of delegations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.events.models import Event
from campaigns.planning.reach import within_pairs
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.delegations.models import Composition, Delegation, Nomination, Nominator, Step  # noqa: F401  type parameters


def _reach(user: User, action: Action, delegation: str) -> Q:
    """Rows of delegations to events that the user sees, of countries that the same grant reaches."""
    scope = user.scope(action)
    if scope.is_everything:
        return Q()
    seen = Q(**{f"{delegation}event__in": Event.objects.visible_to(user, action)})
    return seen & within_pairs(scope, campaign=f"{delegation}event__drive__campaign", country="of_country")


def _country(delegation: str) -> Coalesce:
    return Coalesce(f"{delegation}country", f"{delegation}organization__country")


class CompositionQuerySet(models.QuerySet["Composition"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return self.filter(event__in=Event.objects.visible_to(user, action))


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.annotate(of_country=_country("")).filter(_reach(user, action, ""))

    def taking_part(self) -> Self:
        return self.filter(left_out_at__isnull=True)

    def with_gaps(self) -> Self:
        """Those with a seat of a delegate that nobody was accepted for. Other roles may stay empty: up to so many advisers."""
        return self.filter(Exists(_empty(OuterRef("pk"))))

    def tally(self) -> dict[str, int]:
        """How many there are, and how many of them have gaps; one query."""
        return self.aggregate(all=models.Count("pk"), gaps=models.Count("pk", filter=Exists(_empty(OuterRef("pk")))))

    def complete(self) -> Self:
        return self.filter(~Exists(_empty(OuterRef("pk"))))


def _empty(delegation: OuterRef | F) -> models.QuerySet[models.Model]:
    from campaigns.delegations.models import DelegationSeats

    return DelegationSeats.objects.filter(delegation=delegation, role="delegate", taken__lt=F("seats"))


class NominatorQuerySet(models.QuerySet["Nominator"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.annotate(of_country=_country("delegation__")).filter(_reach(user, action, "delegation__"))

    def live(self) -> Self:
        return self.filter(revoked_at__isnull=True, delegation__left_out_at__isnull=True)

    def with_empty(self) -> Self:
        """`empty`: seats of delegates without a name, of those that they fill."""
        from campaigns.delegations.models import DelegationSeats, Nomination

        theirs = Q(constituency=OuterRef("constituency")) | Q(
            delegation__nominators=OuterRef("pk"), delegation__nominators__constituency__isnull=True
        )
        of = OuterRef("delegation")
        seats = DelegationSeats.objects.filter(theirs, delegation=of, role="delegate").order_by()
        names = Nomination.objects.live().filter(theirs, delegation=of, role="delegate").order_by()
        total = seats.values("delegation").annotate(n=models.Sum("seats")).values("n")
        named = names.values("delegation").annotate(n=models.Count("pk", distinct=True)).values("n")
        number = models.IntegerField()
        return self.annotate(
            empty=Coalesce(models.Subquery(total, output_field=number), 0) - Coalesce(models.Subquery(named, output_field=number), 0)
        )  # fmt: skip

    def to_fill(self) -> Self:
        """Those whose seats of delegates are not all proposed or accepted: who is asked, or reminded."""
        from campaigns.delegations.models import DelegationSeats, Nomination

        named = (
            Nomination.objects.filter(
                delegation=OuterRef("delegation"), constituency=OuterRef("constituency"), role="delegate",
                state__in=Nomination.LIVE,
            )
            .order_by().values("delegation").annotate(n=models.Count("pk")).values("n")
        )  # fmt: skip
        seats = DelegationSeats.objects.filter(delegation=OuterRef("delegation"), role="delegate").filter(
            Q(constituency=OuterRef("constituency")) | Q(delegation__nominators=OuterRef("pk"), delegation__nominators__constituency__isnull=True)
        )  # fmt: skip
        missing = seats.annotate(named=Coalesce(models.Subquery(named, output_field=models.IntegerField()), 0))
        return self.filter(Exists(missing.filter(seats__gt=F("named"))))


class NominationQuerySet(models.QuerySet["Nomination"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.annotate(of_country=_country("delegation__")).filter(_reach(user, action, "delegation__"))

    def live(self) -> Self:
        return self.filter(state__in=["proposed", "accepted"])

    def proposed(self) -> Self:
        return self.filter(state="proposed", delegation__left_out_at__isnull=True)

    def accepted(self) -> Self:
        return self.filter(state="accepted")


class DelegateStepQuerySet(models.QuerySet["Step"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        rows = self.annotate(of_country=_country("nomination__delegation__"))
        return rows.filter(_reach(user, action, "nomination__delegation__"))

    def late(self) -> Self:
        return self.open().filter(due_on__lt=timezone.localdate())

    def open(self) -> Self:
        return self.filter(task__done_at__isnull=True, task__dropped_at__isnull=True, task__isnull=False)
