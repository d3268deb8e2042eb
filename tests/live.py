"""The whole product, run by `manage.py up` on free ports with a database of its own, for tests in a browser."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from zlib import crc32

from crm.local import leftovers
from crm.local.places import ROOT
from tests import ground, migrated

DATABASE = "groundswell_live"
VALKEY_DATABASE = 60  # and down from it, one for each worker: two products must not take each other's tasks
FIRST_PORT = 18_000
START_SECONDS = 300


class Live:
    """A running Groundswell: `url`, `mailbox_url`, `tracking_url`, `folder` (its LOCAL_DIR) and `database`."""

    def __init__(self, folder: Path, *, environ: dict[str, str], more: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.database = f"{DATABASE}_{environ.get('PYTEST_XDIST_WORKER', 'main')}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ports.json").write_text(
            json.dumps({"port": _first_port(environ)})
        )  # others on this machine keep 8000
        self._environment = {
            **environ,
            "LOCAL": "true",
            "LOCAL_DIR": str(folder),
            "DATABASE_URL": migrated.copy(environ["DATABASE_URL"], self.database),
            "REDIS_URL": f"{environ['REDIS_URL'].partition('?')[0]}?db={_valkey_database(environ)}",
            "NO_COLOR": "1",
        }
        self._said = folder / "up.txt"
        with self._said.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--no-demo", *more],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        try:
            run = self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self.url, self.tracking_url, self.mailbox_url = run["BASE_URL"], run["TRACKING_URL"], run["MAILBOX_URL"]

    def reset(self) -> None:
        """Empty its database, as after the migrations, while it runs. Call it inside the `live_database` fixture."""
        ground.restore()

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command in the product's environment; returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        return done.stdout

    def log(self, lines: int = 60) -> str:
        """The end of what the supervisor printed."""
        return "\n".join(self._said.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> int:
        """Ask it to stop and wait; returns its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            leftovers.end(self.folder)
            raise

    def _wait_until_ready(self) -> dict[str, str]:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit and self._process.poll() is None:
            run = leftovers.about(self.folder)
            if run.get("state") == "ready":
                return run
            time.sleep(0.1)
        raise AssertionError(f"The product did not start:\n{self.log()}")


def _first_port(environ: dict[str, str]) -> int:
    """A place of its own for each checkout and each worker: two products that look for a free port in the same moment take the
    same one, and a browser then meets the other's database. Below the ports that the system gives out itself."""
    worker = int(environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
    return FIRST_PORT + crc32(str(ROOT).encode()) % 30 * 400 + worker % 8 * 50


def _valkey_database(environ: dict[str, str]) -> int:
    return VALKEY_DATABASE - int(environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def start(environ: dict[str, str] | None = None) -> Live:
    """Start the product for this test process, in a folder of its own below LOCAL_DIR's parent."""
    environ = dict(environ or os.environ)
    return Live(
        Path(environ["LOCAL_DIR"]).with_name(f"live-{environ.get('PYTEST_XDIST_WORKER', 'main')}"), environ=environ
    )
