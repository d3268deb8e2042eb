"""Valkey as Django's cache; limits are still counted when it does not answer.

Sign-in limits must neither lock everybody out nor let everybody guess because Valkey is down. So the keys of limits, and
only those, fall back to a count in this process: with n web processes somebody gets at most n times as many tries, which
the limits bear. All other keys raise as before: whoever uses them knows what to do without.

After a failure Valkey is left alone for RETRY_SECONDS for those keys, or each of the ten questions of one sign-in would
wait for its own time-out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
LIMITS = ("allauth:rl:", "allauth.mfa.", "limit:")
RETRY_SECONDS = 10


class SturdyCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._server = server
        # named by the server: caches for different servers must not share what they count
        self._here = LocMemCache(f"limits {server}", {"KEY_PREFIX": self.key_prefix, "MAX_ENTRIES": 20_000})

    def ping(self) -> None:
        """Raise when Valkey does not answer."""
        super().get("ping")

    def _try(self, key: str, there: Callable[[], Any], here: Callable[[], Any]) -> Any:
        if not key.startswith(LIMITS):
            return there()
        if time.monotonic() >= _until.get(self._server, 0.0):
            try:
                return there()
            except (RedisError, OSError) as error:
                _until[self._server] = time.monotonic() + RETRY_SECONDS
                logger.error("The cache does not answer; limits are counted in this process: %s", error)
        return here()

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return self._try(
            key,
            lambda: super(SturdyCache, self).add(key, value, *args, **kwargs),
            lambda: self._here.add(key, value, *args, **kwargs),
        )

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        return self._try(
            key,
            lambda: super(SturdyCache, self).get(key, *args, **kwargs),
            lambda: self._here.get(key, *args, **kwargs),
        )

    def set(self, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
        self._try(
            key,
            lambda: super(SturdyCache, self).set(key, value, *args, **kwargs),
            lambda: self._here.set(key, value, *args, **kwargs),
        )

    def delete(self, key: str, *args: Any, **kwargs: Any) -> bool:
        return self._try(
            key,
            lambda: super(SturdyCache, self).delete(key, *args, **kwargs),
            lambda: self._here.delete(key, *args, **kwargs),
        )

    def incr(self, key: str, *args: Any, **kwargs: Any) -> int:
        return self._try(
            key,
            lambda: super(SturdyCache, self).incr(key, *args, **kwargs),
            lambda: self._here.incr(key, *args, **kwargs),
        )


_until: dict[str, float] = {}  # server → when it is asked again; one for all threads, whose caches are their own
