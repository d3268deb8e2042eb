"""Large counts are remembered for a while: a million rows are not counted again for each page that says how many there are.

The key is the query itself with its values, the reader's reach among them, so nobody is told a number that they could not
have counted. Small numbers are always counted: there one notices what one has just added.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
Counted = TypeVar("Counted")


def remembered(
    what: str,
    queryset: QuerySet[Any],
    count: Callable[[], Counted],
    *,
    seconds: int,
    is_large: Callable[[Counted], bool],
) -> Counted:
    """What `count()` says of `queryset`, or what it said not longer than `seconds` ago if that was large. what: tells counts apart."""
    try:
        sql, values = queryset.query.sql_with_params()
    except EmptyResultSet:
        return count()
    asked = (connection.settings_dict["NAME"], what, sql, values)  # benches have databases of their own
    key = f"count:{hashlib.sha256(repr(asked).encode()).hexdigest()}"
    try:
        known = cache.get(key)
    except (RedisError, OSError) as error:
        logger.warning("The cache does not answer; a large count is made anew: %s", error)
        return count()
    if known is not None:
        found: Counted = known
        return found
    found = count()
    if is_large(found):
        try:
            cache.set(key, found, seconds)
        except (RedisError, OSError) as error:
            logger.warning("The cache does not answer; a large count is not remembered: %s", error)
    return found
