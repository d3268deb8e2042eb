"""What the planner believes of tables that have grown since they were last analysed.

A table that was empty at the last ANALYZE, or was never analysed, is taken for tiny, and a join over it for a loop: with a few
thousand rows such a plan takes minutes. Autovacuum comes only within the next minute, and not at all while a session has not
yet reported its changes, so who is about to run a large query asks here first.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

PAGE_BYTES = 8192
# Pages: fewer are read in no time by any plan.
SMALL = 8


def freshen(tables: Sequence[str]) -> list[str]:
    """ANALYZE those of `tables` that are more than twice as large as when they were last looked at; returns these.

    One quick query when there is nothing to do. Reads and writes go on meanwhile; inside a transaction, other maintenance of
    such a table waits until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name FROM unnest(%s::text[]) AS t(name) JOIN pg_class c ON c.oid = to_regclass(t.name)"
            " WHERE pg_relation_size(c.oid) / %s > 2 * greatest(c.relpages, 0) + %s ORDER BY t.name",
            [list(tables), PAGE_BYTES, SMALL],
        )
        grown = [name for (name,) in cursor.fetchall()]
        if grown:
            cursor.execute(f"ANALYZE {', '.join(grown)}")
    return grown
