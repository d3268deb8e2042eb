"""The main menu. A feature that exists registers its entry; nothing else is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.counting import Countable, counts
from crm.ui.links import path_of

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
    count: Callable[[User], Iterable[Countable]] | None = None  # what waits; all entries are counted in one statement
    note: Callable[[User, int], None] | None = None  # is told what had to be counted
    prefix: str = ""  # the item is current on paths that begin so; by default its own URL

    @property
    def url(self) -> str:
        return path_of(self.url_name)


ITEMS: list[MenuItem] = []


def register(item: MenuItem) -> None:
    if item not in ITEMS:
        ITEMS.append(item)
        ITEMS.sort(key=lambda i: (i.group, i.order))


def items_for(user: User) -> list[MenuItem]:
    return [item for item in ITEMS if any(user.may(action) for action in item.actions)]


def counts_for(user: User, items: list[MenuItem], *, also: Iterable[Countable] = ()) -> list[int]:
    """How much `also` is, then what waits for `user` at each entry."""
    asked = [list(item.count(user)) if item.count else [] for item in items]
    first, *found = counts([also, *asked])
    for item, questions, number in zip(items, asked, found, strict=True):
        if item.note and not all(isinstance(question, int) for question in questions):
            item.note(user, number)
    return [first, *found]
