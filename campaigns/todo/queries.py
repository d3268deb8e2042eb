"""Which tasks are open, whose they are today, and who may see them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from contacts.directory.queries import is_seen
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.todo.models import Absence, Task  # noqa: F401  type parameters


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """One's own, those that one gave, and those about somebody or an institution in one's scope."""

        scope = user.scope(action)
        if not scope:
            return self.none()
        if scope.countries is None:
            return self
        return self.filter(Q(assignee=user) | Q(created_by=user) | is_seen(user, action))

    def open(self) -> Self:
        return self.filter(done_at__isnull=True, dropped_at__isnull=True)

    def due(self, day: date) -> Self:
        """Open, and due on `day` or before."""
        return self.open().filter(due_on__lte=day)

    def at_hand(self, user: User, day: date) -> Self:
        """Due, and the user's: their own, and of whoever they stand in for that day. One statement, for the menu of every page."""
        from campaigns.todo.models import Absence

        away = Absence.objects.on(day).filter(deputy=user).values("user_id")
        return self.due(day).filter(Q(assignee=user) | Q(assignee__in=away))

    def of(self, user_ids: Iterable[int]) -> Self:
        return self.filter(assignee_id__in=list(user_ids))


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Everybody on the staff sees who is away; one's own days are one's own to change, those of others a planner's."""
        if not user.may(action):
            return self.none()
        return self if action == Action.SEE or user.may(Action.DRIVES) else self.filter(user=user)

    def standing(self) -> Self:
        return self.filter(cancelled_at__isnull=True)

    def on(self, day: date) -> Self:
        return self.standing().filter(starts_on__lte=day, ends_on__gte=day)


def deputies(day: date) -> dict[int, int]:
    """Who is away that day → who does their work: the deputy, or the deputy's own. A circle ends with whom it began.

    One query; a deputy who is away as well hands on to theirs. Where everybody in a circle is away, each keeps their own.
    """
    from campaigns.todo.models import Absence

    direct = dict(Absence.objects.on(day).order_by("pk").values_list("user_id", "deputy_id"))
    found = {}
    for away in direct:
        seen, at = {away}, direct[away]
        while at in direct and at not in seen:
            seen.add(at)
            at = direct[at]
        if at not in direct:
            found[away] = at
    return found


def covered_by(user: User, day: date) -> list[int]:
    """Keys of those whose work is `user`'s that day: one's own (unless somebody stands in), and of those who are away."""
    standing_in = deputies(day)
    own = [] if user.pk in standing_in else [user.pk]
    return own + sorted(away for away, deputy in standing_in.items() if deputy == user.pk)
