"""A transport's limit, shared by all workers: a token bucket in Valkey.

Tokens are taken in small handfuls, so that a fast transport does not pay a round trip for each message. Without Valkey each
worker keeps to its own share of the limit, which is slower than allowed and never faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)
# GCRA: the key holds the time at which the bucket is full again. Returns 0, or the microseconds to wait for `n` tokens.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local step, n, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local wait = full + n * step - now - burst
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.0f', full + n * step), 'PX', math.ceil((full + n * step - now) / 1000) + 1000)
return 0
"""


class Pace:
    """How fast one worker may send by one transport. Without a limit everything is free at once."""

    def __init__(self, transport_id: int, per_second: int | None) -> None:
        self.per_second = per_second
        self.key = f"{settings.CACHES['default'].get('KEY_PREFIX', 'gs')}:pace:{transport_id}"
        self.handful = max(1, (per_second or 0) // 10)
        self.tokens = 0
        self._valkey: Any = None
        self._alone_until = 0.0
        self._next = 0.0
        self._lock = asyncio.Lock()

    @property
    def is_free(self) -> bool:
        """Whether a message may leave without asking; takes its token."""
        if not self.per_second:
            return True
        if self.tokens > 0:
            self.tokens -= 1
            return True
        return False

    async def wait(self, stop: asyncio.Event) -> None:
        """Return when one more message may leave, or at once when `stop` is set."""
        if self.is_free:
            return
        async with self._lock:
            while not stop.is_set():
                if self.is_free:
                    return
                delay = await self._take()
                if delay <= 0:
                    self.tokens += self.handful
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(delay, 1.0)):
                        await stop.wait()

    async def _take(self) -> float:
        """Take a handful of tokens; returns the seconds to wait when there are not enough."""
        assert self.per_second  # noqa: S101 callers checked
        step = 1_000_000 / self.per_second
        if time.monotonic() >= self._alone_until:
            try:
                async with asyncio.timeout(1):
                    if self._valkey is None:
                        import redis.asyncio  # only when a limit is set

                        self._valkey = redis.asyncio.Redis.from_url(settings.REDIS_URL)
                    # at most a tenth of a second's worth leaves at once
                    burst = max(step * self.handful, 100_000)
                    return float(await self._valkey.eval(_TAKE, 1, self.key, step, self.handful, burst)) / 1_000_000
            except Exception:  # whatever the client raises: a limit must not stop a mailing
                logger.warning("Valkey does not answer; this worker keeps to its own share of the limit.")
                self._alone_until = time.monotonic() + 5
        now = time.monotonic()
        if self._next > now:
            return self._next - now
        self._next = now + self.handful * settings.DELIVERY_TASKS / self.per_second
        return 0

    async def close(self) -> None:
        if self._valkey is not None:
            with contextlib.suppress(Exception):
                await self._valkey.aclose()
