"""Imports and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from contacts.importing.models import ImportMapping, ImportRow, ImportRun  # noqa: F401  type parameters


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def visible_to(self, user: User, action: Action = Action.BULK) -> Self:
        """One's own; all of them for who may import everywhere. A file holds rows that no scope was applied to yet."""
        scope = user.scope(action)
        if not scope:
            return self.none()
        if scope.is_everything:
            return self
        return self.filter(owner=user)


class ImportRowQuerySet(models.QuerySet["ImportRow"]):
    def with_outcome(self, outcome: str) -> Self:
        return self.filter(outcome=outcome).order_by("line")

    def rejected(self) -> Self:
        return self.with_outcome("rejected")

    def applied(self) -> Self:
        """Rows that created or changed something."""
        return self.filter(Q(outcome="created") | Q(outcome="updated")).order_by("line")


class ImportMappingQuerySet(models.QuerySet["ImportMapping"]):
    def known_to(self, user: User | None) -> Self:
        """One's own, and those that colleagues share."""
        return self.filter(Q(owner=user) | Q(is_shared=True))

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """To whoever may import; to change (BULK): one's own."""
        if not user.may(Action.BULK):
            return self.none()
        return self.known_to(user) if action == Action.SEE else self.filter(owner=user)
