"""So many requests a minute for each token, counted in the shared cache. A cache that does not answer limits nobody."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
WINDOW = 60


@dataclass(frozen=True)
class Rate:
    limit: int
    left: int
    reset: int  # seconds

    @property
    def is_over(self) -> bool:
        return self.left < 0

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(self.left, 0)),
            "RateLimit-Reset": str(self.reset),
        }


def count(token_id: int, *, cost: int = 1, now: float | None = None) -> Rate | None:
    """Count one request; None when the cache does not answer (then nobody is limited)."""
    moment = time.time() if now is None else now
    window, limit = int(moment // WINDOW), settings.API_RATE_PER_MINUTE
    key = f"api-rate:{token_id}:{window}"
    try:
        used = cost if cache.add(key, cost, timeout=2 * WINDOW) else cache.incr(key, cost)
    except ValueError:  # gone between the two calls
        used = cost
    except (RedisError, OSError):
        logger.warning("The cache does not answer, so the API is not limited.")
        return None
    return Rate(limit, limit - used, WINDOW - int(moment % WINDOW))
