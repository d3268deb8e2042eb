"""How a table file is read: what it is, its encoding, separator and header; then its rows, one at a time.

Every refusal names the line. A file is read as a stream: memory does not grow with it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import charset_normalizer
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.errors import Invalid

SAMPLE_BYTES = 256 * 1024
CELL_LIMIT = 64 * 1024  # characters; csv itself refuses over 128 K
COLUMN_LIMIT = 200
LINE_LIMIT = 20 * CELL_LIMIT  # what is held in memory while its end is sought
SAMPLE_ROWS = 60
TITLE_ROWS = 5  # that may stand above a header
DELIMITERS = {
    ",": gettext_lazy("comma"),
    ";": gettext_lazy("semicolon"),
    "\t": gettext_lazy("tab"),
    "|": gettext_lazy("vertical bar"),
}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": gettext_lazy("Windows-1252 (Western)"),
    "latin-1": gettext_lazy("Latin-1 (Western)"),
    "cp1250": gettext_lazy("Windows-1250 (Central Europe)"),
    "cp1251": gettext_lazy("Windows-1251 (Cyrillic)"),
    "cp1256": gettext_lazy("Windows-1256 (Arabic)"),
    "gb18030": gettext_lazy("GB 18030 (Chinese)"),
    "shift_jis": gettext_lazy("Shift JIS (Japanese)"),
}
FOREIGN = ("cp1251", "cp1256", "gb18030", "shift_jis")
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNATURES = (
    (b"PK\x03\x04", gettext_lazy("an Excel workbook or a ZIP archive")),
    (b"\xd0\xcf\x11\xe0", gettext_lazy("an old Excel workbook")),
    (b"%PDF", gettext_lazy("a PDF document")),
    (b"\x1f\x8b", gettext_lazy("a compressed archive")),
    (b"\x89PNG", gettext_lazy("an image")),
    (b"\xff\xd8\xff", gettext_lazy("an image")),
    (b"GIF8", gettext_lazy("an image")),
    (b"{\\rtf", gettext_lazy("a text document")),
    (b"\x7fELF", gettext_lazy("a program")),
    (b"MZ\x90", gettext_lazy("a program")),
)


class BadFile(Invalid):
    """The file cannot be used as it is. `line` counts from 1; None when it is about the file as a whole."""

    code = "bad_file"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message, line=line)
        self.line = line


@dataclass(frozen=True)
class Format:
    """How to read a file. separator_line: Excel's own “sep=;” stands in line 1. begins: the line of the first row, below a title."""

    encoding: str
    delimiter: str
    has_header: bool = True
    separator_line: bool = False
    begins: int = 1


class Row(NamedTuple):
    line: int
    cells: list[str]


def detect(path: Path) -> Format:
    """What the file is. Raises BadFile for what is no table of text."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    _refuse_other_kinds(sample)
    encoding = _encoding(path, sample)
    text = _decoded_sample(sample, encoding)
    if not text.strip("\ufeff \t\r\n"):
        raise BadFile(_("The file is empty, so there is nothing to import."))
    marked = re.match(r"\ufeff?sep=([^\"\r\n])(?:\r\n?|\n)", text)
    delimiter = marked.group(1) if marked else _delimiter(text)
    found = Format(encoding, delimiter, separator_line=bool(marked))
    found = replace(found, begins=_below_title(text, found))
    return replace(found, has_header=_has_header(text, found))


def begins_at(path: Path, how: Format) -> int:
    """The line of the header when the file is read this way; 1 where there is none."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    try:
        return _below_title(_decoded_sample(sample, how.encoding), how) if how.has_header else 1
    except UnicodeError:  # whoever reads all of it says where
        return 1


def read_rows(path: Path, how: Format) -> Iterator[Row]:
    """All rows, the header's too; blank lines are passed over. `line` is where a row starts in the file.

    Raises BadFile, with the line, at the first thing that cannot be read.
    """
    with path.open("rb") as file:
        lines = _Lines(io.TextIOWrapper(file, _codec(how.encoding), newline=""))
        try:
            yield from (row for row in _parse(lines, how) if row.line >= how.begins)
        except UnicodeError:
            line = _line_of_bad_bytes(path, how.encoding) or lines.count + 1
            raise BadFile(
                _(
                    "Line %(line)d holds bytes that are not %(encoding)s text. Choose another encoding, or save the file as CSV UTF-8."
                )
                % {"line": line, "encoding": ENCODINGS.get(how.encoding, how.encoding)},
                line=line,
            ) from None


def check(path: Path, how: Format) -> int:
    """Read the whole file once; returns how many rows it has below the header. Raises BadFile."""
    count = sum(1 for _row in read_rows(path, how)) - how.has_header
    if count <= 0:
        raise BadFile(_("The file has a header and no rows below it, so there is nothing to import."))
    return count


def sample_rows(path: Path, how: Format, *, count: int = SAMPLE_ROWS) -> list[Row]:
    """The first rows. What is broken further down does not matter yet."""
    rows = read_rows(path, how)
    found = [row for row, _number in zip(rows, range(count), strict=False)]
    rows.close()  # type: ignore[attr-defined]
    return found


class _Lines:
    """Lines of text for csv, counted, with what PostgreSQL cannot keep refused."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.count = 0
        self.size = 0  # characters since the row began: one row may run over many lines

    def __iter__(self) -> Iterator[str]:
        """Each with its end as it stands: \\n, \\r or both (the stream is opened with newline="")."""
        readline = self._stream.readline
        while line := readline(LINE_LIMIT):
            self.count += 1
            if self.count == 1:
                line = line.removeprefix("\ufeff")
            if "\0" in line:
                raise BadFile(
                    _(
                        "Line %(line)d holds a NUL character, which text never has. The file is damaged or is not a table of text; nothing was imported."
                    )
                    % {"line": self.count},
                    line=self.count,
                )
            self.size += len(line)
            if self.size > LINE_LIMIT or (len(line) == LINE_LIMIT and line[-1] not in "\r\n"):
                raise _too_long(self.count)
            yield line


def _parse(lines: _Lines, how: Format) -> Iterator[Row]:
    source = iter(lines)
    if how.separator_line:
        next(source, None)
    reader = csv.reader(source, delimiter=how.delimiter, strict=True)
    first = lines.count + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(error, line=first, seen=lines.count) from None
        line, first, lines.size = first, lines.count + 1, 0
        if cells and max(map(len, cells)) > CELL_LIMIT:
            raise _too_big(line)
        if len(cells) > COLUMN_LIMIT:
            raise BadFile(
                _(
                    "Line %(line)d has %(count)d cells; a table may have %(limit)d columns. Is the separator right? Nothing was imported."
                )
                % {"line": line, "count": len(cells), "limit": COLUMN_LIMIT},
                line=line,
            )
        if any(map(str.strip, cells)):
            yield Row(line, cells)


def _broken(error: csv.Error, *, line: int, seen: int) -> BadFile:
    if "field larger" in str(error):
        return _too_big(line)
    if "unexpected end of data" in str(error):
        text = _(
            "The quotation mark that opens in line %(line)d is never closed. Nothing was imported; close it and upload the file again."
        )
    elif "expected after" in str(error):
        text = _(
            "The row that starts in line %(line)d has a quotation mark in the middle of a cell (seen in line %(seen)d). Nothing was imported; double the mark or remove it, and upload the file again."
        )
    else:
        text = _("Line %(line)d cannot be read as a row of a table. Nothing was imported.")
    return BadFile(text % {"line": line, "seen": seen}, line=line)


def _too_big(line: int) -> BadFile:
    return BadFile(
        _(
            "A cell of the row that starts in line %(line)d has more than %(limit)d KB of text. Is a quotation mark missing? Nothing was imported."
        )
        % {"line": line, "limit": CELL_LIMIT // 1024},
        line=line,
    )


def _too_long(line: int) -> BadFile:
    return BadFile(
        _(
            "The row that reaches line %(line)d has more than %(limit)d KB of text. Is a quotation mark missing? Nothing was imported."
        )
        % {"line": line, "limit": LINE_LIMIT // 1024},
        line=line,
    )


# --- detection ------------------------------------------------------------------------------------------------------
def _refuse_other_kinds(sample: bytes) -> None:
    for signature, kind in SIGNATURES:
        if sample.startswith(signature):
            raise BadFile(
                _(
                    "This is %(kind)s, not a CSV file. Open it in a spreadsheet, choose “Save as”, then “CSV UTF-8”, and upload that."
                )
                % {"kind": kind}
            )


def _encoding(path: Path, sample: bytes) -> str:
    for mark, encoding in BOMS:
        if sample.startswith(mark):
            return encoding
    if b"\0" in sample:
        return _utf16_without_mark(sample)
    if _decodes(path, "utf-8"):
        return "utf-8"
    if _is_mostly_foreign(sample):
        best = charset_normalizer.from_bytes(sample, cp_isolation=list(FOREIGN)).best()
        if best is not None and best.encoding in FOREIGN and _decodes(path, best.encoding):
            return best.encoding
    return "cp1252" if _decodes(path, "cp1252") else "latin-1"


def _is_mostly_foreign(sample: bytes) -> bool:
    """Text of another script has most of its letters above ASCII; a Western text has an accent here and there."""
    above = sum(byte > 127 for byte in sample)
    letters = sum(65 <= byte <= 122 for byte in sample)
    return above > letters / 2


def _utf16_without_mark(sample: bytes) -> str:
    """Half of the bytes of Latin text in UTF-16 are zero, all on one side. Anything else with zeros is no text."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if odd / half > 0.4 and even / half < 0.1:
        return "utf-16-le"
    if even / half > 0.4 and odd / half < 0.1:
        return "utf-16-be"
    where = sample[: sample.index(0)].count(b"\n") + 1
    raise BadFile(
        _(
            "Line %(line)d holds a NUL character, which text never has. The file is damaged or is not a table of text; nothing was imported."
        )
        % {"line": where},
        line=where,
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


class AlmostUtf8(NamedTuple):
    """What kept a file from being read as UTF-8: its first such line, and how many there are."""

    line: int
    lines: int


def almost_utf8(path: Path, how: Format) -> AlmostUtf8 | None:
    """Where a file that is read in a Western encoding looks like UTF-8 with some broken bytes: then every other accent is read wrong.

    None when it is not so: of the lines that have more than ASCII, fewer are UTF-8 than are not.
    """
    if how.encoding not in ("cp1252", "latin-1"):
        return None
    first, whole, broken = 0, 0, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                whole += 1
            except UnicodeError:
                first, broken = first or number, broken + 1
    return AlmostUtf8(first, broken) if whole >= broken > 0 else None


def _line_of_bad_bytes(path: Path, encoding: str) -> int | None:
    """The first line that does not decode by itself; None for encodings whose lines cannot be told apart as bytes."""
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None


def _codec(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _decoded_sample(sample: bytes, encoding: str) -> str:
    """The sample as text; what is cut or wrong at its end is left to the reader of the whole file."""
    return codecs.getincrementaldecoder(_codec(encoding))(errors="replace").decode(sample)


def _below_title(text: str, how: Format) -> int:
    """The line of the header where a title stands above it: rows with one text each, above names in nearly all columns."""
    rows = [row for row in _first_rows(text, how.delimiter) if not (how.separator_line and row[0] == 1)]
    filled = [sum(bool(cell.strip()) for cell in cells) for _line, cells in rows]
    wide = max(filled, default=0)
    below = next((place for place, count in enumerate(filled) if count > 1), 0)
    is_title = wide > 2 and 0 < below <= TITLE_ROWS and filled[below] >= wide * 0.6 and _names_columns(rows[below][1])
    return rows[below][0] if is_title else 1


def _first_rows(text: str, delimiter: str, count: int = SAMPLE_ROWS) -> list[tuple[int, list[str]]]:
    """The first rows that hold something, with the line in which each begins."""
    rows: list[tuple[int, list[str]]] = []
    try:
        # lines end as in `_Lines`: splitlines() would end them at twelve more characters that stand in cells
        reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, cells))
            line = reader.line_num + 1
            if len(rows) >= count:
                break
    except csv.Error:
        pass  # the reader of the whole file says which line is broken
    return rows


def _delimiter(text: str) -> str:
    """The separator by which most rows have the same number of cells, and more than one."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for _line, row in _first_rows(text, delimiter))
        if not widths:
            return 0, 0
        width, rows = widths.most_common(1)[0]
        return (rows / widths.total() if width > 1 else 0), width

    return max(DELIMITERS, key=score)


def _has_header(text: str, how: Format) -> bool:
    """A header has names in all its cells, and no cell that looks like a value."""
    begins = max(how.begins, 1 + how.separator_line)
    return _names_columns(next((cells for line, cells in _first_rows(text, how.delimiter) if line >= begins), []))


def _names_columns(cells: list[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    is_value = re.compile(r".+@.+\..+|[\d\s.,:/+()-]+|https?://.*")
    return bool(filled) and not any(is_value.fullmatch(cell) for cell in filled)
