"""A sink in a thread of the test process, on a free port."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from campaigns.delivery.sink import Behaviour, Session, Sink


def free_port() -> int:
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class RunningSink:
    def __init__(self, behaviour: Behaviour, port: int) -> None:
        self.behaviour, self.port = behaviour, port
        self.sink = Sink(behaviour)
        self.messages: list[tuple[str, bytes]] = []
        record = self.sink.record

        def keep(message: bytes, recipient: str) -> None:
            self.messages.append((recipient, message))
            record(message, recipient)

        self.sink.record = keep  # type: ignore[method-assign]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return sorted(recipient for recipient, _message in self.messages)


@contextlib.contextmanager
def running_sink(port: int = 0, session: type[Session] = Session, **behaviour: object) -> Iterator[RunningSink]:
    """session: what talks with one client, for a server that is odd in its own way."""
    running = RunningSink(Behaviour(**behaviour), port or free_port())  # type: ignore[arg-type]
    loop = asyncio.new_event_loop()
    sessions: list[Session] = []

    def talk() -> Session:
        sessions.append(session(running.sink))
        return sessions[-1]

    server = loop.run_until_complete(loop.create_server(talk, "127.0.0.1", running.port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:

        async def end() -> None:
            server.close()
            for one in sessions:
                one.transport.abort()
            await asyncio.sleep(0.02)

        asyncio.run_coroutine_threadsafe(end(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
        if running.sink.file:
            running.sink.file.close()


def log_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
