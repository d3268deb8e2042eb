"""A second process that works on every other chunk of a file, for a machine that has a core to spare.

It is forked, so it knows all that this one knows, and has a connection of its own. What it did it says by a pipe; where it is silent
nothing is lost, because nothing counts as done before both have done theirs.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from django.db import connection


class Done(NamedTuple):
    """A chunk that is committed: how many rows, and the line where the last of them starts."""

    rows: int
    line: int


NOTHING = Done(0, 0)


class Second:
    """What this process knows of the other."""

    def __init__(self, told: TextIO) -> None:
        self._told = told

    def take(self) -> Done | None:
        """The next chunk that it has done, waited for; None when it ended before that."""
        text = self._told.readline()
        return Done(*map(int, text.split())) if text.endswith("\n") else None


def spare_cores() -> bool:
    """Whether a second process would have a core, and could see what this one has written."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return hasattr(os, "fork") and cores > 1 and not connection.in_atomic_block


@contextmanager
def second(work: Callable[[], Iterator[Done]]) -> Iterator[Second]:
    """Do `work` in a process of its own, that is ended with this block. Call it outside of a transaction."""
    connection.close()  # no connection can be in two processes
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        _be_second(work, tells)
    os.close(tells)
    try:
        with os.fdopen(told) as reading:
            yield Second(reading)
    finally:
        os.kill(child, signal.SIGKILL)  # where it is done already that is nothing to it
        os.waitpid(child, 0)


def _be_second(work: Callable[[], Iterator[Done]], tells: int) -> None:
    status = 1
    try:
        for done in work():
            os.write(tells, f"{done.rows} {done.line}\n".encode())
        connection.close()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)  # nothing of the first process's may be cleaned up twice
