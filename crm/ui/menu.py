"""The main menu. A feature that exists registers its entry; nothing else is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class MenuItem:
    label: StrOrPromise
    icon: str
    url_name: str
    order: int
    group: int = 1  # groups are set apart by space
    actions: tuple[Action, ...] = (Action.SEE,)
    count: Callable[[User], int] | None = None
    prefix: str = ""  # the item is current on paths that begin so; by default its own URL

    @property
    def url(self) -> str:
        return reverse(self.url_name)


ITEMS: list[MenuItem] = []


def register(item: MenuItem) -> None:
    if item not in ITEMS:
        ITEMS.append(item)
        ITEMS.sort(key=lambda i: (i.group, i.order))


def items_for(user: User) -> list[MenuItem]:
    return [item for item in ITEMS if any(user.may(action) for action in item.actions)]
