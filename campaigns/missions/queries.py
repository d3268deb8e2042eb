"""Which mission reports somebody may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.missions.models import Mission  # noqa: F401  a type parameter


class MissionQuerySet(models.QuerySet["Mission"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """A draft is its author's; a filed report is for whoever may see one of its meetings."""
        from campaigns.missions.models import MissionMeeting
        from campaigns.outreach.models import Interaction

        scope = user.scope(action)
        filed = Q(state="filed")
        if scope.countries is not None:
            seen = Interaction.objects.visible_to(user, action)
            filed &= Q(pk__in=MissionMeeting.objects.filter(interaction__in=seen).values("mission_id"))
        return self.filter(filed | Q(author=user)) if scope else self.none()

    def standing(self) -> Self:
        return self.filter(discarded_at__isnull=True)
