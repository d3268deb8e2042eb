"""Monthly partitions of `engagement`, made ahead: a table like it, a check, then attached without a long lock."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import connection, transaction

AHEAD = 3  # months


def month_of(at: datetime | date) -> date:
    return date(at.year, at.month, 1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def make_partitions(*, today: date, months: int = AHEAD) -> list[str]:
    """Make sure of this month's partition and the next `months`; returns the names of those that were made."""
    month, made = month_of(today), []
    for _ in range(months + 1):
        if ensure_month(month):
            made.append(name_of(month))
        month = next_month(month)
    return made


def name_of(month: date) -> str:
    return f"engagement_{month:%Y_%m}"


def ensure_month(month: date) -> bool:
    """Make one month's partition unless it is there; safe when two processes try at once."""
    name = name_of(month)
    first, last = (datetime(m.year, m.month, 1, tzinfo=UTC).isoformat() for m in (month, next_month(month)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0]:
            return False
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('engagement partitions'))")
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0]:
            return False
        # the check lets ATTACH trust the (empty) table without reading it
        cursor.execute(
            f"CREATE TABLE {name} (LIKE engagement INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
        )
        cursor.execute(
            f"ALTER TABLE {name} ADD CONSTRAINT {name}_month CHECK (at >= '{first}'::timestamptz AND at < '{last}'::timestamptz)"
        )
        cursor.execute(f"ALTER TABLE engagement ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{last}')")
    return True
