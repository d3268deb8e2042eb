"""What is attached to a message, as the bytes behind its text: the same for every recipient, encoded once.

A message without attachments is multipart/alternative; with some it is multipart/mixed, whose first part is that. Its head is
made for each recipient; the tail (these bytes) is shared, so that memory does not grow with the audience.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from campaigns.mailings.mime import encoded

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Enclosure:
    """One attachment as it is frozen. language: empty for all."""

    sha256: str
    name: str
    media_type: str
    size: int
    language: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def encoded_size(self) -> int:
        """In the message: base64 in lines of 76 characters, and its headers."""
        letters = 4 * -(-self.size // 3)
        return letters + 2 * -(-letters // 76) + len(_header(self)) + 60


def enclosures_of(data: Iterable[Mapping[str, Any]], language: str) -> tuple[Enclosure, ...]:
    """Those of one language, out of what is frozen."""
    return tuple(Enclosure(**row) for row in data if row["language"] in ("", language))


def boundary_of(enclosures: Iterable[Enclosure]) -> str:
    """“=_” cannot stand in base64 or quoted-printable; the text's own boundary has no “m” there. Empty for none."""
    names = "\0".join(f"{one.sha256}/{one.name}" for one in enclosures)
    return f"=_m{hashlib.sha256(names.encode()).hexdigest()[:24]}" if names else ""


def tail_of(enclosures: tuple[Enclosure, ...], read: Read, made: dict[str, bytes] | None = None) -> tuple[bytes, ...]:
    """The pieces behind the text, ending the message. read: content by its hash. made: what is encoded already, by hash."""
    if not enclosures:
        return ()
    made = {} if made is None else made
    boundary = boundary_of(enclosures).encode()
    pieces: list[bytes] = []
    for one in enclosures:
        if one.sha256 not in made:
            made[one.sha256] = base64.encodebytes(read(one.sha256)).replace(b"\n", b"\r\n")
        pieces += [b"\r\n--" + boundary + b"\r\n" + _header(one), made[one.sha256]]
    return (*pieces, b"--" + boundary + b"--\r\n")


def _header(one: Enclosure) -> bytes:
    """The name twice: RFC 2231 for those who read it, an encoded word for older programs."""
    if one.name.isascii():
        plain = star = one.name.replace("\\", "_").replace('"', "_")
        name, file = f'name="{plain}"', f'filename="{star}"'
    else:
        name, file = f'name="{encoded(one.name, used=24)}"', f"filename*=utf-8''{quote(one.name, safe='')}"
    charset = "; charset=utf-8" if one.media_type.startswith("text/") else ""
    return (
        f"Content-Type: {one.media_type}{charset};\r\n {name}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {file}\r\n\r\n"
    ).encode()
