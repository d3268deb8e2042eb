"""Today: what needs me, why, since when, and the one next step. Features register what they know.

register_needs(approvals_waiting, approvals)  fn(user) -> iterable of Need; and fn(user) -> the rows that they are made of
register_card(sending_now)             fn(user) -> Card or None: a card of the right column, or of the left (column="main")
register_setup(sender_domain_checked)  fn(user) -> iterable of SetupStep, for administrators
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from crm.accounts.models import User
from crm.ui import formats
from crm.ui.counting import Countable, counts

if TYPE_CHECKING:
    from crm.ui import setup

SHOWN_AT_FIRST = 8
COUNT_SECONDS = 10


@dataclass(frozen=True)
class Need:
    """One thing that waits for the user. at: since when, or (if it lies ahead) until when; rank: lower comes first."""

    icon: str
    title: str
    why: str
    url: str
    step: str
    at: dt.datetime | None = None
    kind: str = "blue"  # blue, ok, warn, bad: the colour of the icon, which repeats what the words say
    rank: int = 50
    is_due: bool = False  # `at` is a deadline


@dataclass(frozen=True)
class Card:
    """A card; template gets `card`, and what it shows as `card.context.…`. url is where its headline leads."""

    title: str
    template: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    column: str = "side"
    order: int = 50
    why: str = ""
    url: str = ""
    link: str = ""
    lazy_url: str = ""  # instead of a template: a fragment that is fetched when the page is there
    refresh: bool = False  # something in it moves: the page asks again every few seconds


@dataclass(frozen=True)
class SetupStep:
    """A step of setting the installation up; the card goes away when all are done."""

    title: str
    why: str
    url: str
    is_done: bool
    order: int = 50
    code: str = ""  # what "skip" remembers; a step without one cannot be skipped
    is_skipped: bool = False

    @property
    def is_open(self) -> bool:
        return not self.is_done and not self.is_skipped


@dataclass(frozen=True)
class Day:
    """All that the page shows."""

    greeting: str
    headline: str
    needs: list[Need]
    rest: list[Need]
    main: list[Card]
    side: list[Card]
    steps: list[SetupStep]
    setup: setup.Setup | None = None

    @property
    def total(self) -> int:
        return len(self.needs) + len(self.rest)

    @property
    def steps_done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def has_side(self) -> bool:
        return bool(self.side or self.steps)

    @property
    def has_moving_parts(self) -> bool:
        return any(card.refresh for card in [*self.main, *self.side])


Provider = Callable[[User], Iterable[Need]]
NEEDS: dict[Provider, Callable[[User], Iterable[Countable]]] = {}
CARDS: list[Callable[[User], Card | None]] = []
SETUP: list[Callable[[User], Iterable[SetupStep]]] = []


def register_needs(provider: Provider, waiting: Callable[[User], Iterable[Countable]]) -> None:
    """waiting: the same as rows to be counted, as many as `provider` makes needs of; nothing is read from them."""
    NEEDS.setdefault(provider, waiting)


def register_card(provider: Callable[[User], Card | None]) -> Callable[[User], Card | None]:
    if provider not in CARDS:
        CARDS.append(provider)
    return provider


def register_setup(provider: Callable[[User], Iterable[SetupStep]]) -> Callable[[User], Iterable[SetupStep]]:
    if provider not in SETUP:
        SETUP.append(provider)
    return provider


def needs_of(user: User) -> list[Need]:
    """Everything that waits for `user`: by rank, then deadlines by time, then the oldest first. Read once a request."""
    if (known := user.__dict__.get("_needs")) is None:
        # one statement says what waits at all, and only those who know something are asked what it is
        numbers = counts([waiting(user) for waiting in NEEDS.values()])
        found = [need for provider, number in zip(NEEDS, numbers, strict=True) if number for need in provider(user)]
        known = sorted(found, key=lambda need: (need.rank, not need.is_due, need.at or timezone.now()))
        user.__dict__["_needs"] = known
    return known


def waiting_for(user: User) -> list[Countable]:
    """How many needs there are, for the menu of every page, so it may be COUNT_SECONDS old. Today itself is exact."""
    if "_needs" in user.__dict__:
        return [len(needs_of(user))]
    with suppress(RedisError):
        if (known := cache.get(_key(user))) is not None:
            return [int(known)]
    return [rows for waiting in NEEDS.values() for rows in waiting(user)]


def note_waiting(user: User, count: int) -> None:
    """Know for a while what was counted, from then on."""
    with suppress(RedisError):
        cache.set(_key(user), count, COUNT_SECONDS)


def _key(user: User) -> str:
    return f"needs:{user.uid}"


def day_of(user: User, *, now: dt.datetime | None = None, show_all: bool = False) -> Day:
    from crm.ui import setup  # it asks this module's registry

    now = now or timezone.now()
    needs = needs_of(user)
    cards = sorted((card for card in (provider(user) for provider in CARDS) if card), key=lambda card: card.order)
    found = setup.setup_for_today(user)
    cut = len(needs) if show_all else SHOWN_AT_FIRST
    return Day(
        greeting=_greeting(user, now),
        headline=_headline(needs, now),
        needs=needs[:cut],
        rest=needs[cut:],
        main=[card for card in cards if card.column == "main"],
        side=[card for card in cards if card.column == "side"],
        steps=[] if found.is_over else found.steps,
        setup=None if found.is_over else found,
    )


def _greeting(user: User, now: dt.datetime) -> str:
    hour = timezone.localtime(now).hour
    first = user.name.split()[0] if user.name else ""
    if 4 <= hour < 12:
        text = _("Good morning, %(name)s")
    elif hour < 18 and hour >= 12:
        text = _("Good afternoon, %(name)s")
    else:
        text = _("Good evening, %(name)s")
    return text % {"name": first}


def _headline(needs: list[Need], now: dt.datetime) -> str:
    today = formats.long_day(timezone.localdate(now))
    if not needs:
        return _("%(day)s · nothing waits for you") % {"day": today}
    n = len(needs)
    waiting = ngettext("one thing needs you", "%(n)s things need you", n) % {"n": _spelled(n)}
    due = min((need.at for need in needs if need.is_due and need.at and need.at > now), default=None)
    if due is None:
        return f"{today} · {waiting}"
    by = _("the first by %(time)s") % {"time": formats.clock(due)} if _is_today(due, now) else ""
    return f"{today} · {waiting}" + (f", {by}" if by else "")


def _is_today(at: dt.datetime, now: dt.datetime) -> bool:
    return timezone.localtime(at).date() == timezone.localtime(now).date()


def _spelled(n: int) -> str:
    words = [_("no"), _("one"), _("two"), _("three"), _("four"), _("five"), _("six"), _("seven"), _("eight"), _("nine")]
    return words[n] if n < len(words) else formats.number(n)
