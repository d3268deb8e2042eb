"""Rate limits at the edges: so many times in so many seconds, counted in the shared cache.

A cache that does not answer limits nobody: refusing an unsubscribe is worse than letting one too many through.
"""

import hashlib
import logging

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def allow(name: str, who: str, *, limit: int, seconds: int) -> bool:
    """Count one use of `name` by `who`; False when it is more than `limit` in the running window of `seconds`."""
    key = f"limit:{name}:{hashlib.sha256(who.encode()).hexdigest()[:24]}"
    try:
        if cache.add(key, 1, timeout=seconds):
            return True
        return cache.incr(key) <= limit
    except ValueError:  # the window ended between the two calls
        return True
    except (RedisError, OSError):
        logger.warning("The cache does not answer, so %s is not limited.", name)
        return True
