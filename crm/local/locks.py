"""Locks between processes: `flock` on files in `.local/`, which the kernel releases however a process ends."""

import fcntl
import os
from pathlib import Path

USERS = "users.lock"  # shared by everybody who uses the services
STARTING = "starting.lock"  # exclusive while somebody looks for a keeper or starts one
KEEPER = "keeper.lock"  # exclusive for the life of the keeper
SUPERVISOR = "up.lock"  # exclusive for the life of `manage.py up`


class Lock:
    """An open, locked file."""

    def __init__(self, path: Path, operation: int) -> None:
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, operation)
        except BaseException:
            os.close(self._fd)
            self._fd = None
            raise

    def release(self) -> None:
        """Unlock at once, also for copies of the descriptor that a forked child may hold."""
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = None


def shared(path: Path) -> Lock:
    """Wait for, and take, the lock together with others."""
    return Lock(path, fcntl.LOCK_SH)


def exclusive(path: Path) -> Lock:
    """Wait for, and take, the lock alone."""
    return Lock(path, fcntl.LOCK_EX)


def try_exclusive(path: Path) -> Lock | None:
    """Take the lock alone if nobody holds it; None otherwise."""
    try:
        return Lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
