"""The embedded PostgreSQL and Valkey of this checkout, for whoever needs them.

    with running() as services:
        services.database_url, services.redis_url

`ensure()` starts what does not run and registers this process as a user; `Services.release()` ends that, and the last user
to leave stops what was started. `private(folder)` is a pair of its own that a test may kill, restart and flush.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from crm.local import children, locks
from crm.local.places import (
    LOCAL,
    ROOT,
    LocalServiceError,
    discard_short_directory,
    last_lines,
    open_log,
    private_directory,
)
from crm.local.postgres import Postgres, discard_outside
from crm.local.valkey import Valkey


@dataclass
class Services:
    """Where PostgreSQL and Valkey answer. URLs that came from the environment are somebody else's servers."""

    database_url: str
    redis_url: str
    home: Path
    _use: locks.Lock | None = field(default=None, repr=False)

    def release(self) -> None:
        """Stop using the services; the last user stops them and waits until they have ended."""
        if self._use is None:
            return
        self._use.release()
        self._use = None
        alone = locks.try_exclusive(self.home / locks.USERS)
        if alone is None:
            return  # others still use them, or the keeper is already on its way out
        try:
            _stop_keeper(self.home)
        finally:
            alone.release()


def ensure(*, home: Path = LOCAL, durable: bool = True, environ: Mapping[str, str] = os.environ) -> Services:
    """Services for this process: DATABASE_URL and REDIS_URL where they are set, the embedded ones for the rest.

    Starts what does not run, once, however many processes ask at the same time. `durable=False` lets a cluster that is
    started now skip fsync. Raises LocalServiceError with a sentence when a service cannot start.
    """
    database_url, redis_url = environ.get("DATABASE_URL", ""), environ.get("REDIS_URL", "")
    if database_url and redis_url:
        return Services(database_url, redis_url, home)
    private_directory(home)
    use = locks.shared(home / locks.USERS)
    try:
        starting = locks.exclusive(home / locks.STARTING)
        try:
            urls = _urls_of_running(home) or _start_keeper(home, durable=durable)
        finally:
            starting.release()
    except BaseException:
        use.release()
        raise
    return Services(database_url or urls["postgres"], redis_url or urls["valkey"], home, use)


@contextlib.contextmanager
def running(*, home: Path = LOCAL, durable: bool = True, environ: Mapping[str, str] = os.environ) -> Iterator[Services]:
    """`ensure()`, and `release()` at the end of the block."""
    services = ensure(home=home, durable=durable, environ=environ)
    try:
        yield services
    finally:
        services.release()


class Private:
    """A PostgreSQL and a Valkey of a test's own: `pg.kill9()`, `pg.restart()`, `valkey.flush()`, `stop()`."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.pg = Postgres(folder, log=folder / "log" / "postgres.log", durable=durable)
        self.valkey = Valkey(folder, log=folder / "log" / "valkey.log")
        try:
            self.pg.start()
            self.valkey.start()
        except BaseException:
            self.stop()
            raise

    @property
    def database_url(self) -> str:
        """DATABASE_URL of this pair."""
        return self.pg.url

    @property
    def redis_url(self) -> str:
        """REDIS_URL of this pair."""
        return self.valkey.url

    def stop(self) -> None:
        """Stop both, and remove what had to be kept outside of the pair's own folder."""
        self.valkey.stop()
        self.pg.stop()
        discard_outside(self.folder)
        discard_short_directory(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def private(folder: Path | None = None, *, durable: bool = True) -> Private:
    """Start a pair that nobody else uses, its data in `folder` (else a new temporary one). fsync stays on unless `durable=False`."""
    return Private(private_directory(folder or Path(tempfile.mkdtemp(prefix="groundswell-"))), durable=durable)


def stop_now(*, home: Path = LOCAL) -> bool:
    """End the keeper whoever still uses it (`make stop`); returns whether one ran."""
    return home.exists() and _stop_keeper(home)


def _urls_of_running(home: Path) -> dict[str, str] | None:
    """The URLs that a living keeper wrote down; None when there is none."""
    free = locks.try_exclusive(home / locks.KEEPER)
    if free is not None:
        free.release()
        return None
    written: dict[str, Any] = {}

    def read() -> bool:
        with contextlib.suppress(OSError, ValueError):
            written.update(json.loads((home / "services.json").read_text()))
        # a keeper that was killed this moment still seems to hold its lock
        return "urls" in written and children.alive(written["pid"])

    # A keeper holds its lock a moment before it writes this file, and a moment after it has removed it.
    if children.wait_until(read, seconds=0.5):
        return dict(written["urls"])
    if children.wait_until(lambda: _is_free(home), seconds=60):
        return None
    raise LocalServiceError(
        "The keeper of PostgreSQL and Valkey runs but does not answer. Run `make stop`, then start again. Your data is kept."
    )


def _is_free(home: Path) -> bool:
    free = locks.try_exclusive(home / locks.KEEPER)
    if free is not None:
        free.release()
    return free is not None


def _start_keeper(home: Path, *, durable: bool) -> dict[str, str]:
    """Start a keeper in a session of its own (Ctrl-C at the terminal is not for it); returns its URLs when all answer."""
    ready, told = os.pipe()
    log_path = home / "log" / "keeper.log"
    log = open_log(log_path)
    try:
        keeper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "crm.local.keeper",
                str(home),
                str(told),
                "durable" if durable else "fast",
                "postgres",
                "valkey",
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(told,),
            start_new_session=True,
        )
    finally:
        os.close(told)
        os.close(log)
    with os.fdopen(ready) as pipe:
        said = pipe.read()  # until the keeper has spoken, or died
    answer = json.loads(said) if said else {}
    if "urls" not in answer:
        keeper.wait()
        raise LocalServiceError(
            answer.get("error") or f"The local services did not start. The end of {log_path}:\n{last_lines(log_path)}"
        )
    keeper.returncode = 0  # it outlives us on purpose: no warning that it still runs
    return dict(answer["urls"])


def _stop_keeper(home: Path) -> bool:
    """Ask the keeper to end and wait for it, as long as PostgreSQL's shutdown may take."""
    if _is_free(home):
        return False
    asked: set[int] = set()

    def gone() -> bool:
        keeper = keeper_pid(home)  # a keeper that is only starting has not written it down yet
        if keeper is not None and keeper not in asked:
            asked.add(keeper)
            with contextlib.suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGTERM)
        return _is_free(home)

    return children.wait_until(gone, seconds=45)


def keeper_pid(home: Path) -> int | None:
    """The process id of the keeper that looks after `home`, if one lives (its lock proves that it is no stranger's)."""
    if _is_free(home):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads((home / "services.json").read_text())["pid"])
    return None
