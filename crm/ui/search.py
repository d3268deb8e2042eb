"""Ctrl-K: one box over everything. Each feature registers a source; each source asks its own normalised, indexed column.

register(SearchSource("person", _("People"), "user", find_people, order=10))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import menu, shell
from crm.ui.searchtext import normalise

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PER_SOURCE = 6
MIN_LENGTH = 2  # one letter matches everything and helps nobody


@dataclass(frozen=True)
class Hit:
    title: str
    url: str
    subtitle: str = ""
    icon: str = ""


class Hits(list[Hit]):
    """What a source found; `is_cut` when it stopped looking because it took too long."""

    def __init__(self, hits: Iterable[Hit] = (), *, is_cut: bool = False) -> None:
        super().__init__(hits)
        self.is_cut = is_cut


@dataclass(frozen=True)
class SearchSource:
    """find(user, words, limit): hits among what the user may see. `words` is as typed; `normalise()` gives the stored form."""

    kind: str
    label: StrOrPromise
    icon: str
    find: Callable[[User, str, int], Iterable[Hit]]
    order: int = 50
    actions: tuple[Action, ...] = (Action.SEE,)
    list_url: Callable[[str], str] | None = None  # the list that shows all that match


@dataclass
class Group:
    source: SearchSource
    hits: list[Hit] = field(default_factory=list)
    more_url: str = ""
    is_cut: bool = False  # there may be more: looking took too long and was stopped


SOURCES: list[SearchSource] = []


def register(source: SearchSource) -> None:
    """Add a source, or replace the one of its kind."""
    SOURCES[:] = sorted([s for s in SOURCES if s.kind != source.kind] + [source], key=lambda s: s.order)


def search(user: User, text: str, *, per_source: int = PER_SOURCE) -> list[Group]:
    """What `user` may see that matches `text`, by kind; without text, the pages to go to."""
    text = text.replace("\x00", "").strip()
    if len(normalise(text)) < MIN_LENGTH:
        return [_pages(user, "")]
    groups = []
    for source in SOURCES:
        if not any(user.may(action) for action in source.actions):
            continue
        found = source.find(user, text, per_source + 1)
        hits, is_cut = list(found), getattr(found, "is_cut", False)
        if hits or is_cut:
            more = source.list_url(text) if source.list_url and len(hits) > per_source else ""
            groups.append(Group(source, hits[:per_source], more, is_cut))
    pages = _pages(user, text)
    return groups + ([pages] if pages.hits else [])


def _pages(user: User, text: str) -> Group:
    """The menu's own entries, so that the keyboard reaches every page."""
    words = normalise(text)
    source = SearchSource("page", _("Go to"), "arrow-right", lambda user, text, limit: [], order=90)
    entries = [Hit(str(item.label), item.url, icon=item.icon) for item in menu.items_for(user)]
    entries += [
        Hit(_("New: %(what)s") % {"what": item.label}, reverse(item.url_name), icon=item.icon)
        for item in shell.NEW
        if any(user.may(action) for action in item.actions)
    ]
    return Group(source, [hit for hit in entries if words in normalise(hit.title)])
