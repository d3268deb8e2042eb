"""Which door the work at hand came through. The API opens one per request; `record()` writes it into the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Entrance:
    door: str
    token_id: int | None = None
    actor_id: int | None = None  # of a partner's account: what a link would do is then done by somebody


_ENTRANCE: ContextVar[Entrance | None] = ContextVar("entrance", default=None)


@contextmanager
def through(door: str, token_id: int | None = None, actor_id: int | None = None) -> Iterator[None]:
    """What is recorded inside says that it came through `door`, unless it says another one itself."""
    mark = _ENTRANCE.set(Entrance(door, token_id, actor_id))
    try:
        yield
    finally:
        _ENTRANCE.reset(mark)


def entrance() -> Entrance | None:
    return _ENTRANCE.get()
