"""The pages of an event, as tabs. Features add theirs from their registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.events.models import Event, Invitation, SignUp
from crm.accounts.models import User
from crm.ui.counting import Countable, counts

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class EventTab:
    """url_name: a route whose one argument is the event's uid. rows: what stands behind it, as the user sees it; counted with the others'."""

    label: StrOrPromise
    url_name: str
    rows: Callable[[Event, User], Countable]


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
    asked: list[Countable] = [
        Invitation.objects.visible_to(user).filter(event=event) if invited is None else invited,
        event.registrations.visible_to(user).waiting() if waiting is None else waiting,
        SignUp.objects.visible_to(user).filter(event=event).waiting() if to_decide is None else to_decide,
        *(tab.rows(event, user) for tab in _TABS),
    ]
    invited, waiting, to_decide, *others = counts([[one] for one in asked])
    found = [
        {"label": _("Invited"), "url": base, "current": current == "invited", "count": invited},
        {
            "label": _("Takes part"),
            "url": f"{base}?tab=people",
            "current": current == "people",
            "count": event.taken + waiting,
        },
    ]
    if to_decide or event.sign_ups == Event.SignUps.STAFF:
        found.append(
            {"label": _("To decide"), "url": f"{base}?tab=asked", "current": current == "asked", "count": to_decide}
        )
    for tab, count in zip(_TABS, others, strict=True):
        url = reverse(tab.url_name, args=[event.uid])
        found.append({"label": tab.label, "url": url, "current": current == tab.url_name, "count": count})
    return found
