"""What a killed run left behind: its processes are found by a file with process ids and start times, and by a mark.

The file alone would miss the children of a process that was killed; the mark in their environment finds them (Linux).
A process is ended only if it started when the file says, or carries this checkout's mark: never by its name.
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from crm.local import children

MARK = "GROUNDSWELL_RUN_OF"  # in the environment of every supervised process: the folder of the run
FILE = "up.json"


def write_down(home: Path, pids: list[int], **about: str) -> None:
    """Note the processes of this run and the supervisor's own; `about` stays from an earlier note."""
    path = home / FILE
    content = {**_read(path), **about}
    content["supervisor"] = [os.getpid(), children.start_time(os.getpid())]
    content["children"] = [[pid, children.start_time(pid)] for pid in pids]
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(path)


def supervisor(home: Path) -> int | None:
    """The process id of a supervisor that runs here."""
    noted = _read(home / FILE).get("supervisor")
    if isinstance(noted, list) and len(noted) == 2 and noted[1] and children.start_time(int(noted[0])) == noted[1]:
        return int(noted[0])
    return None


def about(home: Path) -> dict[str, Any]:
    """What the run that lives in `home` said about itself: `state`, and its settings (BASE_URL …); empty without one."""
    return _read(home / FILE) if supervisor(home) is not None else {}


def end(home: Path, *, seconds: float = 5.0) -> int:
    """End every process that a run in `home` left behind; returns how many there were."""
    found = of_run(home)
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for pid in of_run(home):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signum)
        if children.wait_until(lambda: not of_run(home), seconds=seconds):
            break
    (home / FILE).unlink(missing_ok=True)
    return len(found)


def of_run(home: Path) -> list[int]:
    """Processes that the run in `home` started and that live: noted with their start time, or carrying its mark."""
    noted = _read(home / FILE).get("children", [])
    known = [int(pid) for pid, started in noted if started and children.start_time(int(pid)) == started]
    return sorted({*known, *_marked(home)} - {os.getpid()})


def _marked(home: Path) -> list[int]:
    if sys.platform != "linux":
        return []
    wanted = f"{MARK}={home}".encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in Path(entry.path, "environ").read_bytes().split(b"\0") and children.alive(int(entry.name)):
                    found.append(int(entry.name))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
