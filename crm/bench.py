"""Benches: what is measured, and the bars that must be met. `manage.py bench NAME --size N --json` runs one.

A feature registers its bench in its `registration.py`:

    register("pages", "contacts.directory.bench:run", size=100_000)

`run(size)` returns a Result. It runs in a scratch database of its own that is migrated first and dropped afterwards.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management import call_command
from django.db import connection


@dataclass(frozen=True)
class Bar:
    """A value and its limit: at most, or with `at_least` at least."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "value": round(self.value, 3), "limit": self.limit, "ok": self.ok}


@dataclass
class Result:
    figures: dict[str, Any] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)


Run = Callable[[int], Result]


@dataclass(frozen=True)
class Bench:
    name: str
    run: str  # "module:function", imported only when it runs
    size: int

    def load(self) -> Run:
        module, _, function = self.run.partition(":")
        loaded: Run = getattr(import_module(module), function)
        return loaded


_BENCHES: dict[str, Bench] = {}


def register(name: str, run: str, *, size: int) -> None:
    """run: "package.module:function" taking the size and returning a Result; size: the default of --size."""
    _BENCHES[name] = Bench(name, run, size)


def names() -> list[str]:
    return sorted(_BENCHES)


def measure(name: str, size: int | None = None) -> dict[str, Any]:
    """Run one bench in a scratch database; returns the object that DESIGN.md section 11 describes."""
    bench = _BENCHES[name]
    size = size or bench.size
    with scratch_database():
        result = bench.load()(size)
    return {
        "bench": name,
        "size": size,
        "machine": machine(),
        "figures": result.figures,
        "bars": [bar.as_json() for bar in result.bars],
    }


def measure_apart(name: str, size: int | None = None) -> dict[str, Any]:
    """As `measure`, in a process of its own: what one bench leaves behind in memory is not counted as the next one's.

    RuntimeError when it fails; why stands on standard error.
    """
    with tempfile.TemporaryFile("w+") as told:

        def tell() -> None:
            json.dump(measure(name, size), told)
            told.flush()  # a child ends without the clearing up that would do it

        apart(tell)
        told.seek(0)
        measured: dict[str, Any] = json.load(told)
    return measured


@contextmanager
def scratch_database() -> Iterator[str]:
    """Point this process, and children that read DATABASE_URL, at a new migrated database; drop it afterwards.

    The user's own database is never opened by a bench.
    """
    own = str(settings.DATABASES["default"]["NAME"])
    url = os.environ.get("DATABASE_URL", "")
    name = f"bench_{os.getpid()}"
    _administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _administer(f"CREATE DATABASE {name}")
    _use(name)
    os.environ["DATABASE_URL"] = _renamed(url, own, name)
    try:
        apart(lambda: call_command("migrate", verbosity=0))
        yield name
    finally:
        connection.close()
        _use(own)
        os.environ["DATABASE_URL"] = url
        _administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def apart(work: Callable[[], object]) -> None:
    """Do it in a process of its own, so that the memory that it needs for a while is not counted as that of what is measured.

    RuntimeError when it fails; why stands on standard error.
    """
    connection.close()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            connection.close()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)  # nothing of the parent's may be cleaned up twice
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("A step of the bench failed; see above.")


def _use(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name


def _renamed(url: str, old: str, new: str) -> str:
    head, slash, query = url.partition("?")
    base, _, _name = head.rpartition(f"/{quote(old, safe='')}")
    return f"{base or head}/{new}{slash}{query}"


def _administer(statement: str) -> None:
    """Run a statement that no transaction may hold, from the maintenance database beside ours."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def machine() -> dict[str, Any]:
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "python_loop_ms": round(min(_loop() for _ in range(5)) * 1000, 1),
    }


def _loop() -> float:
    """Seconds of processor time for a fixed piece of Python, so that figures of two machines can be told apart from those of two
    versions: the same machine takes half as long again with an interpreter that was built without optimisation (pyenv's default)."""
    began = time.process_time()
    kept: dict[int, Bar] = {}
    for number in range(20_000):
        bar = Bar("loop", number, 10)
        if bar.ok or isinstance(bar, Result):
            kept[number % 100] = bar
    return time.process_time() - began
