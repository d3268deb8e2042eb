"""The keeper: the one process that owns the PostgreSQL and the Valkey of a checkout, for all who use them.

`make run`, a `manage.py` command and the tests may overlap, so none of them can own the services: the first to leave would
pull them from under the others. The keeper starts both servers, starts one again that died, and ends when nobody holds
the users' lock any more (a lock, because the kernel releases it even after kill -9). Should the keeper itself be killed,
the kernel sends both servers their shutdown signal.

    python -m crm.local.keeper HOME READY_FD durable|fast [postgres] [valkey]
"""

import contextlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from crm.local import locks
from crm.local.output import emit
from crm.local.places import LocalServiceError
from crm.local.postgres import Postgres
from crm.local.valkey import Valkey

TICK_SECONDS = 1.0


class _Stop(Exception):
    """Somebody asked the keeper to end."""


def main(arguments: list[str]) -> int:
    """Start the services, report on READY_FD, and look after them until they are not needed."""
    home, ready, durable, names = Path(arguments[0]), int(arguments[1]), arguments[2] == "durable", arguments[3:]
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _raise_stop)
    mine = locks.try_exclusive(home / locks.KEEPER)
    if mine is None:
        _report(ready, {"error": "Another keeper already looks after these services."})
        return 1
    services: dict[str, Postgres | Valkey] = {}
    try:
        if "postgres" in names:
            services["postgres"] = Postgres(home, log=home / "log" / "postgres.log", durable=durable)
        if "valkey" in names:
            services["valkey"] = Valkey(home, log=home / "log" / "valkey.log")
        for service in services.values():
            service.start()
        state = {
            "pid": os.getpid(),
            "durable": durable,
            "urls": {name: service.url for name, service in services.items()},
        }
        _write_atomically(home / "services.json", state)
        _report(ready, state)
        _look_after(services, home)
    except LocalServiceError as error:
        _report(ready, {"error": str(error)})
        return 1
    except _Stop:
        pass
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        for service in services.values():
            service.stop()
        (home / "services.json").unlink(missing_ok=True)
    return 0


def _look_after(services: dict[str, Postgres | Valkey], home: Path) -> None:
    """Until nobody uses the services: start again what died."""
    while True:
        nobody_left = locks.try_exclusive(home / locks.USERS)
        if nobody_left is not None:
            return  # the lock is held until this process ends: a newcomer waits, and then starts a keeper of its own
        for name, service in services.items():
            if not service.running:
                emit(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {name} ended unexpectedly; starting it again")
                with contextlib.suppress(LocalServiceError):  # it is tried again a tick later
                    service.start()
        time.sleep(TICK_SECONDS)


def _raise_stop(signum: int, frame: FrameType | None) -> None:
    raise _Stop


def _report(fd: int, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError), os.fdopen(fd, "w") as pipe:
        pipe.write(json.dumps(message))


def _write_atomically(path: Path, content: dict[str, object]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
