"""When a worker was at a mailing last: what `lateness` goes by."""

from __future__ import annotations

from django.db import connection

_NOTE = """
INSERT INTO campaigns_lastrun AS r (mailing_id, at) VALUES (%s, now())
ON CONFLICT (mailing_id) DO UPDATE SET at = now() WHERE r.at < now() - interval '1 minute' OR %s"""


def note_run(mailing_id: int, *, anew: bool = False) -> None:
    """A worker is at it; written once a minute. anew: at once, for it has only now begun or gone on."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [mailing_id, anew])
