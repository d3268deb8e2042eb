"""Which activities, objectives and team members somebody may see, and the questions that board, calendar and Today ask."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from campaigns.activities.states import OPEN, State
from campaigns.planning.models import Drive
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action, Scope

if TYPE_CHECKING:
    from campaigns.activities.models import Activity, Objective, TeamMember

    _Activities = models.QuerySet[Activity]
    _Objectives = models.QuerySet[Objective]
    _TeamMembers = models.QuerySet[TeamMember]
else:
    _Activities = _Objectives = _TeamMembers = models.QuerySet


def within(scope: Scope) -> Q:
    """Rows with `drive` and maybe `country`: one grant reaches the campaign, and the country; without one, a country of the drive."""
    if scope.is_everything:
        return Q()
    reach = Q(pk__in=[])
    for pair in scope.pairs:
        rule = Q()
        if pair.campaigns:
            rule &= Q(drive__campaign__uid__in=pair.campaigns)
        if pair.countries:
            through = Drive.countries.through.objects.filter(country_id__in=pair.countries)
            rule &= Q(country__in=pair.countries) | Q(country=None, drive__in=through.values("drive_id"))
        reach |= rule
    return reach


class ActivityQuerySet(SearchMixin, _Activities):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        scope = user.scope(action)
        return self.filter(within(scope)) if scope else self.none()

    def live(self) -> Self:
        """Not taken out, of drives that are not archived."""
        return self.filter(archived_at=None, drive__archived_at=None)

    def open(self) -> Self:
        return self.filter(state__in=OPEN)

    def overdue(self, day: dt.date) -> Self:
        return self.open().filter(due_on__lt=day)

    def between(self, first: dt.date, last: dt.date) -> Self:
        """Those that touch these days, both included."""
        return self.filter(starts_on__lte=last, due_on__gte=first)

    def with_waits(self) -> Self:
        """`is_held`: something that it depends on is not done. `is_early`: it begins before something it depends on is due."""
        from campaigns.activities.models import Dependency

        before = Dependency.objects.filter(after=OuterRef("pk"), before__archived_at=None).exclude(
            before__state=State.DROPPED
        )
        early = before.filter(before__due_on__gt=OuterRef("starts_on")).exclude(before__state=State.DONE)
        return self.annotate(is_held=Exists(before.filter(before__state__in=OPEN)), is_early=Exists(early))


class OfDrive(models.QuerySet):
    """Rows that are seen, and changed, with their drive."""

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return self.filter(drive__in=Drive.objects.visible_to(user, action))


class ObjectiveQuerySet(OfDrive, _Objectives):
    def live(self) -> Self:
        return self.filter(archived_at=None)


class TeamMemberQuerySet(OfDrive, _TeamMembers):
    def live(self) -> Self:
        return self.filter(removed_at=None)
