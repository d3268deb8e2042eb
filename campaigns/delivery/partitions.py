"""Partitions of the ledger: ranges of mailings made ahead, and one of its own for each large mailing.

Both are made like the ledger, checked, and attached last, so that reading deliveries never waits for them. No default one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from campaigns.mailings.models import Mailing
from crm.errors import Unavailable

WIDTH = 200  # mailings in a range: few enough to detach by the year, many enough to keep plans small
AHEAD = 2
FILLFACTOR = 60  # room beside each row, so that the changes of its state stay HOT
# From so many rows on, making a table, filling it and then indexing it takes less than filling one with indexes.
OWN_FROM = 20_000


def ensure_partitions() -> list[str]:
    """Make the partitions that the newest mailing and the next ones need; returns the names of those made now.

    The new table is filled and checked alone and attached last: reading deliveries never waits for it.
    """
    newest = Mailing.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    first = newest // WIDTH
    with connection.cursor() as cursor:
        known = set(_names(cursor, "delivery_shared"))
    missing = [number for number in range(first, first + AHEAD + 1) if _name(number) not in known]
    for number in missing:
        make(number)
    return [_name(number) for number in missing]


def _names(cursor: Any, tree: str) -> list[str]:
    """The partitions of `delivery_shared` or `delivery_own`, in order."""
    cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)", [tree])
    return sorted(name.rpartition(".")[2] for (name,) in cursor.fetchall())


def partition_of(mailing_id: int) -> str | None:
    """The table with this mailing's deliveries: its own, else its range's; None when there is neither yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhrelid IN (to_regclass(%s), to_regclass(%s))"
            " ORDER BY inhrelid = to_regclass(%s) DESC LIMIT 1",
            [_own(mailing_id), _name(mailing_id // WIDTH), _own(mailing_id)],
        )
        row = cursor.fetchone()
    return row[0].rpartition(".")[2] if row else None


def _name(number: int) -> str:
    return f"delivery_p{number:05d}"


def _own(mailing_id: int) -> str:
    return f"delivery_m{mailing_id}"


@contextmanager
def filling(mailing_id: int, rows: int) -> Iterator[str]:
    """The table to insert about `rows` deliveries of this mailing into, inside a transaction.

    For many it is a new one without indexes, which are built when the block ends, and then it is attached. Nobody else waits but
    another mailing's new table, for the while of building indexes.
    Raises Unavailable when there is no partition for a small one: the next tick makes it.
    """
    ready = partition_of(mailing_id)
    if rows < OWN_FROM or ready == _own(mailing_id):
        if ready is None:
            raise Unavailable("The ledger has no partition for this mailing yet. It is made within seconds.")
        yield ready
        return
    name = _own(mailing_id)
    _create(name, f"is_own AND mailing_id = {int(mailing_id)}")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} ALTER is_own SET DEFAULT true")
        yield name
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(f"ALTER TABLE delivery_own ATTACH PARTITION {name} FOR VALUES IN ({int(mailing_id)})")


def _create(name: str, check: str, like: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {name} (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS{like}, CONSTRAINT {name}_range CHECK ({check}))"
            f" WITH (fillfactor = {FILLFACTOR}, autovacuum_vacuum_scale_factor = 0.1)"
        )


def make(number: int) -> None:
    """The partition of mailings `number` × WIDTH and on, unless there is one."""
    name, low, high = _name(number), number * WIDTH, (number + 1) * WIDTH
    with transaction.atomic(), connection.cursor() as cursor:
        # two schedulers: the second waits here, then finds it made
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('delivery partitions'))")
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0]:
            return
        _create(name, f"NOT is_own AND mailing_id >= {low} AND mailing_id < {high}", like=" INCLUDING INDEXES")
        cursor.execute(f"ALTER TABLE delivery_shared ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})")


def drop_empty() -> list[str]:
    """Let go of partitions that every row has left and that no mailing can use any more; returns their names."""
    newest = Mailing.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    dropped = []
    with connection.cursor() as cursor:
        for tree, prefix, width in (("delivery_shared", "delivery_p", WIDTH), ("delivery_own", "delivery_m", 1)):
            for name in _names(cursor, tree):
                first = int(name.removeprefix(prefix)) * width
                if first + width > newest or _is_needed(first, first + width):
                    continue
                cursor.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {name})")
                if cursor.fetchone()[0]:
                    cursor.execute(f"ALTER TABLE {tree} DETACH PARTITION {name}")
                    cursor.execute(f"DROP TABLE {name}")
                    dropped.append(name)
    return dropped


def _is_needed(low: int, high: int) -> bool:
    """Whether a mailing of this range may still be frozen."""
    rows = Mailing.objects.filter(pk__gte=low, pk__lt=high)
    return rows.exclude(state__in=["finished", "cancelled"]).exists()
