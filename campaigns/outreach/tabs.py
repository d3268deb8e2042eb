"""The second row of navigation of outreach: pages of several features, as far as the user may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Tab:
    label: StrOrPromise
    url_name: str
    icon: str
    order: int
    actions: tuple[Action, ...] = (Action.SEE,)


TABS: list[Tab] = []


def register(tab: Tab) -> None:
    if tab not in TABS:
        TABS.append(tab)
        TABS.sort(key=lambda each: each.order)


def outreach_tabs(user: User, current: str) -> list[dict[str, Any]]:
    """Items for <c-tabs>. current: the URL name of the page."""
    return [
        {"label": tab.label, "url": reverse(tab.url_name), "icon": tab.icon, "current": tab.url_name == current}
        for tab in TABS
        if any(user.may(action) for action in tab.actions)
    ]
