"""Work through what waits, each by itself, so that a broken one fails alone and the others go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from django.db import OperationalError

logger = logging.getLogger(__name__)


def one_by_one(
    ids: Iterable[int], *, handle: Callable[[int], object], give_up: Callable[[int, str], None], what: str, until: float
) -> int:
    """How many `handle` did something about (it returns None where there was nothing to do), until a time of the monotonic clock.

    What breaks its handler is given up with a reason. A database that goes away is no reason: then the task ends, and all wait.
    """
    handled = 0
    for pk in ids:
        if time.monotonic() > until:
            break
        try:
            handled += handle(pk) is not None
        except OperationalError:
            raise
        except Exception as error:  # anybody may send us anything; it is kept, named and shown
            logger.exception("%s %s could not be handled", what, pk)
            give_up(pk, f"{type(error).__name__}: {error}")
    return handled
