"""Messages in one SQLite file under `.local/mailbox/`: they survive a restart, and the oldest go when there are too many."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

KEPT = 10_000  # messages; 5 KB each and compressed, some 20 MB
_TRIM_EVERY = 200
_HEAD_BYTES = 32_768
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    author TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    came_back INTEGER NOT NULL DEFAULT 0,
    is_read INTEGER NOT NULL DEFAULT 0,
    raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient, id);
CREATE TABLE IF NOT EXISTS deferral (recipient TEXT, sender TEXT, tries INTEGER NOT NULL, PRIMARY KEY (recipient, sender));
"""
_COLUMNS = "id, received_at, sender, recipient, author, subject, message_id, size, came_back, is_read"


@dataclass(frozen=True)
class Stored:
    """One message in one recipient's mailbox."""

    id: int
    received_at: float
    sender: str
    recipient: str
    author: str
    subject: str
    message_id: str
    size: int
    came_back: int
    is_read: int
    raw: bytes = b""

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


class Store:
    """The file of messages. Safe to use from several threads; one process owns it."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.kept = kept
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "mailbox.sqlite", check_same_thread=False, isolation_level=None)
        # WAL with synchronous=NORMAL: nothing is lost when the process dies, and a message costs 60 µs
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;" + _SCHEMA
        )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, *, sender: str, recipients: Iterable[str], raw: bytes, came_back: bool = False) -> None:
        """File a message, once for each recipient."""
        head = message_from_bytes(raw[:_HEAD_BYTES])
        packed = zlib.compress(raw, 1)
        row = (
            _readable(head["From"]),
            _readable(head["Subject"]),
            (head["Message-ID"] or "").strip(),
            len(raw),
            came_back,
        )
        with self._lock:
            for recipient in recipients:
                self._db.execute(
                    "INSERT INTO message (received_at, sender, recipient, author, subject, message_id, size, came_back, raw)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (time.time(), sender, recipient, *row, packed),
                )
            newest = self._db.execute("SELECT max(id) FROM message").fetchone()[0] or 0
            if newest % _TRIM_EVERY == 0 or self.kept < _TRIM_EVERY:
                self._db.execute("DELETE FROM message WHERE id <= ?", (newest - self.kept,))

    def page(self, *, search: str = "", before: int | None = None, size: int = 50) -> list[Stored]:
        """Messages, newest first, without their bodies; `search` looks in recipient, author and subject."""
        where, values = ["1"], []  # type: tuple[list[str], list[object]]
        for word in search.split():
            where.append("(recipient LIKE ? OR author LIKE ? OR subject LIKE ?)")
            values += [f"%{word}%"] * 3
        if before is not None:
            where.append("id < ?")
            values.append(before)
        query = f"SELECT {_COLUMNS} FROM message WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"  # noqa: S608 - fixed parts
        with self._lock:
            return [Stored(*row) for row in self._db.execute(query, (*values, size))]

    def get(self, id: int) -> Stored | None:
        """One message with its source; reading marks it as read."""
        with self._lock:
            row = self._db.execute(f"SELECT {_COLUMNS}, raw FROM message WHERE id = ?", (id,)).fetchone()  # noqa: S608
            if row is None:
                return None
            self._db.execute("UPDATE message SET is_read = 1 WHERE id = ? AND NOT is_read", (id,))
        *columns, packed = row
        return Stored(*[*columns, zlib.decompress(packed)])

    def count(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM message").fetchone()[0])

    def clear(self) -> None:
        """Throw every message away; numbers go on, so an old link never shows another message."""
        with self._lock:
            self._db.execute("DELETE FROM message")

    def tries(self, *, recipient: str, sender: str) -> int:
        """Count one more try of `sender` to reach a deferring recipient, and return how many there were."""
        with self._lock:
            return int(
                self._db.execute(
                    "INSERT INTO deferral VALUES (?, ?, 1)"
                    " ON CONFLICT (recipient, sender) DO UPDATE SET tries = tries + 1 RETURNING tries",
                    (recipient, sender),
                ).fetchone()[0]
            )


def forget(folder: Path, addresses: Iterable[str], *, dry: bool = False) -> int:
    """Delete every message to, from or about these addresses, from beside the process that owns the file; returns how many.

    dry: only count. The pages that held them are overwritten, so that nothing can be read from the file either.
    """
    wanted = [address.lower() for address in addresses]
    path = folder / "mailbox.sqlite"
    if not wanted or not path.exists():
        return 0
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        db.executescript("PRAGMA busy_timeout=10000; PRAGMA secure_delete=ON;")
        found = []
        for id, sender, recipient, author, subject, raw in db.execute(
            "SELECT id, sender, recipient, author, subject, raw FROM message"
        ):
            head = f"{sender}\n{recipient}\n{author}\n{subject}".lower()
            if any(address in head for address in wanted) or _mentions(zlib.decompress(raw), wanted):
                found.append(id)
        if not dry:
            db.executemany("DELETE FROM message WHERE id = ?", [(id,) for id in found])
            db.executemany("DELETE FROM deferral WHERE lower(recipient) = ?", [(address,) for address in wanted])
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return len(found)
    finally:
        db.close()


def _mentions(raw: bytes, addresses: Iterable[str]) -> bool:
    text = raw.lower()
    return any(address.encode() in text for address in addresses)


def _readable(header: str | None) -> str:
    """A header with its encoded words decoded, on one line."""
    if not header:
        return ""
    try:
        text = str(make_header(decode_header(header)))
    except (LookupError, ValueError):
        text = str(header)
    return " ".join(text.split())[:500]
