"""A load of requests for `bench track`, and the baseline that it is put on besides.

    python -m campaigns.engagement.loading PORT CONNECTIONS FILE FIRST LAST

asks for the paths in lines FIRST to LAST of FILE, each once, and prints {"seconds": …, "answered": …, "p50_ms": …, "p99_ms": …}. Each
connection (HTTP/1.1, kept alive) has one request under way. Anything but a 302 ends it with an error.

By `wrk` where it is installed, or below the folder that BENCH_WRK names, into which Debian's packages were unpacked
(`apt-get download wrk libluajit-5.1-2`, `dpkg -x` each): it takes a tenth of the processor time of the one in Python here, which
shares the cores with what is measured.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SLOWEST = 4000  # requests a second: wrk ends when its time is over, so a slower server is asked for less
_AGENT = (
    "Host: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html\r\nAccept-Language: en\r\nSec-Fetch-User: ?1\r\n\r\n"
)


def ask(port: int, connections: int, paths: Sequence[str]) -> tuple[float, list[float]]:
    """Seconds for all of them, and the milliseconds of each answer."""
    requests = iter([f"GET {path} HTTP/1.1\r\n{_AGENT}".encode() for path in paths])
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    since: dict[int, float] = {}
    times: list[float] = []
    for _number in range(min(connections, len(paths))):
        one = socket.create_connection(("127.0.0.1", port), 10)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poll.register(one.fileno(), select.EPOLLIN)
    began = clock = time.perf_counter()
    for number, one in sockets.items():
        since[number] = clock
        one.sendall(next(requests))
    while since:
        ready = poll.poll(30)
        if not ready:
            raise TimeoutError("no answer for half a minute")
        for number, _event in ready:
            answer = sockets[number].recv(4096)
            # the answer to a click has no body, so its head is all of it, in one piece
            if not answer.startswith(b"HTTP/1.1 302") or not answer.endswith(b"\r\n\r\n"):
                raise RuntimeError(f"answered {answer[:200]!r}")
            clock = time.perf_counter()
            times.append((clock - since.pop(number)) * 1000)
            request = next(requests, None)
            if request is not None:
                since[number] = clock
                sockets[number].sendall(request)
    took = time.perf_counter() - began
    for one in sockets.values():
        one.close()
    return took, times


class Bare:
    """The baseline's application: the same answer for nothing."""

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        headers = [("location", "https://campaign.test/1"), ("cache-control", "no-store")]
        protocol.response_empty(200 if scope.path in {"/healthz", "/readyz"} else 302, headers)


bare = Bare()


def find_wrk() -> tuple[str, dict[str, str]] | None:
    """The program, and the environment that it needs to find its library."""
    folder = os.environ.get("BENCH_WRK", "")
    program = shutil.which("wrk", path=f"{folder}/usr/bin" if folder else None)
    if program is None:
        return None
    libraries = os.pathsep.join(str(path) for path in Path(folder).glob("usr/lib/*")) if folder else ""
    return program, {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}


def measure(port: int, connections: int, path: str, first: int, last: int) -> dict[str, float]:
    """Ask for a share of the paths. What is under way when wrk ends is answered, but not counted by it."""
    if found := find_wrk():
        program, env = found
        script = str(Path(__file__).parent / "data" / "load.lua")
        done = subprocess.run(  # noqa: S603 found above
            [program, "-t1", f"-c{connections}", f"-d{max(3, (last - first) // SLOWEST)}", "-s", script, f"http://127.0.0.1:{port}", path, str(first), str(last)],
            env=env, stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        if answer["wrong"]:
            raise RuntimeError(f"{answer['wrong']} requests were not answered, or with an error")
        return answer
    with open(path, encoding="ascii") as file:
        seconds, times = ask(port, connections, file.read().split("\n")[first:last])
    cuts = statistics.quantiles(times, n=100)
    return {"seconds": seconds, "answered": len(times), "p50_ms": cuts[49], "p99_ms": cuts[98]}


def main() -> None:
    port, connections, path, first, last = sys.argv[1:]
    json.dump(measure(int(port), int(connections), path, int(first), int(last)), sys.stdout)


if __name__ == "__main__":
    main()
