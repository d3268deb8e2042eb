"""Excel and OpenDocument workbooks: guarded first, then turned once into the CSV that every other part of an import reads.

A workbook is never read twice: its chosen sheet becomes a UTF-8 CSV file with the same row numbers, so that staging, resuming,
rejected rows and their lines work as they do for text. Formulas give their stored values, macros never run: only cells are read.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum, ZipError

from contacts.importing.reading import CELL_LIMIT, COLUMN_LIMIT, BadFile

ENDINGS = {".xlsx", ".xlsm", ".ods"}
MOST_TIMES = 200  # a part that unpacks to more than so many times its size is no spreadsheet
HEADER_WITHIN = 20  # rows that may stand above the header: a title, a date, a blank
HEADER_ROWS = 3  # rows over which a header may be merged
LEGACY = b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class Sheet:
    name: str
    rows: int


class Span(NamedTuple):
    """Cells that are merged, by row and column from 0: the first one holds what stands in all."""

    first: int
    left: int
    last: int
    right: int


def is_workbook(path: Path) -> bool:
    """By its first bytes, not by its name: a ZIP archive, or the container of old and of encrypted workbooks."""
    with path.open("rb") as file:
        start = file.read(4)
    return start in {b"PK\x03\x04", b"PK\x05\x06", LEGACY}


def guard(path: Path) -> None:
    """Refuse what must not be unpacked, before anything is. Raises BadFile."""
    with path.open("rb") as file:
        start = file.read(4)
        if start == LEGACY:
            file.seek(0)
            if ENCRYPTED in file.read(1 << 20):
                raise BadFile(_password())
            raise BadFile(
                _(
                    "This is an old Excel workbook (.xls). Open it, choose “Save as”, then “Excel workbook (.xlsx)”, and upload that."
                )
            )
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise BadFile(
            _("The file is damaged: it begins like a workbook and cannot be unpacked. Save it anew, and upload that.")
        ) from None
    names = {part.filename for part in parts}
    if any(part.flag_bits & 0x1 for part in parts):
        raise BadFile(_password())
    if "xl/workbook.xml" not in names and "content.xml" not in names:
        raise BadFile(_("This is a ZIP archive and not a workbook. Unpack it, and upload the file that is in it."))
    if "xl/vbaProject.bin" in names:
        raise BadFile(
            _(
                "This workbook holds macros. They never run here, and such files are not taken: save it as “Excel workbook (.xlsx)”, and upload that."
            )
        )
    unpacked = sum(part.file_size for part in parts)
    worst = max(
        (part.file_size / max(1, part.compress_size) for part in parts if part.file_size > 1_000_000), default=0
    )
    if unpacked > settings.IMPORT_MAX_UNPACKED_BYTES or worst > MOST_TIMES:
        raise BadFile(
            _("Unpacked, this workbook would have %(size)d MB, which no list of people has. It was not opened.")
            % {"size": -(-unpacked // 1_000_000)}
        )


def sheets(path: Path) -> list[Sheet]:
    """The visible sheets that hold cells, in their order. Raises BadFile."""
    with _open(path) as book:
        found = []
        for meta in book.sheets_metadata:
            if meta.visible == SheetVisibleEnum.Visible and meta.typ == SheetTypeEnum.WorkSheet:
                found.append(Sheet(meta.name, _extent(_sheet(book, meta.name))[0]))
    filled = [sheet for sheet in found if sheet.rows]
    if not filled:
        raise BadFile(_("The workbook has no sheet with anything in it, so there is nothing to import."))
    return filled


def write_csv(path: Path, sheet: str, target: Path) -> int:
    """Write the sheet as CSV, from its header row on; returns the number of the header's row. Raises BadFile.

    What stands above the header becomes empty lines, so that the line of a row is its number in the workbook.
    """
    with _open(path) as book:
        page = _sheet(book, sheet)
        height, width = _extent(page)
        if height > settings.IMPORT_MAX_ROWS + HEADER_WITHIN:
            raise BadFile(
                _(
                    "The sheet “%(sheet)s” has %(rows)d rows, and %(limit)d can be imported at once. Split it, and import the parts."
                )
                % {"sheet": sheet, "rows": height, "limit": settings.IMPORT_MAX_ROWS}
            )
        if width > COLUMN_LIMIT:
            raise BadFile(
                _("The sheet “%(sheet)s” has %(count)d columns; a table may have %(limit)d. Delete what is beside it.")
                % {"sheet": sheet, "count": width, "limit": COLUMN_LIMIT}
            )
        spans = [Span(first, left, last, right) for (first, left), (last, right) in page.merged_cell_ranges or []]
        header = _header_row(_texts(page, spans, HEADER_WITHIN))
        # a header of two rows, in which some cells are merged over both, names its columns in the second
        header = max([header, *(s.last for s in spans if s.first <= header < s.last <= header + HEADER_ROWS - 1)])
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            file.write("\r\n" * header)
            for cells in _texts(page, spans, None, first=header):
                if any(cells):
                    writer.writerow(cells)
                else:
                    file.write("\r\n")
    return header + 1


def texts(path: Path) -> Iterator[str]:
    """Every cell of every sheet, the hidden ones too. Raises BadFile."""
    with _open(path) as book:
        for meta in book.sheets_metadata:
            if meta.typ == SheetTypeEnum.WorkSheet:
                for cells in _texts(_sheet(book, meta.name), [], None):
                    yield from cells


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise BadFile(_password()) from None
    except (CalamineError, ZipError, OSError, ValueError):
        raise BadFile(_("The workbook is damaged and cannot be read. Save it anew, and upload that.")) from None


def _sheet(book: CalamineWorkbook, name: str) -> Any:
    try:
        return book.get_sheet_by_name(name)
    except (CalamineError, ZipError, ValueError):
        raise BadFile(
            _("The sheet “%(sheet)s” cannot be read. Save the workbook anew, and upload that.") % {"sheet": name}
        ) from None


def _extent(page: Any) -> tuple[int, int]:
    """Rows and columns from the sheet's corner to its last filled cell."""
    return (page.end[0] + 1, page.end[1] + 1) if page.end else (0, 0)


def _texts(page: Any, spans: Sequence[Span], count: int | None, *, first: int = 0) -> Iterator[list[str]]:
    """Rows as text, from row `first` (from 0) on. What is merged over several cells stands in each of them."""
    left = (page.start or (0, 0))[1]  # rows come from the top of the sheet, cells from its first filled column
    width = _extent(page)[1]
    merged = _Merged(spans, width)
    for number, row in enumerate(page.iter_rows()):
        if count is not None and number >= count:
            return
        if number < first and number not in merged.begin:
            continue
        cells = [""] * left + [_text(value, number + 1) for value in row]
        cells = cells[:width] if not any(cells[width:]) else cells
        cells = merged.filled(number, cells)
        if number >= first:
            yield cells


class _Merged:
    """Spans as rows pass by. Nothing is laid out before its row comes: a span may be as large as a sheet can be."""

    def __init__(self, spans: Sequence[Span], width: int) -> None:
        self.width = width
        self.begin: dict[int, list[Span]] = {}
        for span in spans:
            self.begin.setdefault(span.first, []).append(span)
        self._down: dict[int, tuple[int, str]] = {}  # column → the last row, and what stands there

    def filled(self, number: int, cells: list[str]) -> list[str]:
        # below its first row a span fills rows that say something themselves, not blank ones
        if self._down and any(cells):
            for column, (last, text) in list(self._down.items()):
                if number > last:
                    del self._down[column]
                elif column < len(cells):
                    cells[column] = cells[column] or text
        for span in self.begin.get(number, []):
            for column in range(span.left, min(span.right + 1, self.width, len(cells))):
                cells[column] = cells[column] or cells[span.left]
                if span.last > number and cells[span.left]:
                    self._down[column] = span.last, cells[span.left]
        return cells


def _text(value: Any, line: int) -> str:
    """A cell as a person reads it: whole numbers without “.0”, a day without a time, and never a line end of its own kind."""
    if isinstance(value, str):
        if len(value) > CELL_LIMIT:
            raise BadFile(
                _("A cell of row %(line)d has more than %(limit)d KB of text. Nothing was imported.")
                % {"line": line, "limit": CELL_LIMIT // 1024},
                line=line,
            )
        return re.sub(r"\r\n?|\n", " ", value).replace("\0", "").strip()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)


def _header_row(rows: Iterator[list[str]]) -> int:
    """The first of the rows that is as wide as the table: titles above it fill one cell or two."""
    found = list(rows)
    # a title that is merged over the whole table fills all of its row, with one text
    filled = [sum(bool(cell) for cell in row) if len(set(filter(None, row))) > 1 else int(any(row)) for row in found]
    wide = max(filled, default=0)
    if not wide:
        raise BadFile(
            _("The sheet has nothing in its first %(count)d rows. Move the table up, and upload it again.")
            % {"count": HEADER_WITHIN}
        )
    return next(number for number, count in enumerate(filled) if count >= max(1, wide * 0.6))


def _password() -> str:
    return _(
        "The workbook is protected by a password. Remove the password in the spreadsheet (“Save as”), and upload it again."
    )
