"""What can be kept for a while. A feature registers each kind of its data: how to count what is too old, how to let it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Batch:
    """What one batch did. It ran in the caller's transaction, in a few seconds at most."""

    rows: int
    more: bool


@dataclass(frozen=True)
class Kind:
    """count(before, since, limit): rows that would go, at most `limit`; work(before, since): one batch."""

    code: str
    label: StrOrPromise
    what: StrOrPromise  # what goes, and what stays
    default_days: int | None
    minimum_days: int
    count: Callable[[datetime, datetime | None, int], int]
    work: Callable[[datetime, datetime | None], Batch]
    not_longer_than: str = ""  # the code of a kind that it hangs on
    order: int = 50


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    KINDS[kind.code] = kind
    return kind


def kinds() -> list[Kind]:
    return sorted(KINDS.values(), key=lambda kind: (kind.order, kind.code))
