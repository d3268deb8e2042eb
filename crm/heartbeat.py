"""Signs of life in the cache: whoever goes round leaves the time, whoever watches reads how long ago that was."""

from __future__ import annotations

import contextlib
import time

from django.core.cache import cache
from redis.exceptions import RedisError

_KEPT = 7 * 86_400


def beat(name: str) -> None:
    """Leave the time. A cache that is away keeps nobody from working."""
    with contextlib.suppress(RedisError, OSError):
        cache.set(f"heartbeat:{name}", time.time(), _KEPT)


def age(name: str) -> float | None:
    """Seconds since; None when there was none within a week. Raises when the cache does not answer."""
    at = cache.get(f"heartbeat:{name}")
    return None if at is None else max(0.0, time.time() - at)
