"""Who took part in what, and when they were last spoken to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Max

from contacts.directory.queries import among, is_seen
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.interactions.models import Party  # noqa: F401  a type parameter


class PartyQuerySet(models.QuerySet["Party"]):
    def visible_to(self, user: User, action: Action = Action.SEE, *, few: bool = False) -> Self:
        """Those who are in the user's scope. few: of some dozens of rows (see `is_seen`)."""
        if user.scope(action).countries is None:
            return self
        return self.filter(is_seen(user, action, few=few))

    def took_part(self) -> Self:
        return self.filter(is_mention=False)

    def two_way(self) -> Self:
        return self.took_part().filter(is_two_way=True)


def last_two_way(organization_ids: Iterable[int]) -> dict[int, datetime]:
    """When each of these institutions last talked with us; one query, from the index."""
    from campaigns.interactions.models import Party

    rows = Party.objects.two_way().filter(among("organization_id", organization_ids)).order_by()
    return dict(rows.values_list("organization_id").annotate(last=Max("at")))
