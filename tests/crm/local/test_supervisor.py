"""The supervisor with small processes of its own: it starts, shows, restarts and ends them, and leaves nothing."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.local import children, leftovers
from crm.local.output import Output, box
from crm.local.places import ROOT

# argv: folder, then [[name, code, {Process arguments}], …] as JSON
RUN = """
import json, sys
from pathlib import Path
from crm.local.output import Output
from crm.local.places import LocalServiceError
from crm.local.processes import Process
from crm.local.supervisor import Supervisor
home = Path(sys.argv[1])
wanted = [Process(name, (sys.executable, "-c", code), **more) for name, code, more in json.loads(sys.argv[2])]
supervisor = Supervisor(wanted, environment={}, home=home, output=Output(home / "log"), cwd=home)
supervisor.listen()
try:
    supervisor.start()
    supervisor.wait_until_ready()
    supervisor.note(state="ready")
    supervisor.watch()
except LocalServiceError as error:
    sys.exit(str(error))
finally:
    supervisor.stop()
"""
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(600)"


class Run:
    """A supervisor in a process of its own."""

    def __init__(self, home: Path, *processes: tuple[str, str, dict[str, Any]], stdout: int = subprocess.PIPE) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(home), json.dumps(processes)],
            cwd=ROOT,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self, *logs: str) -> "Run":
        """Wait until it runs, and until each of these processes has said something."""
        assert children.wait_until(lambda: leftovers.about(self.home).get("state") == "ready", seconds=20)
        for name in logs:
            assert children.wait_until(lambda name=name: bool(self.log(name)), seconds=10)  # type: ignore[misc]
        return self

    def log(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return (self.home / "log" / f"{name}.log").read_text()
        return ""

    def end(self, signum: int) -> tuple[int, str, str]:
        self.process.send_signal(signum)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "log").mkdir()
    yield tmp_path
    leftovers.end(tmp_path, seconds=1)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asking_to_stop_leaves_no_process(home: Path, signum: int) -> None:
    run = Run(home, ("web", SLEEP, {}), ("worker", PARENT, {}), ("beat", STUBBORN, {"stop_seconds": 0.3}))
    run.ready("web", "worker", "beat")
    assert len(leftovers.of_run(home)) == 4

    code, out, err = run.end(signum)

    assert (code, err) == (0, "")
    assert leftovers.of_run(home) == []
    assert not (home / leftovers.FILE).exists()
    assert "beat did not end in time and is killed" in out


def test_second_ctrl_c_does_not_wait(home: Path) -> None:
    run = Run(home, ("worker", STUBBORN, {"stop_seconds": 600})).ready("worker")
    run.process.send_signal(signal.SIGINT)
    assert children.wait_until(lambda: "waiting for worker" in run.log("system"), seconds=20)

    code, _, _ = run.end(signal.SIGINT)

    assert code == 0
    assert leftovers.of_run(home) == []


def test_processes_marked_last_end_after_the_others(home: Path) -> None:
    note = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: (open('order', 'a').write('{0} '), sys.exit())); print('up', flush=True); time.sleep(600)"
    run = Run(home, ("mailbox", note.format("mailbox"), {"last": True}), ("worker", note.format("worker"), {}))
    run.ready("mailbox", "worker")

    run.end(signal.SIGTERM)

    assert (home / "order").read_text() == "worker mailbox "


def test_next_run_ends_what_a_killed_one_left(home: Path) -> None:
    run = Run(home, ("web", STUBBORN, {}), ("worker", PARENT, {})).ready("web", "worker")
    stubborn = leftovers.of_run(home)

    run.end(signal.SIGKILL)

    assert children.wait_until(lambda: len(leftovers.of_run(home)) < len(stubborn), seconds=5)  # some end by themselves
    assert leftovers.end(home, seconds=1) >= 2
    assert not any(children.alive(pid) for pid in stubborn)


def test_stranger_with_a_noted_number_is_left_alone(home: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (home / leftovers.FILE).write_text(json.dumps({"children": [[stranger.pid, "another time"]]}))

        assert leftovers.end(home, seconds=1) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_process_that_ends_is_reported_and_started_again(home: Path) -> None:
    once = "import pathlib, sys, time; p = pathlib.Path('seen'); seen = p.exists(); p.touch(); print('turn', seen, flush=True); time.sleep(600 if seen else 0); sys.exit(3)"
    run = Run(home, ("worker", once, {})).ready()
    assert children.wait_until(lambda: "turn True" in run.log("worker"), seconds=15)

    _, out, _ = run.end(signal.SIGTERM)

    assert "worker ended (exit code 3); it is started again in 1 s." in out


def test_process_that_cannot_start_stops_everything_and_says_why(home: Path) -> None:
    run = Run(
        home,
        ("web", "import sys; sys.exit('no such module')", {"ready_url": "http://localhost:9/"}),
        ("worker", SLEEP, {}),
    )

    out, err = run.process.communicate(timeout=30)

    assert run.process.returncode == 1
    assert "web ended 3 times while starting, so everything was stopped. Its last lines:\n  no such module" in err
    assert leftovers.of_run(home) == []


def test_closed_terminal_does_not_keep_it_from_stopping(home: Path) -> None:
    read, write = os.pipe()
    run = Run(home, ("web", SLEEP, {}), stdout=write)
    os.close(write)
    os.close(read)
    run.ready("web")

    code, _, err = run.end(signal.SIGTERM)

    assert (code, err) == (0, "")
    assert leftovers.of_run(home) == []


def test_lines_carry_the_name_and_come_whole(tmp_path: Path) -> None:
    screen = io.StringIO()
    output = Output(tmp_path, screen)

    output.feed("web", b"first li")
    output.feed("worker", b"other\n")
    output.feed("web", b"ne\nlast")
    output.finish("web")
    output.close()

    assert [line.split(" ", 1)[1] for line in screen.getvalue().splitlines()] == [
        "worker   │ other",
        "web      │ first line",
        "web      │ last",
    ]
    assert "first line" in (tmp_path / "web.log").read_text()


def test_box_is_as_wide_as_its_longest_line() -> None:
    lines = box("Title", [("Open", "http://localhost:8000"), ("", ""), ("A line of its own", "")], colours=False).split(
        "\n"
    )

    assert {len(line) for line in lines if line} == {len("  │ Open   http://localhost:8000 │")}
    assert "  │ Open   http://localhost:8000 │" in lines
