"""Partitions of the ledger, made ahead: a range of mailing ids each, created like, checked, attached. No default one."""

from __future__ import annotations

from django.db import connection, transaction

from campaigns.mailings.models import Mailing

WIDTH = 200  # mailings in a partition: few enough to detach by the year, many enough to keep plans small
AHEAD = 2
FILLFACTOR = 60  # room beside each row, so that the changes of its state stay HOT


def ensure_partitions() -> list[str]:
    """Make the partitions that the newest mailing and the next ones need; returns the names of those made now.

    The new table is filled and checked alone and attached last: reading deliveries never waits for it.
    """
    newest = Mailing.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    first = newest // WIDTH
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery'::regclass")
        known = {name.split(".")[-1] for (name,) in cursor.fetchall()}
    missing = [number for number in range(first, first + AHEAD + 1) if _name(number) not in known]
    for number in missing:
        make(number)
    return [_name(number) for number in missing]


def has_partition(mailing_id: int) -> bool:
    """Whether the ledger has room for this mailing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = 'delivery'::regclass"
            " AND inhrelid = to_regclass(%s))",
            [_name(mailing_id // WIDTH)],
        )
        return bool(cursor.fetchone()[0])


def partition_of(mailing_id: int) -> str:
    return _name(mailing_id // WIDTH)


def _name(number: int) -> str:
    return f"delivery_p{number:05d}"


def make(number: int) -> None:
    """The partition of mailings `number` × WIDTH and on, unless there is one."""
    name, low, high = _name(number), number * WIDTH, (number + 1) * WIDTH
    with transaction.atomic(), connection.cursor() as cursor:
        # two schedulers: the second waits here, then finds it made
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('delivery partitions'))")
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0]:
            return
        cursor.execute(
            f"CREATE TABLE {name} (LIKE delivery INCLUDING ALL, CONSTRAINT {name}_range"
            f" CHECK (mailing_id >= {low} AND mailing_id < {high})) WITH (fillfactor = {FILLFACTOR},"
            " autovacuum_vacuum_scale_factor = 0.1)"
        )
        cursor.execute(f"ALTER TABLE delivery ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})")


def drop_empty() -> list[str]:
    """Let go of partitions that every row has left and that no new mailing can use; returns their names."""
    newest = Mailing.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    dropped = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery'::regclass")
        for name in sorted(name.split(".")[-1] for (name,) in cursor.fetchall()):
            number = int(name.removeprefix("delivery_p"))
            if number >= newest // WIDTH or _is_needed(number):
                continue
            cursor.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {name})")
            if cursor.fetchone()[0]:
                cursor.execute(f"ALTER TABLE delivery DETACH PARTITION {name}")
                cursor.execute(f"DROP TABLE {name}")
                dropped.append(name)
    return dropped


def _is_needed(number: int) -> bool:
    """Whether a mailing of this range may still be frozen."""
    rows = Mailing.objects.filter(pk__gte=number * WIDTH, pk__lt=(number + 1) * WIDTH)
    return rows.exclude(state__in=["finished", "cancelled"]).exists()
