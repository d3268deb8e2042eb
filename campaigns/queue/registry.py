"""What puts somebody into the queue, and what stands beside them. Features add to both.

    register_source(Source("commitment", commitments_due))     find(Asked) -> iterable of Reason, at most `asked.limit`
    register_context(positions)                                fn(organization ids, user) -> {id: [Line, …]}, one or two queries

A source asks for those whose work it is today (`asked.whose`: the user, and whoever they stand in for).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from crm.accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Asked:
    user: User
    whose: Sequence[int]
    today: date
    now: datetime
    limit: int = 60


@dataclass(frozen=True)
class Reason:
    """Why, in words. rank: lower comes first (replies 10, overdue 20, due 25, commitments 30, silence 40); next: what to do now;
    url: where; task: the task that is done by it."""

    kind: str
    words: str
    rank: int
    icon: str = "point"
    colour: str = ""
    organization_id: int | None = None
    person_id: int | None = None
    on: date | None = None
    next: str = ""
    url: str = ""
    task: UUID | None = None
    for_whom: str = ""


@dataclass(frozen=True)
class Line:
    """One fact beside an entry."""

    label: StrOrPromise
    words: str
    url: str = ""
    kind: str = ""  # a colour
    order: int = 50


@dataclass(frozen=True)
class Source:
    kind: str
    find: Callable[[Asked], Iterable[Reason]]


SOURCES: dict[str, Source] = {}
CONTEXT: list[Callable[[Sequence[int], User], dict[int, list[Line]]]] = []


def register_source(source: Source) -> None:
    SOURCES[source.kind] = source


def register_context(lines: Callable[[Sequence[int], User], dict[int, list[Line]]]) -> None:
    if lines not in CONTEXT:
        CONTEXT.append(lines)
