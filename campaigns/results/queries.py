"""Which results and reports somebody may see: those of campaigns, and of drives, that their grants reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Prefetch, Q

from campaigns.planning.models import Campaign, Drive
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.results.models import Actual, Indicator, Result, Snapshot  # noqa: F401  type parameters


def _reach(user: User, action: Action, path: str = "") -> Q:
    """One of a drive goes with the drive; one of the whole campaign with the campaign, for who is not limited to some countries
    when it is to be changed."""
    scope = user.scope(action)
    if scope.is_everything:
        return Q()
    drives = Q(**{f"{path}drive__in": Drive.objects.visible_to(user, action)})
    campaigns = Campaign.objects.visible_to(user, action)
    if action != Action.SEE and scope.countries is not None:
        return drives
    return drives | Q(**{f"{path}drive": None, f"{path}campaign__in": campaigns})


class OfCampaign(models.QuerySet):
    """Results and indicators."""

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.filter(_reach(user, action, "" if self.model.__name__ == "Result" else "result__"))

    def live(self) -> Self:
        return self.filter(archived_at=None)


class ActualQuerySet(models.QuerySet["Actual"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if not user.scope(action):
            return self.none()
        return self.filter(_reach(user, action, "period__indicator__result__"))

    def standing(self) -> Self:
        return self.filter(withdrawn_at=None)


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return self.filter(_reach(user, action)) if user.scope(action) else self.none()


def framework(rows: Any) -> list[Any]:
    """Results with all below them, in their order, each period with `latest`: the standing actual of the last day. Five queries."""
    from campaigns.results.models import Actual, Indicator, Period

    actuals = Actual.objects.standing().select_related("recorded_by", "verified_by").order_by("-on", "-pk")
    periods = Period.objects.order_by("starts_on").prefetch_related(Prefetch("actuals", actuals, to_attr="standing"))
    indicators = Indicator.objects.live().order_by("pk").prefetch_related(Prefetch("periods", periods))
    found = list(
        rows.live()
        .select_related("pillar", "drive", "campaign")
        .prefetch_related(Prefetch("indicators", indicators, to_attr="shown"))
        .order_by("pillar__position", "pk")
    )
    for result in found:
        for indicator in result.shown:
            for period in indicator.periods.all():
                period.indicator = indicator
                period.latest = period.standing[0] if period.standing else None
                if period.latest is not None:
                    period.latest.period = period
    return found
