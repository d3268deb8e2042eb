"""What a file is, by its content; its name must agree. What is not on the list is refused in a sentence.

Nothing here is unpacked or drawn: of an Office file only the list of its parts and one small part are read, of a picture
only its header and its checksums. A file that is two things at once (a picture that is also an archive) is neither.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from crm.errors import Invalid

MAX_PARTS = 5_000  # of an Office file
MAX_UNPACKED = 200_000_000
MAX_RATIO = 100  # unpacked to packed; documents lie far below
MAX_PIXELS = 50_000_000
MAX_NAME = 100
_OFFICE = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True)
class Kind:
    """A type that is taken: its ending, media type, and the other endings that mean the same."""

    ending: str
    media_type: str
    also: tuple[str, ...] = ()


KINDS = {
    kind.ending: kind
    for kind in [
        Kind("pdf", "application/pdf"),
        Kind("docx", _OFFICE + "wordprocessingml.document"),
        Kind("xlsx", _OFFICE + "spreadsheetml.sheet"),
        Kind("pptx", _OFFICE + "presentationml.presentation"),
        Kind("odt", "application/vnd.oasis.opendocument.text"),
        Kind("png", "image/png"),
        Kind("jpg", "image/jpeg", ("jpeg", "jpe")),
        Kind("ics", "text/calendar"),
        Kind("csv", "text/csv"),
        Kind("txt", "text/plain", ("text",)),
    ]
}
LIST = "PDF, Word, Excel, PowerPoint, OpenDocument text, PNG, JPEG, calendar (ics), CSV, plain text"
_MAIN_PARTS = {
    "docx": b"wordprocessingml.document.main+xml",
    "xlsx": b"spreadsheetml.sheet.main+xml",
    "pptx": b"presentationml.presentation.main+xml",
}
_MARKUP = re.compile(rb"\s*(?:<!doctype|<html|<head|<body|<script|<svg|<\?xml|<!--)", re.IGNORECASE)
# what could hide in a name: control characters, and those that change the direction of text
_HIDDEN = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def sniff(content: bytes, name: str) -> Kind:
    """What the content is. Invalid when it is nothing on the list, two things at once, or not what its name says."""
    if not content:
        raise _refused(_("“%(name)s” is empty."), name)
    kind = _by_content(content, name)
    ending = PurePosixPath(name.lower()).suffix.lstrip(".")
    if kind is None:
        raise _refused(_("“%(name)s” is of no type that letters may carry. Taken are: %(list)s."), name, list=LIST)
    if ending == kind.ending or ending in kind.also:
        return kind
    raise _refused(
        _("The name “%(name)s” does not say what the file is: its content is %(kind)s. Give it the right ending."),
        name,
        kind=kind.ending.upper(),
    )


def safe_name(name: str, kind: Kind) -> str:
    """A name that every mail program can save: no folders, nothing hidden, not too long, with the type's ending."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    stem = _HIDDEN.sub("", name).rpartition(".")[0]
    stem = " ".join(re.sub(r'[<>:"|?*/%;]', "-", stem).split()).strip(" .-")
    while len(f"{stem}.{kind.ending}".encode()) > MAX_NAME * 2 or len(stem) > MAX_NAME - 8:
        stem = stem[:-1]
    return f"{stem.rstrip(' .') or 'file'}.{kind.ending}"


def _refused(sentence: str, name: str, **values: str) -> Invalid:
    shown = _HIDDEN.sub("", name)[:80]
    return Invalid(sentence % {"name": shown, **values}, code="file_refused")


def _by_content(content: bytes, name: str) -> Kind | None:
    checks: list[tuple[bytes, Callable[[bytes, str], str]]] = [
        (b"%PDF-", _pdf),
        (b"PK\x03\x04", _archive),
        (b"\x89PNG\r\n\x1a\n", _picture),
        (b"\xff\xd8\xff", _picture),
    ]
    for start, check in checks:
        if content.startswith(start):
            ending = check(content, name)
            return KINDS[ending] if ending else None
    ending = _text(content, name)
    return KINDS[ending] if ending else None


def _alone(content: bytes, name: str) -> None:
    """An archive can hang behind anything, because its directory stands at its end."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise _refused(_("“%(name)s” holds an archive behind its content, so it is not taken."), name)


def _pdf(content: bytes, name: str) -> str:
    _alone(content, name)
    end = content.rfind(b"%%EOF")
    if end < 0:
        raise _refused(_("“%(name)s” begins like a PDF and does not end like one. Save it again."), name)
    if content[end + 5 :].strip(b"\r\n\t \x00"):
        raise _refused(_("“%(name)s” goes on behind the end of its PDF, so it is not taken. Save it again."), name)
    return "pdf"


def _archive(content: bytes, name: str) -> str:
    """Which Office file an archive is; empty for any other archive."""
    broken = _refused(_("“%(name)s” is damaged, or not a whole file. Save it again."), name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            _bounded(parts, content, name, archive)
            return _office(archive, parts, name)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, RuntimeError, EOFError) as error:
        raise broken from error


def _bounded(parts: list[zipfile.ZipInfo], content: bytes, name: str, archive: zipfile.ZipFile) -> None:
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    # parts that overlap in the file are the other way to make much of little
    too_much = (
        len(parts) > MAX_PARTS
        or unpacked > MAX_UNPACKED
        or packed > len(content)
        or any(part.file_size > 1_000_000 and part.file_size > MAX_RATIO * max(part.compress_size, 1) for part in parts)
    )
    if too_much:
        raise _refused(_("“%(name)s” would unpack to far more than it says, so it is not taken."), name)
    if content[-22:-18] != b"PK\x05\x06" or archive.comment:
        raise _refused(_("“%(name)s” holds something behind its content, so it is not taken. Save it again."), name)
    for part in parts:
        if part.flag_bits & 1:
            raise _refused(_("“%(name)s” is locked by a password. Readers could not open it."), name)
        if part.filename.startswith(("/", "\\")) or ".." in PurePosixPath(part.filename.replace("\\", "/")).parts:
            raise _refused(_("“%(name)s” holds a part with an unsafe name, so it is not taken."), name)


def _office(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> str:
    names = {part.filename for part in parts}
    if any(one.lower().endswith("vbaproject.bin") for one in names):
        raise _refused(_("“%(name)s” holds macros. Save it without them."), name)
    if parts and parts[0].filename == "mimetype":
        is_text = _part(archive, "mimetype", 100) == b"application/vnd.oasis.opendocument.text"
        if any(one.startswith("Basic/") for one in names):
            raise _refused(_("“%(name)s” holds macros. Save it without them."), name)
        return "odt" if is_text and "content.xml" in names else ""
    if "[Content_Types].xml" not in names:
        return ""
    types = _part(archive, "[Content_Types].xml", 1_000_000)
    if b"macroenabled" in types.lower():
        raise _refused(_("“%(name)s” holds macros. Save it without them."), name)
    return next((ending for ending, main in _MAIN_PARTS.items() if main in types), "")


def _part(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as part:
        return part.read(limit)


def _picture(content: bytes, name: str) -> str:
    _alone(content, name)
    is_png = content.startswith(b"\x89PNG")
    if is_png and content[-8:-4] != b"IEND":
        raise _refused(_("“%(name)s” goes on behind the end of its picture, so it is not taken. Save it again."), name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG" if is_png else "JPEG"]) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                picture.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refused(_("“%(name)s” has more than 50 million pixels. Make it smaller."), name) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _refused(_("“%(name)s” is damaged, or not a whole file. Save it again."), name) from error
    return "png" if is_png else "jpg"


def _text(content: bytes, name: str) -> str:
    """Calendar, table or plain text, in UTF-8; markup is none of them, whatever its name."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if re.search("[\x00-\x08\x0e-\x1f\x7f]", text) or _MARKUP.match(content.removeprefix(b"\xef\xbb\xbf")):
        return ""
    if text.lstrip()[:15].upper() == "BEGIN:VCALENDAR":
        if not text.rstrip().upper().endswith("END:VCALENDAR"):
            raise _refused(_("“%(name)s” is damaged, or not a whole file. Save it again."), name)
        return "ics"
    ending = PurePosixPath(name.lower()).suffix
    return "csv" if ending == ".csv" else "txt" if ending in (".txt", ".text") else ""
