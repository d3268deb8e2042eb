"""Questions asked of events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from campaigns.planning.models import Drive
from campaigns.planning.reach import within_pairs
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.events.models import Event, Invitation, Registration, SignUp  # noqa: F401  type parameters


class EventQuerySet(SearchMixin, models.QuerySet["Event"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Events of drives that the user's grants reach."""
        if user.scope(action).is_everything:
            return self
        return self.filter(drive__in=Drive.objects.visible_to(user, action))

    def in_use(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def ahead(self) -> Self:
        """Not over, and not called off."""
        return self.in_use().filter(cancelled_at__isnull=True, ends_at__gt=timezone.now())

    def open_to_all(self) -> Self:
        """Those whose page everybody can see; one that was called off says so on it."""
        return self.in_use().filter(is_public=True, drive__archived_at__isnull=True)


def _in_reach(user: User, action: Action, country: str) -> Q:
    """Rows of events that the user sees, in countries that the same grant reaches; one without a country is everybody's."""
    from campaigns.events.models import Event

    scope = user.scope(action)
    if scope.is_everything:
        return Q()
    seen = Q(event__in=Event.objects.visible_to(user, action))
    return seen & within_pairs(scope, campaign="event__drive__campaign", country=country)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def with_country(self) -> Self:
        return self.annotate(of_country=models.functions.Coalesce("organization__country", "person__country"))

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.with_country().filter(_in_reach(user, action, "of_country"))

    def unanswered(self) -> Self:
        return self.filter(answer="")

    def sums(self) -> dict[str, int]:
        """How many invitations have each answer; `all` of them."""
        found = self.order_by().aggregate(
            all=Count("pk"), **{name: Count("pk", filter=Q(answer=name)) for name in ("yes", "maybe", "no", "other")}
        )
        return found | {"none": found["all"] - sum(found[name] for name in ("yes", "maybe", "no", "other"))}


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        rows = self.annotate(of_country=models.functions.Coalesce("organization__country", "person__country"))
        return rows.filter(_in_reach(user, action, "of_country"))

    def active(self) -> Self:
        return self.filter(state__in=["seat", "waiting"])

    def seated(self) -> Self:
        return self.filter(state="seat")

    def waiting(self) -> Self:
        """In the order in which they move up."""
        return self.filter(state="waiting").order_by("asked_at", "pk")

    def came(self) -> Self:
        return self.filter(came_at__isnull=False)

    def missed(self) -> Self:
        """Had a seat, and nobody saw them."""
        return self.seated().filter(came_at__isnull=True)


class SignUpQuerySet(models.QuerySet["SignUp"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those whose address is confirmed: what nobody confirmed is nobody's to read."""
        rows = self.exclude(state="asked")
        if not user.scope(action):
            return self.none()
        return rows.filter(_in_reach(user, action, "country"))

    def waiting(self) -> Self:
        """For staff, in the order in which they were confirmed."""
        return self.filter(state="confirmed").order_by("confirmed_at", "pk")

    def unconfirmed_before(self, at: datetime) -> Self:
        return self.filter(state="asked", created_at__lt=at)
