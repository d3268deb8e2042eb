"""PDF and pictures by typst (a compiler in a wheel: no system library). All texts come as data, so that nothing in them is read as markup.

Typst brings a Latin font; for names in Arabic script the front end's build leaves its font beside the others, for a server may
have none.
"""

import json
import struct
import tempfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.conf import settings


def pdf(template: Path, **data: Any) -> bytes:
    """Compile `template`; each keyword is there as JSON in `sys.inputs`."""
    return _compiled(template, "pdf", data)


def picture(template: Path, **data: Any) -> bytes:
    """The one page of `template` as PNG, a pixel for each point of it."""
    return _compiled(template, "png", data, ppi=72.0)


def _compiled(template: Path, kind: Literal["pdf", "png"], data: Mapping[str, Any], ppi: float | None = None) -> bytes:
    import typst  # loaded only when it is needed

    inputs = {name: json.dumps(value) for name, value in data.items()}
    fonts: Any = [_fonts()]  # the stub wants them of the type of the input, which is bytes
    return bytes(typst.compile(template.read_bytes(), format=kind, ppi=ppi, sys_inputs=inputs, font_paths=fonts))


@cache
def _fonts() -> str:
    """A folder with our fonts as typst reads them; made once by each process, gone with it."""
    folder = tempfile.TemporaryDirectory(prefix="paper-")
    _kept.append(folder)
    places = [Path(str(place), "paper") for place in (*settings.STATICFILES_DIRS, settings.STATIC_ROOT) if place]
    for path in {path.stem: path for place in places for path in place.glob("*.woff")}.values():
        Path(folder.name, f"{path.stem}.ttf").write_bytes(_unpacked(path.read_bytes()))
    return folder.name


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _unpacked(woff: bytes) -> bytes:
    """A WOFF 1.0 file as the font that it wraps: the same tables, each by itself compressed (W3C, WOFF File Format 1.0)."""
    signature, flavor, _length, count = struct.unpack(">4sIIH", woff[:14])
    if signature != b"wOFF":
        raise ValueError("not a WOFF file")
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", flavor, count, 16 << power, power, 16 * (count - (1 << power)))
    at, records, tables = 12 + 16 * count, b"", b""
    for number in range(count):
        tag, offset, packed, size, check = struct.unpack_from(">4sIIII", woff, 44 + 20 * number)
        table = woff[offset : offset + packed]
        table = zlib.decompress(table) if packed < size else table
        records += struct.pack(">4sIII", tag, check, at + len(tables), size)
        tables += table + bytes(-size % 4)
    return head + records + tables
