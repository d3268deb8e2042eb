"""The pages of an event, as tabs. Features add theirs from their registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.events.models import Event, Invitation, SignUp
from crm.accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class EventTab:
    """url_name: a route whose one argument is the event's uid. count: how many rows stand behind it, as the user sees them."""

    label: StrOrPromise
    url_name: str
    count: Callable[[Event, User], int]


_TABS: list[EventTab] = []


def register(tab: EventTab) -> None:
    _TABS[:] = [*(one for one in _TABS if one.url_name != tab.url_name), tab]


def tabs_of(
    event: Event,
    current: str,
    user: User,
    *,
    invited: int | None = None,
    waiting: int | None = None,
    to_decide: int | None = None,
) -> list[dict[str, Any]]:
    """As <c-tabs> takes them. current: invited, people, asked, or the url_name of the page at hand; the numbers, where they are known already."""
    base = reverse("event_detail", args=[event.uid])
    if invited is None:
        invited = Invitation.objects.visible_to(user).filter(event=event).count()
    if waiting is None:
        waiting = event.registrations.visible_to(user).waiting().count()
    found = [
        {"label": _("Invited"), "url": base, "current": current == "invited", "count": invited},
        {
            "label": _("Takes part"),
            "url": f"{base}?tab=people",
            "current": current == "people",
            "count": event.taken + waiting,
        },
    ]
    if to_decide is None:
        to_decide = SignUp.objects.visible_to(user).filter(event=event).waiting().count()
    if to_decide or event.sign_ups == Event.SignUps.STAFF:
        found.append(
            {"label": _("To decide"), "url": f"{base}?tab=asked", "current": current == "asked", "count": to_decide}
        )
    for tab in _TABS:
        url = reverse(tab.url_name, args=[event.uid])
        found.append(
            {"label": tab.label, "url": url, "current": current == tab.url_name, "count": tab.count(event, user)}
        )
    return found
