"""Processes: start them so that they cannot outlive us, find the ones a killed run left behind, end them in order."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
# Loaded once, before any fork: a child between fork and exec must not load libraries.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signum: int, parent: int) -> None:
    """Called in a new child: let the kernel send it `signum` when the thread that started it ends (Linux only)."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os.kill(os.getpid(), signum)


def become_unprivileged_namespace() -> None:
    """Enter a user namespace where this process is user 1000, although it stays root outside of it.

    PostgreSQL refuses to run as root. In such a namespace it does not see root, and its files need no chown.
    """
    if _libc is None or _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not available")
    for name, value in (("setgroups", "deny"), ("uid_map", "1000 0 1"), ("gid_map", "1000 0 1")):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)


def namespaces_allowed() -> bool:
    """Whether this machine lets us make a user namespace and map root into it; containers often forbid it."""
    if sys.platform != "linux":
        return False
    pid = os.fork()
    if pid == 0:
        try:
            become_unprivileged_namespace()
            os._exit(0 if os.getuid() == 1000 else 1)
        except BaseException:  # noqa: BLE001 - the forked probe must never return into the caller's code
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def start(
    command: Sequence[str | Path],
    *,
    log: int,
    death_signal: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    as_user: tuple[int, int] | None = None,
    in_namespace: bool = False,
) -> "subprocess.Popen[bytes]":
    """Start a long-running child in a session of its own, output to the open file `log`.

    `death_signal` reaches it when this process dies. `as_user` (uid, gid) drops root; `in_namespace` hides root instead.
    """
    parent = os.getpid()

    def prepare() -> None:
        # The order matters: changing credentials clears the parent-death signal.
        if as_user is not None:
            os.setgroups([])
            os.setgid(as_user[1])
            os.setuid(as_user[0])
        if in_namespace:
            become_unprivileged_namespace()
        os.umask(0o077)
        die_with_parent(death_signal, parent)

    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=cwd,
        env=None if env is None else dict(env),
        start_new_session=True,
        preexec_fn=prepare,
    )


def start_time(pid: int) -> str:
    """When process `pid` started, as an opaque text that distinguishes it from a later one with the same number; "" if gone."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in {"Z", "X"} else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def living_in(directory: Path) -> list[int]:
    """Processes of the local services whose working folder is `directory`, oldest first: what an earlier run left behind.

    PostgreSQL's processes change to their data folder and Valkey is started in its own, so no name or port is guessed.
    """
    if sys.platform != "linux":
        return _named_in_pid_file(directory)
    wanted = str(directory.resolve())
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{entry.name}/cwd") == wanted and _is_server(entry.name):
                found.append(int(entry.name))
    return sorted(found, key=lambda pid: int(start_time(pid) or 0))


def _is_server(pid: str) -> bool:
    """A shell that happens to stand in the data folder is not ours to end."""
    name = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    return name in {"postgres", "valkey-server"}


def _named_in_pid_file(directory: Path) -> list[int]:
    for name in ("postmaster.pid", "valkey.pid"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((directory / name).read_text().split()[0])
            command = subprocess.run(
                ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout
            if str(directory) in command:
                return [pid]
    return []


def alive(pid: int) -> bool:
    """Whether `pid` runs (a zombie does not)."""
    return start_time(pid) != ""


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    """Poll `condition` until it holds or `seconds` have passed; returns whether it held."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True


def end_left_behind(directory: Path, *, first: int, seconds: float = 15) -> list[int]:
    """End the servers that live in `directory`: the oldest one with `first`, whatever remains after `seconds` with SIGKILL."""
    found = living_in(directory)
    if found:
        _send(found[:1], first)
        if not wait_until(lambda: not living_in(directory), seconds=seconds):
            _send(living_in(directory), signal.SIGKILL)
            wait_until(lambda: not living_in(directory), seconds=5)
    return found


def _send(pids: Iterable[int], signum: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def stop(child: "subprocess.Popen[bytes]", signals: Sequence[tuple[int, float]]) -> None:
    """Send each signal in turn, waiting its number of seconds for the child to end before the next; SIGKILL at last."""
    for signum, seconds in [*signals, (signal.SIGKILL, 5.0)]:
        if child.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
