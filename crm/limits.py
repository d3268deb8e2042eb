"""Rate limits at the edges: so many times in so many seconds, counted in the shared cache.

A cache that does not answer refuses nobody: `crm.cache` then counts in this process, because refusing an unsubscribe is
worse than letting one too many through.
"""

import hashlib
import logging

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from crm.addresses import client_address, network_of

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


def allow_from(name: str, request: HttpRequest, *, limit: int, seconds: int) -> bool:
    """The same for whoever sent `request`: counted by the client's address, as TRUSTED_HOPS says."""
    return allow(name, network_of(client_address(request)), limit=limit, seconds=seconds)
