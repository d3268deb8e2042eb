"""Limits shared by all workers: token buckets in Valkey, and the day's budget of a domain that is being warmed up.

A message needs a token of each bucket that it falls under (its transport's, its sender's, its recipient domain's); they are taken
together or not at all, by one script. Tokens are taken in small handfuls, so that a fast road does not pay a round trip for each
message, and where there is no limit nothing is asked. Without Valkey each worker keeps to its own share of every
limit, by the number of runs of all mailings, which is slower than allowed and never faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from campaigns.delivery.lines import Connection

logger = logging.getLogger(__name__)
# GCRA: each key holds the time at which its bucket is full again. Returns 0 when `n` tokens of all were taken, else the
# microseconds to wait for the fullest. No bucket is ever fuller than what it holds at once: one that seems to be was filled by a clock
# that has been set back since, and would let nothing leave until that hour comes again.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local n, longest, full = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  local step, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  full[i] = tonumber(redis.call('GET', key) or now)
  if full[i] < now then full[i] = now end
  if full[i] > now + 2 * burst + 1000000 then full[i] = now + burst end
  local wait = full[i] + n * step - now - burst
  if wait > longest then longest = wait end
end
if longest > 0 then return math.ceil(longest) end
for i, key in ipairs(KEYS) do
  local later = full[i] + n * tonumber(ARGV[2 * i])
  redis.call('SET', key, string.format('%.0f', later), 'PX', math.ceil((later - now) / 1000) + 1000)
end
return 0
"""
AT_ONCE = 0.1  # seconds' worth that leaves at once: a stream without gusts
COUNT_EVERY = (
    1.0  # seconds after which runs are counted again, and for which a new one waits, so that all have counted it
)
_RUNS = """
SELECT count(*) FROM (
  SELECT token FROM campaigns_deliverychunk WHERE NOT is_done AND lease_until > now()
  UNION SELECT token FROM campaigns_deliveryretry WHERE lease_until > now()) run WHERE token IS NOT NULL"""
SLOW_AT_ONCE = 15.0  # of a slow bucket: workers that come back every ten seconds find what gathered meanwhile


@dataclass(frozen=True)
class Bucket:
    """So many a second of what `key` names; `at_once`: the seconds' worth that it holds."""

    key: str
    per_second: float
    at_once: float = AT_ONCE

    @property
    def step(self) -> float:
        return 1_000_000 / self.per_second


async def count_runs(line: Connection) -> int:
    """How many runs hold a claim now, of all mailings: any of them may fall under the same limits."""
    row = await (await line.execute(_RUNS)).fetchone()
    return int(row[0]) if row else 0


class Tokens:
    """One run's way to the buckets: Valkey, or its own share of each while Valkey is away."""

    def __init__(self, count: Callable[[], Awaitable[int]] | None = None) -> None:
        """count: how many runs there are; without it, as many as one mailing may have."""
        self._count, self._counted_at, self._begins = count, 0.0, 0.0
        self.runs: int = settings.DELIVERY_TASKS
        self._valkey: Any = None
        self._alone_until = 0.0
        self._full: dict[str, float] = {}  # by our own clock, while alone

    async def take(self, buckets: Sequence[Bucket], n: int) -> float:
        """Take `n` tokens of each; returns 0, or the seconds to wait when one has not enough."""
        if time.monotonic() >= self._alone_until:
            try:
                async with asyncio.timeout(1):
                    return await self._ask(buckets, n)
            except Exception:  # whatever the client raises: a limit must not stop a mailing
                logger.warning("Valkey does not answer; this worker keeps to its own share of the limits.")
                self._alone_until = time.monotonic() + 5
        return await self._take_alone(buckets, n)

    async def _ask(self, buckets: Sequence[Bucket], n: int) -> float:
        if self._valkey is None:
            import redis.asyncio  # only when a limit is set

            self._valkey = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        prefix = settings.CACHES["default"].get("KEY_PREFIX", "gs")
        limits = [value for one in buckets for value in (one.step, max(one.step * n, one.at_once * 1_000_000))]
        keys = [f"{prefix}:pace:{one.key}" for one in buckets]
        return float(await self._valkey.eval(_TAKE, len(keys), *keys, n, *limits)) / 1_000_000

    async def _take_alone(self, buckets: Sequence[Bucket], n: int) -> float:
        await self._look_around()
        now = time.monotonic()
        shares = [(one.key, n * self.runs / one.per_second) for one in buckets]
        wait = max(self._full.get(key, self._begins) - now for key, _seconds in shares)
        if wait > 0:
            return wait
        for key, seconds in shares:
            self._full[key] = now + seconds
        return 0

    async def _look_around(self) -> None:
        now = time.monotonic()
        if self._count is None or now < self._counted_at + COUNT_EVERY:
            return
        self._counted_at = now
        self._begins = self._begins or now + COUNT_EVERY
        with contextlib.suppress(Exception):  # PostgreSQL is away too: nothing leaves then anyway
            self.runs = max(settings.DELIVERY_TASKS, await self._count())

    async def close(self) -> None:
        if self._valkey is not None:
            with contextlib.suppress(Exception):
                await self._valkey.aclose()


class Budget:
    """What a day still allows, taken in handfuls from the ledger's database; `take(n)` returns how many it gave."""

    def __init__(self, take: Callable[[int], Awaitable[int]], give_back: Callable[[int], Awaitable[None]], most: int):
        self._take, self._give_back = take, give_back
        self.handful = max(1, min(100, most // 20))
        self.left = 0
        self.is_spent = False
        self._lock = asyncio.Lock()

    async def fill(self) -> bool:
        """Have one message's worth at hand; False when the day's is spent."""
        async with self._lock:
            if self.left <= 0 and not self.is_spent:
                self.left = await self._take(self.handful)
                self.is_spent = self.left <= 0
            return self.left > 0

    async def close(self) -> None:
        if self.left > 0:
            await self._give_back(self.left)
            self.left = 0


class Pace:
    """How fast one run may send what falls under the same buckets. Without any, and without a budget, everything is free."""

    def __init__(self, tokens: Tokens, buckets: Sequence[Bucket], budget: Budget | None = None) -> None:
        self._source, self.buckets, self.budget = tokens, buckets, budget
        slowest = min((bucket.per_second for bucket in buckets), default=0.0)
        self.handful = max(1, int(slowest * AT_ONCE))
        self.tokens = 0
        self._lock = asyncio.Lock()

    @property
    def is_free(self) -> bool:
        """Whether a message may leave without asking; takes its tokens."""
        if self.buckets and self.tokens <= 0:
            return False
        if self.budget is not None:
            if self.budget.left <= 0:
                return False
            self.budget.left -= 1
        if self.buckets:
            self.tokens -= 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may leave today."""
        return self.budget is not None and self.budget.is_spent

    def put_back(self) -> None:
        """The message that tokens were taken for does not leave now."""
        if self.buckets:
            self.tokens += 1
        if self.budget is not None:
            self.budget.left += 1

    async def wait(self, stop: asyncio.Event) -> bool:
        """True when one more message may leave; False, at once, when `stop` is set or the day's budget is spent."""
        if self.is_free:
            return True
        async with self._lock:
            while not stop.is_set():
                if self.budget is not None and not await self.budget.fill():
                    return False
                if self.is_free:
                    return True
                if not self.buckets:
                    continue
                delay = await self._source.take(self.buckets, self.handful)
                if delay <= 0:
                    self.tokens += self.handful
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(delay, 1.0)):
                        await stop.wait()
        return False
