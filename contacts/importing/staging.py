"""Rows of the file into `ImportRow` by COPY, a chunk and the job's progress in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from contacts.consent.services import carry_suppressions
from contacts.importing.models import ImportRow, ImportRun
from contacts.importing.reading import Row, read_rows
from contacts.importing.values import BadRow, RowReader, with_hash
from crm.jobs.services import Run

CHUNK = 2_000  # rows that are in memory at a time
STEP_SECONDS = 25.0  # a task lives a minute; the next one goes on behind the last line
COPY = 'COPY contacts_importrow (run_id, line, raw, "values", outcome, reason) FROM STDIN'


def stage(*, run: ImportRun, job: Run) -> bool:
    """Copy rows behind those that are staged already; False when there is more to do in another step.

    Raises BadFile at the first line that cannot be read, and JobCancelled.
    """
    reader = RowReader(
        mapping={int(index): target for index, target in run.mapping.items() if target},
        width=len(run.columns),
        default_country=run.options.get("country") or "",
        default_constituency=run.options.get("constituency"),
        default_language=run.options.get("language") or "",
    )
    started = time.monotonic()
    rows = _rows_behind(run, job.state.get("line", 0))
    while chunk := list(islice(rows, CHUNK)):
        with transaction.atomic():
            _copy(run, reader, chunk)
            job.save_state(line=chunk[-1].line)
            job.advance(len(chunk))
        if time.monotonic() - started > STEP_SECONDS:
            return False
    return True


def _rows_behind(run: ImportRun, line: int) -> Iterator[Row]:
    rows = read_rows(Path(run.file.path), run.format)
    if run.has_header:
        next(rows, None)
    return (row for row in rows if row.line > line)


def _copy(run: ImportRun, reader: RowReader, chunk: list[Row]) -> None:
    staged = [_staged(reader, row) for row in chunk]
    carry_suppressions(address_keys=[values["email_key"] for _row, values, _reason in staged if "email_key" in values])
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row, values, reason in staged:
            outcome = ImportRow.Outcome.REJECTED.value if reason else ""
            copy.write_row((run.pk, row.line, _json(row.cells), _json(values), outcome, reason))


def _staged(reader: RowReader, row: Row) -> tuple[Row, dict[str, Any], str]:
    try:
        return row, with_hash(reader.values(row)), ""
    except BadRow as refused:
        return row, {}, str(refused)[:300]


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
