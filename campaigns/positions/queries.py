"""Asks, steps and present positions: what may be seen, what moved, and in which order steps stand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Organization
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.positions.models import Ask, Position, PositionStep, Power  # noqa: F401  type parameters


class AskQuerySet(SearchMixin, models.QuerySet["Ask"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of drives that the user's grants reach."""
        scope = user.scope(action)
        return self if scope.is_everything else self.filter(drive__in=Drive.objects.visible_to(user, action))

    def active(self) -> Self:
        return self.filter(archived_at__isnull=True, drive__archived_at__isnull=True)

    def in_order(self) -> Self:
        return self.order_by("place", "sort_key", "pk")

    def asked_of(self, organization: Organization) -> Self:
        """Those put to an institution: of drives that have its country and its constituency, and any it took a position on."""
        codes = {*organization.countries_of_work, organization.country_id} - {None}
        inside = Q(drive__countries__in=codes) & (
            Q(drive__constituencies=organization.constituency_id)
            | Q(drive__constituencies__code=organization.constituency.root_code)
        )
        own = Q(pk__in=organization.positions.values("ask"))
        return self.filter(pk__in=self.model._default_manager.filter(inside | own).values("pk"))


def _of_places(rows: models.QuerySet, user: User, action: Action) -> models.QuerySet:
    scope = user.scope(action)
    if scope.countries is not None:
        rows = rows.filter(organization__in=Organization.objects.visible_to(user, action))
    if not scope.is_everything:
        rows = rows.filter(ask__drive__in=Drive.objects.visible_to(user, action))
    return rows


class StepQuerySet(models.QuerySet["PositionStep"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return _of_places(self, user, action)  # type: ignore[return-value]

    def standing(self) -> Self:
        """Not withdrawn as wrong."""
        return self.filter(withdrawn_at__isnull=True)

    def newest_first(self) -> Self:
        return self.order_by("-on", "-pk")

    def with_previous(self) -> Self:
        """`previous`: the rung that the institution stood on before this step; None for the first that is known."""
        before = self.model._default_manager.filter(
            organization=OuterRef("organization"), ask=OuterRef("ask"), withdrawn_at__isnull=True
        ).filter(Q(on__lt=OuterRef("on")) | Q(on=OuterRef("on"), pk__lt=OuterRef("pk")))
        return self.annotate(previous=Subquery(before.order_by("-on", "-pk").values("stance")[:1]))

    def moves(self) -> Self:
        """Standing steps with `previous`."""
        return self.standing().with_previous()

    def direction(self, names: Iterable[str]) -> Self:
        """up, down, first (nothing was known before) or same; after `with_previous`."""
        rules = {
            "up": Q(previous__lt=F("stance")),
            "down": Q(previous__gt=F("stance")),
            "first": Q(previous__isnull=True),
            "same": Q(previous=F("stance")),
        }
        found = Q(pk__in=[])
        for name in names:
            found |= rules.get(name, Q(pk__in=[]))
        return self.filter(found)

    def between(self, start: date, end: date) -> Self:
        return self.filter(on__range=(start, end))


class PositionQuerySet(models.QuerySet["Position"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return _of_places(self, user, action)  # type: ignore[return-value]

    def known(self) -> Self:
        return self.filter(stance__isnull=False)


class PowerQuerySet(models.QuerySet["Power"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Of institutions and in campaigns that the user reaches."""
        scope = user.scope(action)
        rows = (
            self
            if scope.countries is None
            else self.filter(organization__in=Organization.objects.visible_to(user, action))
        )
        return rows if scope.is_everything else rows.filter(campaign__in=Campaign.objects.visible_to(user, action))
