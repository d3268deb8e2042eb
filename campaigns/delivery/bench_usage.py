"""What a run cost: processor seconds and peak memory of its workers, and the processor seconds of the database and the sink."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from crm.heap import settle

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Processor seconds of the workers, and the peak of the largest one's memory."""

    seconds: float
    peak_mb: float


def side_by_side(works: list[Callable[[], None]]) -> Usage:
    """Each piece of work in a process of its own, as Celery's children are; returns when all are done."""
    connection.close()
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            status = 1
            settle()
            try:
                work()
                status = 0
            finally:
                os._exit(status)  # nothing of the parent's may be cleaned up twice
        children.append(child)
    spent: list[resource.struct_rusage] = []
    for child in children:
        _pid, status, usage = os.wait4(child, 0)
        assert status == 0  # noqa: S101 a bench whose worker died measures nothing
        spent.append(usage)
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in spent)
    return Usage(seconds, max(usage.ru_maxrss for usage in spent) / 1024)


def database_seconds() -> float | None:
    """Processor seconds of the whole server so far, its ended sessions included; None when it runs on another machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = _stat(int(cursor.fetchone()[0]))
    connection.close()
    if stat is None or not stat.name.startswith("postgres"):
        return None
    server = _stat(stat.parent)
    if server is None:
        return None
    running = [_stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
    return server.all_seconds + sum(one.seconds for one in running if one and one.parent == stat.parent)


def commits_and_log() -> tuple[int, int]:
    """Transactions that this database has committed so far, and bytes of write-ahead log that the server has written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        commits, written = cursor.fetchone()
    connection.close()
    return int(commits), int(written)


def process_seconds(pid: int) -> float | None:
    stat = _stat(pid)
    return stat.seconds if stat else None


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process and of all that descends from it, the ended ones that were waited for included."""
    running = {int(path.name): stat for path in Path("/proc").glob("[0-9]*") if (stat := _stat(int(path.name)))}

    def of(one: int) -> float:
        return running[one].all_seconds + sum(of(child) for child, stat in running.items() if stat.parent == one)

    return of(pid) if pid in running else 0.0


@dataclass(frozen=True)
class _Stat:
    name: str
    parent: int
    seconds: float
    all_seconds: float  # with those of the children that ended


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, _end, rest = text.partition("(")[2].rpartition(")")
    values = rest.split()
    user, system, ended_user, ended_system = (int(value) for value in values[11:15])
    return _Stat(name, int(values[1]), (user + system) / _TICK, (user + system + ended_user + ended_system) / _TICK)
