"""Lines of the file into `ImportLine` by COPY, a chunk and the job's progress in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import nullcontext
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from contacts.consent.services import carry_suppressions
from contacts.importing.beside import NOTHING, Done, Second, second, spare_cores
from contacts.importing.models import ImportLine, ImportRun
from contacts.importing.reading import Row, read_rows
from contacts.importing.values import BadRow, RowReader, with_hash
from crm.jobs.services import Run

CHUNK = 5_000  # rows that are committed together; none of them is held in memory
ALONE = 10_000  # rows that are not worth a second process
TOGETHER = 250  # rows that are handed to the server at once
STEP_SECONDS = 25.0  # a task lives a minute; the next one goes on behind the last line
NOT_TEXT = ("email_hash", "constituency", "tags")
TEXTS = tuple(name for name in ImportLine.VALUES if name not in NOT_TEXT)
# what a line has only where the file has a column for it; most files have few of them
OWN_COLUMN_ONLY = {"honorific", "pronunciation", "gender", "acronym", "website", "started_on", "note"}


def stage(*, run: ImportRun, job: Run) -> bool:
    """Copy rows behind those that are staged already; False when there is more to do in another step.

    Of a long file a second process takes every other chunk. Raises BadFile at the first line that cannot be read, and JobCancelled.
    """
    reader = RowReader(
        mapping={int(index): target for index, target in run.mapping.items() if target},
        width=len(run.columns),
        default_country=run.options.get("country") or "",
        default_constituency=run.options.get("constituency"),
        default_language=run.options.get("language") or "",
    )
    started, behind = time.monotonic(), job.state.get("line", 0)
    ImportLine.objects.filter(
        run=run, line__gt=behind
    ).delete()  # of a second process that was ahead when an earlier step ended
    rows = _rows_behind(run, behind)
    with second(lambda: _every_other(run, job, reader, behind)) if _is_long(run) else nullcontext() as other:
        while True:
            with transaction.atomic():
                done = _copy(run, reader, islice(rows, CHUNK))
                if not done.rows:
                    return True
                theirs = _done_by(other, rows) if other else NOTHING
                job.save_state(line=max(done.line, theirs.line))
                job.advance(done.rows + theirs.rows)
            if time.monotonic() - started > STEP_SECONDS:
                return False


def _is_long(run: ImportRun) -> bool:
    return int(run.options.get("rows") or 0) > ALONE and spare_cores()


def _every_other(run: ImportRun, job: Run, reader: RowReader, behind: int) -> Iterator[Done]:
    """The second, the fourth … chunk behind a line, each committed while the job is still the first process's."""
    rows = _rows_behind(run, behind)
    while _pass_over(rows):
        with transaction.atomic():
            done = _copy(run, reader, islice(rows, CHUNK))
            job.hold()
        yield done


def _done_by(other: Second, rows: Iterator[Row]) -> Done:
    """Pass over the chunk that the other process stages, and wait until it has."""
    passed = _pass_over(rows)
    done = other.take() if passed else NOTHING
    if done is None or done.rows != passed:
        for _row in rows:  # what is broken further down is what ended it, and is told here
            pass
        raise RuntimeError("The second process ended before it had read its rows.")
    return done


def _pass_over(rows: Iterator[Row]) -> int:
    return sum(1 for _row in islice(rows, CHUNK))


def _rows_behind(run: ImportRun, line: int) -> Iterator[Row]:
    rows = read_rows(Path(run.file.path), run.format)
    if run.has_header:
        next(rows, None)
    return dropwhile(lambda row: row.line <= line, rows)


def _copy(run: ImportRun, reader: RowReader, chunk: Iterable[Row]) -> Done:
    """Rows as they are read, so that the server stores one while the next is being read."""
    count, line, keys = 0, 0, set()
    texts: list[str] = []
    columns = texts_of(reader.mapping.values())
    with connection.cursor() as cursor, cursor.copy(copy_of(columns)) as copy:
        for row in chunk:
            values, reason = _values(reader, row)
            if "email_key" in values:
                keys.add(values["email_key"])
            texts.append(as_copied(run.pk, row, values, reason, columns))
            count, line = count + 1, row.line
            if len(texts) == TOGETHER:
                copy.write("".join(texts))
                texts.clear()
        copy.write("".join(texts))
    carry_suppressions(address_keys=keys)
    return Done(count, line)


def _values(reader: RowReader, row: Row) -> tuple[dict[str, Any], str]:
    try:
        return with_hash(reader.values(row)), ""
    except BadRow as refused:
        return {}, str(refused)[:300]


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_IN_COPY = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_IN_ARRAY = str.maketrans({"\\": "\\\\", '"': '\\"'})
NULL, BYTES = "\\N", "\\\\x"


def texts_of(targets: Collection[str]) -> tuple[str, ...]:
    """The columns of text that lines of a file with these targets may have a value for."""
    return tuple(name for name in TEXTS if name in targets or name not in OWN_COLUMN_ONLY)


def copy_of(columns: tuple[str, ...]) -> str:
    return f"COPY contacts_importline (run_id, line, raw, refused, {', '.join((*columns, *NOT_TEXT))}) FROM STDIN"


def as_copied(run_id: int, row: Row, values: dict[str, Any], reason: str, columns: tuple[str, ...] = TEXTS) -> str:
    """A staged line in COPY's text format, in which a tab parts columns. Most lines hold nothing that it has a word for, which is
    seen from the whole of them; the others are looked at text by text."""
    cells = row.cells
    raw = '["' + '","'.join(cells) + '"]'
    if "\\" in raw or raw.count('"') != 2 * len(cells) or not raw.isprintable():
        raw = _json(cells)
    texts = [raw, reason, *map(values.get, columns)]
    whole = "\t".join([NULL if text is None else text for text in texts])
    if whole.count("\t") >= len(texts) or whole.count("\\") != texts.count(None) or "\n" in whole or "\r" in whole:
        whole = "\t".join(NULL if text is None else text.translate(_IN_COPY) for text in texts)
    digest, constituency, tags = map(values.get, NOT_TEXT)
    rest = (
        NULL if digest is None else BYTES + digest,
        NULL if constituency is None else str(constituency),
        NULL if tags is None else _array(tags),
    )
    return f"{run_id}\t{row.line}\t{whole}\t{rest[0]}\t{rest[1]}\t{rest[2]}\n"


def _array(texts: list[str]) -> str:
    return ("{" + ",".join(f'"{text.translate(_IN_ARRAY)}"' for text in texts) + "}").translate(_IN_COPY)
