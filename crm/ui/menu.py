"""The main menu. A feature that exists registers its entry; nothing else is in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils import timezone

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.counting import Countable, counts, question
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
SECONDS_KEPT, MOST_KEPT = 60, 2_000
_QUESTIONS: dict[Any, tuple[float, list[Countable]]] = {}


def register(item: MenuItem) -> None:
    if item not in ITEMS:
        ITEMS.append(item)
        ITEMS.sort(key=lambda i: (i.group, i.order))


def items_for(user: User) -> list[MenuItem]:
    return [item for item in ITEMS if any(user.may(action) for action in item.actions)]


def counts_for(user: User, items: list[MenuItem], *, also: Iterable[Countable] = ()) -> list[int]:
    """How much `also` is, then what waits for `user` at each entry."""
    asked = [_asked(item, user) for item in items]
    first, *found = counts([also, *asked])
    for item, questions, number in zip(items, asked, found, strict=True):
        if item.note and not all(isinstance(question, int) for question in questions):
            item.note(user, number)
    return [first, *found]


def _asked(item: MenuItem, user: User) -> list[Countable]:
    """What to count. The words of the questions, not the answers, are kept for a minute: they hang on the user's grants and the
    day alone, and making them anew was a sixth of a page's processor time."""
    if not item.count:
        return []
    key = (item.url_name, user.pk, timezone.localdate(), *_reach(user))
    kept = _QUESTIONS.get(key)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    countables = list(item.count(user))
    if any(isinstance(each, int) for each in countables):  # an answer is nothing to be kept here
        return countables
    asked: list[Countable] = [question(each) if isinstance(each, QuerySet) else each for each in countables]
    if len(_QUESTIONS) >= MOST_KEPT:
        _QUESTIONS.clear()
    _QUESTIONS[key] = (time.monotonic() + SECONDS_KEPT, asked)
    return asked


def _reach(user: User) -> list[tuple[Any, ...]]:
    return sorted((g.role, g.is_everywhere, *map(str, g.campaigns), *g.countries) for g in user.grant_rows)
