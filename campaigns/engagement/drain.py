"""From spool files into PostgreSQL: exactly once, whatever dies.

One file is one transaction: its hits are classified, written, and the read models follow, then the file goes. A crash
before the commit leaves the file; a crash after it leaves a file whose hits are known by their ids and count nothing twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from campaigns.engagement import partitions
from campaigns.engagement.intake import Batch, copy_hits, copy_lines
from campaigns.engagement.spool import EPOCH, Hit, lines_of, read_hits, waiting_files

logger = logging.getLogger(__name__)


def drain(folder: Path, *, limit: int = 200) -> int:
    """Take in what `track` wrote, oldest first; returns how many hits were new. Two drains at once do no harm."""
    taken = 0
    for path in waiting_files(folder)[:limit]:
        try:
            data = lines_of(path.read_bytes())
        except FileNotFoundError:
            continue  # another drain was faster
        new = take_in_file(data)
        if new is None:
            break  # another drain is at work
        path.unlink(missing_ok=True)
        taken += new
    return taken


def take_in_file(data: bytes) -> int | None:
    """The hits of a file, all at once; line by line when it is not whole, or some of it is known. None: another drain holds the lock."""
    if times := _ends(data):
        try:
            return _take_in(times, lambda cursor: copy_lines(cursor, data))
        except (
            DataError,
            IntegrityError,
        ) as error:  # a line that says nothing, a known hit, a month without a partition
            logger.warning("a spool file is taken in line by line: %s", error)
    return take_in_hits(list(read_hits(data)))


def take_in_hits(hits: list[Hit]) -> int | None:
    """Those of these hits that are new. None: another drain holds the lock."""
    return _take_in({hit.at for hit in hits}, lambda cursor: copy_hits(cursor, hits))


def _take_in(times: Iterable[datetime], copy: Callable[[Any], None]) -> int | None:
    """Classify and write what is copied with everything that follows from it, in one transaction."""
    for month in sorted({partitions.month_of(at) for at in times}):
        partitions.ensure_month(month)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('engagement drain'))")
        if not cursor.fetchone()[0]:
            return None
        copy(cursor)
        return Batch(cursor).take_in()


def _has_whole_lines(data: bytes) -> bool:
    """In CSV a line may end within quotes, so half a line and the rest of another would pass for one."""
    lines = data.count(b"\n")
    return data.startswith(b"[") and data.count(b"]\n") == lines == data.count(b"\n[") + 1


def _ends(data: bytes) -> list[datetime]:
    """When the first and the last hit of a file came; nothing when its lines have to be looked at one by one."""
    if not data.endswith(b"]\n") or b"\\" in data or not _has_whole_lines(data):
        return []
    try:
        lines = (data[: data.index(b"\n")], data[data.rindex(b"\n", 0, -1) + 1 :] if data.count(b"\n", 0, -1) else data)
        return [EPOCH + timedelta(microseconds=json.loads(line)[1]) for line in lines]
    except (LookupError, TypeError, ValueError, OverflowError):
        return []
