"""Rows to a file, whatever their number, with flat memory."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from django.utils import timezone

from crm.ui.tables import neutral

CELL_MOST = 32_767  # letters in a cell of a spreadsheet
XLSX_MOST = 1_000_000  # rows: a sheet has little more


class CsvFile:
    """A CSV file that is written in parts: what a worker that died had not told is cut off by the next one."""

    def __init__(self, path: Path, head: Sequence[str], *, offset: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("r+" if offset else "w", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file)
        if offset:
            self.file.seek(offset)
            self.file.truncate()
        else:
            self.file.write("\ufeff")
            self.writer.writerow([neutral(title) for title in head])

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        self.writer.writerows([neutral(value) for value in row] for row in rows)

    @property
    def offset(self) -> int:
        """Bytes that are safe on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


class XlsxFile:
    """A workbook, row after row. Every text is a text: nothing in it is a formula or a link."""

    def __init__(self, path: Path, head: Sequence[str], title: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "tmpdir": str(path.parent),
        }
        self.book = xlsxwriter.Workbook(str(path), options)
        self.sheet = self.book.add_worksheet("".join(c for c in title if c not in "[]:*?/\\'")[:31] or "List")
        self.moment = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self.day = self.book.add_format({"num_format": "yyyy-mm-dd"})
        self.sheet.freeze_panes(1, 0)
        self.sheet.set_column(0, max(0, len(head) - 1), 22)
        bold = self.book.add_format({"bold": True})
        for column, label in enumerate(head):
            self.sheet.write_string(0, column, label, bold)
        self.row = 1

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            for column, value in enumerate(row):
                self._cell(column, value)
            self.row += 1

    def _cell(self, column: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self.sheet.write_boolean(self.row, column, value)
        elif isinstance(value, int) and abs(value) < 10**15 or isinstance(value, float):
            self.sheet.write_number(self.row, column, value)
        elif isinstance(value, dt.datetime):
            local = timezone.localtime(value).replace(tzinfo=None) if timezone.is_aware(value) else value
            self.sheet.write_datetime(self.row, column, local, self.moment)
        elif isinstance(value, dt.date):
            self.sheet.write_datetime(self.row, column, dt.datetime.combine(value, dt.time()), self.day)
        else:
            self.sheet.write_string(self.row, column, _text(value)[:CELL_MOST])

    def close(self) -> None:
        self.book.close()


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | set):
        return "; ".join(str(item) for item in value)
    return str(value)
