"""Whose dropbox is whose, and which mail waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from campaigns.outreach.models import Interaction
from crm.accounts.models import User

if TYPE_CHECKING:
    from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail  # noqa: F401  type parameters


class DropboxQuerySet(models.QuerySet["Dropbox"]):
    def alive(self) -> Self:
        return self.filter(revoked_at__isnull=True)


class DroppedQuerySet(models.QuerySet["DroppedMail"]):
    def visible_to(self, user: User) -> Self:
        """Their own alone: what was made of it is an interaction, which others see by their scope."""
        return self.filter(user=user)

    def waiting(self) -> Self:
        return self.filter(state="waiting")


class DroppedFileQuerySet(models.QuerySet["DroppedFile"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and those of messages that were filed with somebody whose log the user sees."""
        logged = Interaction.objects.visible_to(user).filter(removed_at=None)
        return self.filter(Q(mail__user=user) | Q(mail__interaction__in=logged))
