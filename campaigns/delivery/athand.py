"""The deliveries that a run has claimed and its lanes take, one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice

from campaigns.delivery.composing import Item


class AtHand:
    """A queue without a promise for each item: a lane takes what is there at once, and who fills it looks when little is left."""

    def __init__(self, few: int) -> None:
        """few: with fewer items than this it is to be filled again."""
        self._items: deque[Item] = deque()
        self._few = few
        self._more, self._low = asyncio.Event(), asyncio.Event()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Iterable[Item]) -> None:
        self._items.extend(items)
        self._more.set()

    def take(self) -> Item | None:
        """The next one, or None when there is none now."""
        if len(self._items) < self._few:
            self._low.set()
        return self._items.popleft() if self._items else None

    def clear(self) -> list[Item]:
        """Take all of them out; returns them."""
        taken = list(self._items)
        self._items.clear()
        self._low.set()
        return taken

    def first(self, count: int) -> list[Item]:
        """Those that are taken next."""
        return list(islice(self._items, count))

    async def low(self) -> None:
        """Return when few are left, or when nobody takes any more."""
        while len(self._items) >= self._few and not self._is_over:
            self._low.clear()
            await self._low.wait()

    def end(self) -> None:
        """Nobody takes any more: who fills it need not wait for that."""
        self._is_over = True
        self._low.set()

    async def more(self, seconds: float) -> None:
        """Return when there may be more, or after so long."""
        if self._items:
            return
        self._more.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """Let those look again who wait for more."""
        self._more.set()
