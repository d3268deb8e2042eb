"""Where hits wait between `track` and PostgreSQL: files that one process appends to and a consumer takes whole.

`<id>.open` is being written by a living process, which holds its lock; it becomes `<id>.ready` after a second or some
megabytes. A file whose writer died keeps its name and loses its lock: the consumer takes it too, up to its last whole line.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import uuid6

from crm.durable import sync_folder

logger = logging.getLogger(__name__)
_encode = json.JSONEncoder(separators=(",", ":")).encode
ROTATE_SECONDS = 1.0
ROTATE_BYTES = 4 * 1024 * 1024  # some 20,000 hits: one transaction of the consumer


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a link or the pixel, as it came."""

    id: UUID
    at: datetime
    kind: str  # "open" or "click"
    mailing_id: int
    seq: int | None
    number: int | None
    ip: str
    method: str
    agent: str
    purpose: str  # Sec-Purpose, Purpose or X-Moz: set by prefetching browsers
    by_user: bool  # Sec-Fetch-User: a person's gesture, says the browser
    has_language: bool  # Accept-Language: browsers send it, most programs do not


def new_hit(
    *, kind: str, mailing_id: int, seq: int | None, number: int | None, ip: str, method: str,
    agent: str, purpose: str, by_user: bool, has_language: bool,
) -> bytes:  # fmt: skip
    """A line of the spool, with an id and time minted now: whatever is taken in twice counts once."""
    micros = time.time_ns() // 1000
    # a UUIDv7 (RFC 9562) of that time; the library's, which keeps count of the last one given, takes as long as all else here
    hit_id = f"{micros // 1000:012x}7{(raw := os.urandom(10).hex())[:3]}{'89ab'[int(raw[3], 16) & 3]}{raw[4:19]}"
    values = (
        hit_id, micros, kind[0], mailing_id, seq, number, ip, method,
        agent[:300], purpose[:40], int(by_user), int(has_language),
    )  # fmt: skip
    return _encode(values).encode() + b"\n"


def read_hits(data: bytes) -> Iterator[Hit]:
    """The hits of a file. A last line without its end was never acknowledged; any other bad line is logged and left out."""
    lines = data.split(b"\n")
    if lines.pop():
        logger.warning("a spool file ends in the middle of a line; the rest of it is taken in")
    for line in lines:
        try:
            hit_id, micros, kind, *middle, by_user, has_language = json.loads(line)
            at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
            values = [UUID(hit_id), at, "open" if kind == "o" else "click", *middle, bool(by_user), bool(has_language)]
            yield Hit(*values)
        except (TypeError, ValueError) as error:
            logger.warning("a spool line cannot be read: %s", error)


class Writer:
    """One process's spool file. `append` returns when the line is on disk; many lines share one fdatasync."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = -1
        self._path: Path | None = None
        self._opened_at = 0.0
        self._size = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()  # a line waits, or the file's second is over

    async def append(self, line: bytes) -> None:
        """Raises OSError when the line could not be written."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((line, done))
        self._wake.set()
        if self._flusher is None or self._flusher.done():
            self._flusher = loop.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Write what waits, again and again until nothing does; then, after a second, hand the file over."""
        while True:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await asyncio.to_thread(self._write, b"".join(line for line, _ in batch))
                except OSError as error:
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(OSError(error.errno, error.strerror))
                else:
                    for _, done in batch:
                        if not done.done():
                            done.set_result(None)
            if self._file < 0:
                return
            self._wake.clear()
            left = max(0.0, self._opened_at + ROTATE_SECONDS - time.monotonic())
            second_is_over = asyncio.get_running_loop().call_later(left, self._wake.set)
            await self._wake.wait()
            second_is_over.cancel()
            if not self._waiting and time.monotonic() >= self._opened_at + ROTATE_SECONDS:
                await asyncio.to_thread(self.rotate)

    def _write(self, data: bytes) -> None:
        try:
            if self._file >= 0 and (self._size >= ROTATE_BYTES or time.monotonic() >= self._opened_at + ROTATE_SECONDS):
                self.rotate()
            if self._file < 0:
                self._open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
            self._size += len(data)
        except OSError:
            if self._file >= 0:
                self.rotate()  # what is whole in it counts; a new file begins with a new line
            raise

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = str(uuid6.uuid7())
        draft, path = self.folder / f"{name}.new", self.folder / f"{name}.open"
        self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # before it has a name that the consumer looks at
        draft.rename(path)
        sync_folder(self.folder)
        self._path, self._opened_at, self._size = path, time.monotonic(), 0

    def rotate(self) -> None:
        """Hand the file over to the consumer; the next hit opens another."""
        if self._file < 0 or self._path is None:
            return
        try:
            self._path.rename(self._path.with_suffix(".ready"))
        finally:
            os.close(self._file)
            self._file, self._path = -1, None


def waiting_files(folder: Path) -> list[Path]:
    """Files that nobody writes any more, oldest first: handed over, or their writer died."""
    if not folder.is_dir():
        return []
    found = [*folder.glob("*.ready"), *(path for path in folder.glob("*.open") if _is_abandoned(path))]
    return sorted(found, key=lambda path: path.stem)


def _is_abandoned(path: Path) -> bool:
    try:
        with path.open("rb") as file, _lock(file):
            return path.exists()
    except OSError:
        return False


@contextmanager
def _lock(file: BinaryIO) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    yield
