"""Whether what a dry run decided still holds: nobody changed anything since, so far as the audit trail knows, which knows all.

A moment is kept as the oldest transaction that was under way in it, and as the last entry. An entry of that transaction or of a later one
may not have been seen. A restored database counts its transactions anew: there a later entry, or a transaction yet to come, says so.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection

from contacts.importing.models import ImportRun

# Changes of these touch nobody in the directory. Whatever is not named here counts, and so does what features to come will change.
ELSEWHERE = ["apitoken", "campaign", "drive", "job", "mailing", "savedview", "segment", "user", "usersession"]
IDLE_VERBS = ["import.uploaded", "import.exported", "import.discarded"]

# A row says the lower half of the number of its transaction; of the day before, that is enough to know the whole.
CHANGED = """
WITH clock AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next),
     recent AS (
         SELECT e.id, e.xmin::text::bigint + (c.next >> 32 << 32) AS xid, c.next FROM crm_auditentry e, clock c
          WHERE (e.at >= %(at)s::timestamptz - interval '1 day' OR e.id > %(last)s) AND e.object_type <> ALL (%(elsewhere)s) AND e.verb <> ALL (%(idle)s))
SELECT (SELECT next < %(oldest)s FROM clock) OR EXISTS (SELECT 1 FROM recent WHERE id > %(last)s OR CASE WHEN xid - next > 1::bigint << 31 THEN xid - (1::bigint << 32) ELSE xid END >= %(oldest)s)
"""


def now(scope: Collection[str] | None) -> dict[str, Any]:
    """To keep with what is decided in this transaction; ask before anything else in it. scope: as in `make_plan`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, now()::text,"
            " coalesce((SELECT max(id) FROM crm_auditentry), 0)"
        )
        oldest, at, last = cursor.fetchone()
    return {"oldest": oldest, "at": at, "last": last, "scope": _written(scope)}


def holds(run: ImportRun, scope: Collection[str] | None) -> bool:
    """Whether the rows may be applied as they were decided, for somebody who works in these countries (None: in all)."""
    planned = run.planned
    if not planned or planned["scope"] != _written(scope):
        return False
    values = {
        "at": planned["at"],
        "oldest": planned["oldest"],
        "last": planned["last"],
        "elsewhere": ELSEWHERE,
        "idle": IDLE_VERBS,
    }
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, values)
        return not cursor.fetchone()[0]


def _written(scope: Collection[str] | None) -> list[str] | None:
    return None if scope is None else sorted(scope)
