"""Commitments and what came in about them: what may be seen, how they stand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models

from campaigns.commitments.rule import LAST_WORD, light_sql
from campaigns.planning.models import Drive
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.commitments.models import Commitment, CommitmentUpdate  # noqa: F401  type parameters


class CommitmentQuerySet(models.QuerySet["Commitment"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of institutions and of drives that the user's grants reach."""
        scope, rows = user.scope(action), self
        if scope.countries is not None:
            rows = rows.filter(organization__in=Organization.objects.visible_to(user, action))
        return rows if scope.is_everything else rows.filter(drive__in=Drive.objects.visible_to(user, action))

    def open(self) -> Self:
        return self.filter(state="open")

    def with_light(self, today: date) -> Self:
        """`light`: green, yellow, red, or the state of what is settled. See `rule`."""
        return self.annotate(last_word=LAST_WORD).annotate(light=light_sql(today))

    def to_verify(self) -> Self:
        """Kept or broken, as somebody says, and nobody else has looked."""
        return self.filter(state__in=["kept", "broken"], verified_at__isnull=True)


class UpdateQuerySet(models.QuerySet["CommitmentUpdate"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from campaigns.commitments.models import Commitment

        if user.scope(action).is_everything:
            return self
        return self.filter(commitment__in=Commitment.objects.visible_to(user, action))

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def by_institution(self) -> Self:
        """What the institution said itself, by link or in an account. What staff heard has neither, and is only theirs to read."""
        return self.filter(models.Q(came_by__isnull=False) | ~models.Q(written_by=""))
