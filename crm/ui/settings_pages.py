"""The settings page's entries. A feature that has a settings screen registers it; nothing else is listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class SettingsPage:
    label: StrOrPromise
    description: StrOrPromise
    icon: str
    url_name: str
    order: int
    actions: tuple[Action, ...] = (Action.ADMINISTER,)

    @property
    def url(self) -> str:
        return reverse(self.url_name)


PAGES: list[SettingsPage] = []


def register(page: SettingsPage) -> None:
    if page not in PAGES:
        PAGES.append(page)
        PAGES.sort(key=lambda p: p.order)


def pages_for(user: User) -> list[SettingsPage]:
    return [page for page in PAGES if any(user.may(action) for action in page.actions)]
