"""ERASURE_LOG: one JSON line for each erasure, on disk before anything is erased, so that no restored backup brings anybody back.

A line holds uids and keyed hashes of addresses; nobody can be told from it without ADDRESS_KEYS, and nobody named at all.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from crm.durable import sync_folder
from crm.errors import Unavailable

logger = logging.getLogger(__name__)
VERSION = 1


@dataclass(frozen=True)
class Line:
    erasure: UUID
    person: UUID
    uids: tuple[UUID, ...]
    hashes: dict[str, list[str]]
    reason: str
    at: datetime

    def as_json(self) -> str:
        values: dict[str, Any] = {
            "v": VERSION,
            "erasure": str(self.erasure),
            "person": str(self.person),
            "uids": [str(uid) for uid in self.uids],
            "hashes": self.hashes,
            "reason": self.reason,
            "at": self.at.isoformat(),
        }
        return json.dumps(values, separators=(",", ":"))


def append(line: Line) -> None:
    """Write one line and wait until it is on disk. Raises Unavailable when it cannot be written: nothing is erased then."""
    path = Path(settings.ERASURE_LOG)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            data = line.as_json().encode() + b"\n"
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = b"\n" + data  # the last writer died in the middle of its line
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(
            _("The erasure log %(path)s cannot be written (%(error)s). Nothing was erased; mend it and start again.")
            % {"path": path, "error": error.strerror or error}
        ) from error


def read() -> Iterator[Line]:
    """All lines, oldest first. One that cannot be read (a writer died in it) is told of in the server's log and left out."""
    path = Path(settings.ERASURE_LOG)
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                found = json.loads(text)
                yield Line(
                    erasure=UUID(found["erasure"]),
                    person=UUID(found["person"]),
                    uids=tuple(UUID(uid) for uid in found["uids"]),
                    hashes={str(key): [str(hash) for hash in hashes] for key, hashes in found["hashes"].items()},
                    reason=str(found["reason"]),
                    at=datetime.fromisoformat(found["at"]),
                )
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                logger.error("line %s of %s cannot be read: %s", number, path, error)
