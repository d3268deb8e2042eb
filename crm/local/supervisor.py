"""Keeps the product's processes running on one machine, shows what they say, and ends them in order.

One thread and one loop: it reads the processes' output, notices those that ended and starts them again after a growing
pause, and stops everything on SIGINT or SIGTERM. Each process is the leader of a session, so that Ctrl-C at the terminal
reaches only the supervisor, and the kernel tells it when the supervisor dies. docs/decisions/0002 says why it is our own.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from crm.local import children, leftovers
from crm.local.output import Output
from crm.local.places import LocalServiceError
from crm.local.processes import Process

# A process that ends is started again after 1, 2, 4 … 30 seconds; one that ran for a minute begins at 1 again.
LONGEST_PAUSE = 30.0
CALM_SECONDS = 60.0
# At the start a process that cannot run is a mistake to show, not to repeat.
START_ATTEMPTS = 3
START_SECONDS = 180.0

_no_proxy = build_opener(ProxyHandler({}))


@dataclass
class _Running:
    """One process and what became of it."""

    process: Process
    child: "subprocess.Popen[bytes] | None" = None
    pipe: int = -1
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    last_words: list[str] = field(default_factory=list)


class Supervisor:
    """Start with `start()`, wait with `wait_until_ready()`, then `watch()` until somebody asks to stop, and `stop()`."""

    def __init__(
        self, processes: list[Process], *, environment: Mapping[str, str], home: Path, output: Output, cwd: Path
    ) -> None:
        self._running = [_Running(process) for process in processes]
        self._environment = {**os.environ, **environment, leftovers.MARK: str(home)}
        self._home = home
        self._output = output
        self._cwd = cwd
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0

    # --- asking to stop -----------------------------------------------------------------------------------------
    def listen(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP ask to stop; a second SIGINT ends what still runs at once."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._on_signal)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stop_requests > 0

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._stop_requests += 1

    # --- starting -----------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start every process."""
        for running in self._running:
            self._start(running)

    def wait_until_ready(self) -> None:
        """Return when every process with an address answers there, or when somebody asked to stop.

        Raises LocalServiceError when one ends again and again, or does not answer in time.
        """
        waiting = {running.process.name: running.process.ready_url for running in self._running}
        waiting = {name: url for name, url in waiting.items() if url}
        limit = time.monotonic() + START_SECONDS
        while waiting and not self.stopping:
            self._turn(0.1)
            for running in self._running:
                if running.failures >= START_ATTEMPTS:
                    raise LocalServiceError(_cannot_start(running))
                if running.process.name in waiting and _answers(waiting[running.process.name]):
                    del waiting[running.process.name]
            if time.monotonic() > limit:
                raise LocalServiceError(
                    f"{', '.join(waiting)} did not answer within {START_SECONDS:.0f} seconds; the lines above may say why."
                )

    def run_once(self, process: Process) -> int:
        """Run one more process to its end, while the others are looked after; returns its exit code."""
        running = _Running(process)
        self._running.append(running)
        self._start(running)
        while running.child is not None and running.child.poll() is None and not self.stopping:
            self._turn(0.1)
        code = 1 if running.child is None or running.child.poll() is None else running.child.returncode
        if self.stopping:
            self._end([running])
        self._drain(running)
        self._running.remove(running)
        return code

    def _start(self, running: _Running) -> None:
        read, write = os.pipe()
        os.set_blocking(read, False)
        try:
            running.child = children.start(
                running.process.command,
                log=write,
                death_signal=signal.SIGTERM,
                cwd=self._cwd,
                env=self._environment,
            )
        finally:
            os.close(write)
        running.pipe = read
        running.started_at = time.monotonic()
        running.last_words.clear()
        self._selector.register(read, selectors.EVENT_READ, running)
        self.note()

    def note(self, **about: str) -> None:
        """Write down the processes, for the next run should this one be killed, and what this run says about itself."""
        pids = [running.child.pid for running in self._running if running.child is not None]
        leftovers.write_down(self._home, pids, **about)

    # --- looking after ------------------------------------------------------------------------------------------
    def watch(self, tick: Callable[[], None] = lambda: None) -> None:
        """Until somebody asks to stop."""
        while not self.stopping:
            self._turn(0.5)
            tick()

    def _turn(self, seconds: float) -> None:
        """Show what was said, notice who ended, start who is due."""
        for key, _ in self._selector.select(seconds):
            self._read(key.data)
        now = time.monotonic()
        for running in self._running:
            if running.child is not None and running.child.poll() is not None:
                self._ended(running, now)
            elif running.child is None and running.due_at and running.due_at <= now and not self.stopping:
                running.due_at = 0.0
                self._start(running)

    def _ended(self, running: _Running, now: float) -> None:
        assert running.child is not None  # noqa: S101 - for the type checker
        code = running.child.returncode
        self._drain(running)
        if self.stopping or running.process.once:
            return
        # Its own children, if it left any, would hold the port that the next one needs.
        _signal_group(running.child.pid, signal.SIGKILL)
        running.child = None
        running.failures = 1 if now - running.started_at > CALM_SECONDS else running.failures + 1
        pause = min(2.0 ** (running.failures - 1), LONGEST_PAUSE)
        running.due_at = now + pause
        self._output.say(
            f"{running.process.name} ended ({_in_words(code)}); it is started again in {pause:.0f} s. "
            f"Its log: {self._home / 'log' / running.process.name}.log"
        )

    def _read(self, running: _Running) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(running.pipe, 65_536)
            if data:
                running.last_words = [*running.last_words, *data.decode(errors="replace").splitlines()][-12:]
                self._output.feed(running.process.name, data)
            else:
                self._close(running)

    def _drain(self, running: _Running) -> None:
        while running.pipe >= 0:
            before = running.pipe
            try:
                data = os.read(before, 65_536)
            except BlockingIOError:  # a grandchild holds the other end
                data = b""
            if not data:
                self._close(running)
                break
            self._output.feed(running.process.name, data)
            running.last_words = [*running.last_words, *data.decode(errors="replace").splitlines()][-12:]
        self._output.finish(running.process.name)

    def _close(self, running: _Running) -> None:
        if running.pipe >= 0:
            self._selector.unregister(running.pipe)
            os.close(running.pipe)
            running.pipe = -1

    # --- stopping -----------------------------------------------------------------------------------------------
    def stop(self) -> None:
        """End every process and whatever it started; those marked `last` after the others."""
        self._stop_requests = max(self._stop_requests, 1)
        self._end([running for running in self._running if not running.process.last])
        self._end([running for running in self._running if running.process.last])
        leftovers.end(self._home)
        self._selector.close()

    def _end(self, group: list[_Running]) -> None:
        alive = [running for running in group if running.child is not None]
        for running in alive:
            _signal(running.child, signal.SIGTERM)
        requests, begun, told = self._stop_requests, time.monotonic(), False
        while left := [running for running in alive if running.child is not None and running.child.poll() is None]:
            for key, _ in self._selector.select(0.05):
                self._read(key.data)
            waited = time.monotonic() - begun
            late = [running for running in left if waited > running.process.stop_seconds]
            if self._stop_requests > requests:
                late = left
            for running in late:
                assert running.child is not None  # noqa: S101 - for the type checker
                self._output.say(f"{running.process.name} did not end in time and is killed")
                _signal_group(running.child.pid, signal.SIGKILL)
                running.child.wait()
            if waited > 3 and not told:
                told = True
                names = ", ".join(running.process.name for running in left)
                self._output.say(f"waiting for {names} to finish; Ctrl-C again ends it at once")
        for running in alive:
            assert running.child is not None  # noqa: S101 - for the type checker
            _signal_group(running.child.pid, signal.SIGKILL)
            self._drain(running)
            running.child = None


def _signal(child: "subprocess.Popen[bytes] | None", signum: int) -> None:
    if child is not None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signum)


def _signal_group(leader: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signum)


def _answers(url: str) -> bool:
    """Whether a web server answers there, with whatever it has to say."""
    try:
        _no_proxy.open(url, timeout=0.5).close()
    except HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _in_words(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _cannot_start(running: _Running) -> str:
    said = "\n".join(f"  {line}" for line in running.last_words)
    return f"{running.process.name} ended {running.failures} times while starting, so everything was stopped. Its last lines:\n{said}"
