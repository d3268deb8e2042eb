"""Where hits wait between `track` and PostgreSQL: files that one process appends to and a consumer takes whole.

`<id>.open` is being written by a living process, which holds its lock; it becomes `<id>.ready` after a second or some
megabytes; `<id>.spare` is the next one, full of zeros. A file whose writer died keeps its name and loses its lock: the consumer
takes it too, up to its last whole line.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _text
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import uuid6

from crm.durable import sync_folder

logger = logging.getLogger(__name__)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROTATE_SECONDS = 1.0
LEAST_ROOM = 16 * 1024
ROTATE_BYTES = 4 * 1024 * 1024  # some 20,000 hits: one transaction of the consumer
AT_ONCE = 4  # writes
# Seconds that lines wait behind a write before another one is begun. A quiet disk needs 0.2 ms; beside other work 4 ms were measured for
# one write after the other, and 0.3 to 0.9 with two or more under way.
PATIENCE = 0.001

_HOLES = re.compile(rb"\0+")
_Waiting = tuple[bytes, "asyncio.Future[None]"]


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
    end = (
        f'"{kind[0]}",{mailing_id},{_number(seq)},{_number(number)},{_text(ip)},{_text(method)},'
        f"{_text(agent[:300])},{_text(purpose[:40])},{by_user:d},{has_language:d}]\n"
    )
    return f'["{_hit_id(micros // 1000)}",{micros},{end}'.encode()


def _number(value: int | None) -> int | str:
    return "null" if value is None else value


def _hit_id(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562) of that time; the library's, which keeps count of the last one given, takes longer than all else here."""
    try:
        raw = _random.pop()
    except IndexError:  # ten bytes a hit, asked of the system for many at once
        many = os.urandom(10 * 400).hex()
        _random.extend(many[at : at + 20] for at in range(0, len(many) - 20, 20))
        raw = many[-20:]
    return f"{milliseconds:012x}7{raw[:3]}{'89ab'[int(raw[3], 16) & 3]}{raw[4:19]}"


_random: list[str] = []
os.register_at_fork(after_in_child=_random.clear)


def read_hits(data: bytes) -> Iterator[Hit]:
    """The hits of a file. A last line without its end was never acknowledged; any other bad line is logged and left out."""
    lines = lines_of(data).split(b"\n")
    if lines.pop():
        logger.warning("a spool file ends in the middle of a line; the rest of it is taken in")
    for line in filter(None, lines):
        try:
            hit_id, micros, kind, *middle, by_user, has_language = json.loads(line)
            at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
            values = [UUID(hit_id), at, "open" if kind == "o" else "click", *middle, bool(by_user), bool(has_language)]
            yield Hit(*values)
        except (TypeError, ValueError) as error:
            logger.warning("a spool line cannot be read: %s", error)


def lines_of(data: bytes) -> bytes:
    """The lines of a file one behind the other: without room that was not needed, or was given to a write that never came (what is before
    it and what is behind it were never one line), and without the ends that each write begins with."""
    data = data.rstrip(b"\0")
    if b"\0" in data:
        data = _HOLES.sub(b"\n", data)
    while b"\n\n" in data:
        data = data.replace(b"\n\n", b"\n")
    return data.lstrip(b"\n")


class Writer:
    """One process's spool file. `append` returns when the line is on disk; many lines share one write.

    A thread writes whatever waits, again and again until nothing does; so while the disk is busy, the next lines gather. A write that
    takes long does not keep them: another one is begun beside it, behind it in the file. So a disk that answers late, or a thread
    that is woken late on a busy machine, costs the patience of one write and not of two.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()  # of what follows, which the threads share
        self._draft: _Draft | None = None
        self._spare: Future[_Draft] | None = None
        self._room = LEAST_ROOM
        self._opened_at = 0.0
        # of the loop
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._begun_at = 0.0
        self._is_asked = False
        self._impatience: asyncio.TimerHandle | None = None
        self._turn: asyncio.TimerHandle | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="spool")
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="spare")

    async def append(self, line: bytes) -> None:
        """Raises OSError when the line could not be written."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((line, done))
        if not self._under_way:
            self._ask(loop)
        elif self._impatience is None and self._under_way < AT_ONCE:
            self._impatience = loop.call_later(PATIENCE, self._begin_beside, loop)
        await done

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once for all that come in this turn of the loop."""
        if not self._is_asked:
            self._is_asked = True
            loop.call_soon(self._hand_to_thread, loop)

    def _begin_beside(self, loop: asyncio.AbstractEventLoop) -> None:
        self._impatience = None
        if not self._waiting or self._under_way >= AT_ONCE:
            return
        rest = self._begun_at + PATIENCE - loop.time()
        if rest > 0:  # another write has begun meanwhile
            self._impatience = loop.call_later(rest, self._begin_beside, loop)
        else:
            self._hand_to_thread(loop)

    def _hand_to_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_asked = False
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        self._under_way += 1
        self._begun_at = loop.time()
        self._threads.submit(self._write_batch, batch, loop)

    def _write_batch(self, batch: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        """In a thread."""
        error = None
        try:
            # an end of line first: what is before it may have ended in the middle of one
            self._write(b"\n" + b"".join([line for line, _ in batch]))
        except OSError as problem:
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(self._written, batch, error, loop)

    def _written(self, batch: list[_Waiting], error: OSError | None, loop: asyncio.AbstractEventLoop) -> None:
        """In the loop: answer whom it was written for, and go on with who came meanwhile."""
        self._under_way -= 1
        _answer(batch, error)
        if self._waiting:
            self._ask(loop)
        elif not self._under_way:
            self._hand_over_in_time(loop)

    def _hand_over_in_time(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the loop: see to it that the file is handed over when its second is over, also if no hit comes any more."""
        if self._turn is None and self._draft is not None:
            self._turn = loop.call_later(
                max(0.0, self._opened_at + ROTATE_SECONDS - time.monotonic()), self._hand_over, loop
            )

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn = None
        self._threads.submit(self._rotate_if_over, loop)

    def _rotate_if_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._is_over():
                self._rotate()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._hand_over_in_time, loop)

    def _is_over(self) -> bool:
        return self._draft is not None and time.monotonic() >= self._opened_at + ROTATE_SECONDS

    def _write(self, data: bytes) -> None:
        with self._lock:
            if self._draft is not None and (self._is_over() or self._draft.size >= ROTATE_BYTES):
                self._rotate()
            draft = self._draft or self._open()
            at = draft.begin(len(data))
        try:
            draft.write(data, at)
        except OSError:
            with self._lock:
                if self._draft is draft:
                    self._rotate()  # what is whole in it counts; others begin a new file
            raise
        finally:
            with self._lock:
                draft.end()

    def _open(self) -> _Draft:
        """Go on in the spare file, and have another one made; without a spare one, make a file now."""
        spare, self._spare = self._spare, None
        draft = (spare.result() if spare and spare.done() and not spare.exception() else None) or _Draft(
            self.folder, self._room
        )
        draft.rename(".open")
        self._draft, self._opened_at = draft, time.monotonic()
        if spare is None or spare.done():
            spare = self._maker.submit(_Draft, self.folder, self._room)
        self._spare = spare
        return draft

    def close(self) -> None:
        """Hand the file over once everything that is being written is there. Nothing can be appended afterwards."""
        self._threads.shutdown()
        self.rotate()
        if self._spare is not None and not self._spare.exception():
            self._spare.result().discard()
            self._spare = None

    def rotate(self) -> None:
        """Hand the file over to the consumer; the next hit opens another."""
        with self._lock:
            self._rotate()

    def _rotate(self) -> None:
        if self._draft is None:
            return
        draft, self._draft = self._draft, None
        self._room = min(ROTATE_BYTES, max(LEAST_ROOM, 2 * draft.size))
        draft.finish()


class _Draft:
    """A file with room for lines, which is written over: a file that grows with each write has the file system write its journal too,
    behind whatever else the disk does (measured beside a busy PostgreSQL: milliseconds instead of tenths of one)."""

    def __init__(self, folder: Path, room: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = str(uuid6.uuid7())
        draft, self.path = folder / f"{name}.new", folder / f"{name}.spare"
        # O_DSYNC: a write returns when it is on disk, as by fdatasync, in one call where a thread waits for its turn twice
        self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DSYNC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # before it has a name that the consumer looks at
        with contextlib.suppress(OSError):  # no room left: then it grows as far as it goes
            os.pwrite(self._file, bytes(room), 0)
        draft.rename(self.path)
        sync_folder(folder)
        self.size = 0  # given to writes, of which some may be under way
        self._writes = 0
        self._is_finished = False

    def begin(self, size: int) -> int:
        """Where a write of so many bytes goes."""
        at, self.size = self.size, self.size + size
        self._writes += 1
        return at

    def end(self) -> None:
        self._writes -= 1
        self._hand_over_at_last()

    def finish(self) -> None:
        """Nothing more begins; the last write that is under way hands it over."""
        self._is_finished = True
        self._hand_over_at_last()

    def _hand_over_at_last(self) -> None:
        if self._is_finished and self._writes == 0:
            self._hand_over()

    def write(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, at)
            view, at = view[written:], at + written

    def rename(self, suffix: str) -> None:
        path = self.path.with_suffix(suffix)
        self.path.rename(path)
        self.path = path

    def _hand_over(self) -> None:
        try:
            os.ftruncate(self._file, self.size)
            self.rename(".ready")
        finally:
            os.close(self._file)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._file)


def _answer(batch: list[_Waiting], error: OSError | None) -> None:
    for _, done in batch:
        if done.done():  # whoever asked has gone
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(OSError(error.errno, error.strerror))


def waiting_files(folder: Path) -> list[Path]:
    """Files that nobody writes any more, oldest first: handed over, or their writer died."""
    if not folder.is_dir():
        return []
    # a spare one has hits too when a machine died before its new name was on disk
    written = (path for suffix in ("open", "spare") for path in folder.glob(f"*.{suffix}") if _is_abandoned(path))
    found = [*folder.glob("*.ready"), *written]
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
