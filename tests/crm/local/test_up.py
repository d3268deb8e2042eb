"""`make run` itself: the real product in a folder of its own, with its own PostgreSQL and Valkey."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.local import children, leftovers, services
from crm.local.places import ROOT

STARTED_WITHIN = 240


class Product:
    """`manage.py up` without DATABASE_URL: it starts its own services."""

    def __init__(self, home: Path, *options: str, **environ: str) -> None:
        self.home = home
        removed = {"DATABASE_URL", "REDIS_URL", "PORT", "PYTEST_XDIST_WORKER"}
        kept = {name: value for name, value in os.environ.items() if name not in removed}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--no-demo", *options],
            cwd=ROOT,
            env=kept | {"LOCAL_DIR": str(home), "NO_COLOR": "1"} | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ready(self) -> dict[str, str]:
        limit = time.monotonic() + STARTED_WITHIN
        while leftovers.about(self.home).get("state") != "ready":
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < limit
            time.sleep(0.1)
        return leftovers.about(self.home)

    def end(self, signum: int) -> tuple[int, str]:
        self.process.send_signal(signum)
        out, _ = self.process.communicate(timeout=90)
        return self.process.returncode, out


def everything(home: Path) -> list[int]:
    """Every process of a run, PostgreSQL's and Valkey's included."""
    keeper = services.keeper_pid(home)
    servers = [*children.living_in(home / "postgres"), *children.living_in(home / "valkey")]
    return [*leftovers.of_run(home), *servers, *([keeper] if keeper else [])]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    if supervisor := leftovers.supervisor(tmp_path):
        with_suppressed_kill(supervisor)
    leftovers.end(tmp_path, seconds=2)
    services.stop_now(home=tmp_path)


def test_product_starts_once_recovers_from_kill_9_of_everything_and_stops_cleanly(home: Path) -> None:
    """One story, because each start of the product takes some fifteen seconds of processor."""
    first = Product(home, "--only", "web,delivery,beat")
    about = first.ready()
    assert answer(f"{about['BASE_URL']}/healthz") == 200

    again = Product(home, "--only", "beat")
    said, _ = again.process.communicate(timeout=60)
    assert again.process.returncode == 1
    assert f"Groundswell already runs from this folder at {about['BASE_URL']}." in said
    assert "Traceback" not in said
    assert first.process.poll() is None

    left = everything(home)
    assert len(left) > 8
    first.process.kill()
    for pid in left:
        with_suppressed_kill(pid)
    first.process.communicate()

    second = Product(home, "--only", "web,delivery,beat")
    about = second.ready()
    assert answer(f"{about['BASE_URL']}/healthz") == 200
    code, said = second.end(signal.SIGINT)

    assert code == 0
    assert "Groundswell runs" in said
    assert "Traceback" not in said
    assert "stopped; your data is kept" in said
    assert children.wait_until(lambda: everything(home) == [], seconds=20)


def answer(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own address
        return int(response.status)


def with_suppressed_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_taken_port_is_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        product = Product(home, PORT=str(port))
        said, _ = product.process.communicate(timeout=60)

    assert product.process.returncode == 1
    assert (
        f"Port {port} is taken by another program, so nothing was started. Choose another one: make run PORT=" in said
    )
    assert "Traceback" not in said
    assert everything(home) == []
