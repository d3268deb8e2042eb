"""A load of requests for `bench track`, as cheap as Python can make it, and the baseline that it is put on besides.

    python -m campaigns.engagement.loading PORT CONNECTIONS FILE FIRST LAST

asks for the paths in lines FIRST to LAST of FILE, each once, and prints {"seconds": …, "milliseconds": [per answer]}. Each
connection (HTTP/1.1, kept alive) has one request under way. Anything but a 302 ends it with an error.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

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


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The baseline's application: the same answer for nothing."""
    if scope["type"] == "lifespan":
        for _step in ("startup", "shutdown"):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    status = 200 if scope["path"] in {"/healthz", "/readyz"} else 302
    headers = [(b"location", b"https://campaign.test/1"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    port, connections, path, first, last = sys.argv[1:]
    with open(path, encoding="ascii") as file:
        lines = file.read().split("\n")[int(first) : int(last)]
    seconds, times = ask(int(port), int(connections), lines)
    json.dump({"seconds": seconds, "milliseconds": [round(each, 3) for each in times]}, sys.stdout)


if __name__ == "__main__":
    main()
