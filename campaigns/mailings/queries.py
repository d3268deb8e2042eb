"""Questions asked of mailings, senders and transports."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.states import State
from crm.accounts.models import User
from crm.accounts.rules import Action

# the tabs of the list, in the order of a mailing's life
TABS: dict[str, tuple[State, ...]] = {
    "draft": (State.DRAFT,),
    "review": (State.IN_REVIEW,),
    "ready": (State.APPROVED, State.SCHEDULED, State.FREEZING),
    "attention": (State.HELD, State.PAUSED),
    "sending": (State.SENDING,),
    "finished": (State.FINISHED,),
    "cancelled": (State.CANCELLED,),
}
ACTIVE = (State.IN_REVIEW, State.HELD, State.SENDING, State.PAUSED)


def listed(user: User) -> QuerySet[Mailing]:
    """What the list shows: rows with all that a row names, one query."""
    return Mailing.objects.visible_to(user).select_related("drive", "segment", "topic", "written_by")


def tab_counts(mailings: QuerySet[Mailing]) -> dict[str, int]:
    counts = {name: Count("pk", filter=Q(state__in=states)) for name, states in TABS.items()}
    return mailings.order_by().aggregate(all=Count("pk"), **counts)


def awaiting_approval(user: User) -> QuerySet[Mailing]:
    """In review or held, where the user may approve."""
    return Mailing.objects.visible_to(user, Action.APPROVE).filter(state__in=[State.IN_REVIEW, State.HELD])


def needing_attention(user: User) -> int:
    """For the menu: what waits for this user's yes, and what is paused where he may resume it."""
    waiting = awaiting_approval(user).count() if user.may(Action.APPROVE) else 0
    if user.may(Action.SEND):
        waiting += Mailing.objects.visible_to(user, Action.SEND).filter(state=State.PAUSED).count()
    return waiting


def senders_in_use() -> QuerySet[Sender]:
    return Sender.objects.filter(archived_at__isnull=True).order_by("name", "pk")


def transports_in_use() -> QuerySet[Transport]:
    return Transport.objects.filter(archived_at__isnull=True).order_by("-is_default", "name", "pk")
