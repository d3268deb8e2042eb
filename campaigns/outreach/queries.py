"""What came back, and who may see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.outreach.models import InboundMessage, Inbox, Interaction  # noqa: F401  type parameters


class InteractionQuerySet(models.QuerySet["Interaction"]):
    def visible_to(self, user: User, action: Action = Action.SEE, *, few: bool = False) -> Self:
        """Touches in which somebody, or an institution, in the user's scope for `action` took part. few: of some dozens."""
        from campaigns.interactions.models import Party

        if user.scope(action).countries is None:
            return self
        theirs = Party.objects.visible_to(user, action, few=few).took_part().filter(interaction=OuterRef("pk"))
        return self.filter(Exists(theirs))

    def standing(self) -> Self:
        """All but those that were logged by mistake."""
        return self.filter(removed_at__isnull=True)

    def logged(self) -> Self:
        """What people logged, apart from replies, which the system sees."""
        return self.standing().exclude(kind="reply")

    def replies(self) -> Self:
        return self.filter(kind="reply")

    def to_answer(self) -> Self:
        """Replies that nobody took care of yet."""
        return self.replies().filter(answered_at__isnull=True)


class InboxQuerySet(models.QuerySet["Inbox"]):
    def in_use(self) -> Self:
        return self.filter(archived_at__isnull=True).order_by("name", "pk")

    def due(self, now: datetime) -> Self:
        """To be read now: nobody reads them, and no failure asks for patience."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        return self.in_use().filter(free, Q(due_at__isnull=True) | Q(due_at__lte=now))


class InboundQuerySet(models.QuerySet["InboundMessage"]):
    def waiting(self) -> Self:
        """Not read yet, oldest first."""
        return self.filter(state="new").order_by("id")

    def to_forward(self) -> Self:
        """Replies that the sender's mailbox has not got yet."""
        return self.filter(state="handled", kind="reply", forwarded_at__isnull=True).order_by("id")

    def left_over(self) -> Self:
        """Mail to our return domain that belongs to no mailing, or that could not be read."""
        return self.filter(state__in=["unmatched", "failed"])

    def automatic(self) -> Self:
        return self.filter(state="handled", kind="auto")

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Mail that is not tied to a country is for those whose scope has no limits."""
        return self if user.scope(action).countries is None else self.none()
