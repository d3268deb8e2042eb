"""Rounds that a user may see, lines that are due, and how far a round is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q

from contacts.directory.queries import is_seen
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.rounds.models import CallLine, CallRound  # noqa: F401  type parameters


class RoundQuerySet(models.QuerySet["CallRound"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """One's own, and those with somebody to call in one's scope."""
        from campaigns.rounds.models import CallLine

        scope = user.scope(action)
        if not scope:
            return self.none()
        if scope.countries is None:
            return self
        lines = CallLine.objects.visible_to(user, action).filter(round=OuterRef("pk"))
        return self.filter(Q(owner=user) | Q(Exists(lines)))

    def with_counts(self) -> Self:
        """`total` and `over`: lines, and those that need no call any more."""
        return self.annotate(total=Count("lines"), over=Count("lines", filter=~Q(lines__state="open")))

    def running(self) -> Self:
        return self.filter(closed_at__isnull=True)


class LineQuerySet(models.QuerySet["CallLine"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if user.scope(action).countries is None:
            return self
        return self.filter(is_seen(user, action))

    def free(self, now: datetime) -> Self:
        """To be called now: nobody holds it, and no other time was agreed. Those that were tried least come first."""
        rows = self.filter(Q(token__isnull=True) | Q(lease_until__lte=now), state="open")
        return rows.filter(Q(not_before__isnull=True) | Q(not_before__lte=now)).order_by("tries", "pk")

    def held_by(self, user: User, now: datetime) -> Self:
        return self.filter(state="open", claimed_by=user, token__isnull=False, lease_until__gt=now)

    def tally(self) -> dict[tuple[str, str], int]:
        """(state, outcome) → lines; one query."""
        rows = self.order_by().values_list("state", "outcome").annotate(n=Count("pk"))
        return {(state, outcome): n for state, outcome, n in rows}
