"""Count anew what is in doubt."""

from __future__ import annotations

import time

from django.db import connection, transaction

from contacts.reach.models import ReachDoubt
from contacts.reach.sql import REFRESH

AT_ONCE = 20_000
LOCK = 0x72656163  # "reac"


def refresh(*, seconds: float = 30) -> bool:
    """Counts until nothing is in doubt or the time is up; whether nothing is. Safe to run twice at once: the second leaves."""
    until = time.monotonic() + seconds
    while ReachDoubt.objects.exists():
        if time.monotonic() > until or not _some():
            return False
    return True


@transaction.atomic
def _some() -> bool:
    """AT_ONCE institutions. The lock is taken in a statement before the one that counts, so that its snapshot sees what an earlier
    count wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        [is_ours] = cursor.fetchone()
        if is_ours:
            cursor.execute(REFRESH, [AT_ONCE])
    return bool(is_ours)
