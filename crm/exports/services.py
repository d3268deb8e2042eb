"""Take a list as a file: asked for, written (at once, or by a job in steps), kept for a while, removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import User
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.exports.models import ExportFile
from crm.exports.writing import XLSX_MOST, CsvFile, XlsxFile
from crm.jobs.services import JobCancelled, Run, start_job
from crm.ui import sources
from crm.ui.formats import number
from crm.ui.tables import AT_ONCE, Column, Reader, Table

KIND = "list.export"
KIND_OF_BOOKS = "list.export_workbook"  # in one go: a workbook cannot be written on by another task
STEP_SECONDS = 30  # a step of a job ends after so long; the next one goes on where it ended
Format = ExportFile.Format


def request_export(
    *,
    actor: User,
    source: str,
    arguments: Mapping[str, str] | None = None,
    query: str = "",
    columns: Sequence[str] = (),
    format: str = Format.CSV,
) -> ExportFile:
    """Ask for a list as a file. Small ones are whole when this returns; the others are written by `job`.

    columns: names, in the table's order; none for all. Raises NotAllowed without the right to export, Invalid for what the format
    cannot hold.
    """
    if format not in Format.values:
        raise Invalid(_("A list is exported as CSV or as XLSX. Choose one of the two."), code="bad_format")
    export = ExportFile(
        owner=actor,
        source=source,
        arguments=dict(arguments or {}),
        query=query,
        columns=list(columns),
        title=str(sources.find(source).label),
        format=format,
        zone=timezone.get_current_timezone_name(),
        language=translation.get_language() or "en",
        expires_at=timezone.now() + timedelta(hours=settings.EXPORT_KEEP_HOURS),
    )
    table = table_of(export, actor)
    if "file_name" in vars(table):  # a list of its own name, such as a segment's members
        export.title = f"{export.title}: {table.file_name}"[:200]
    if not columns_of(table, export):
        raise Invalid(_("Choose at least one column; nothing was exported."), code="no_columns")
    count = table.queryset.order_by().count()
    if format == Format.XLSX and count > XLSX_MOST:
        raise Invalid(
            _("A workbook takes %(most)s rows here, and these are %(n)s. Choose CSV, or filter the list.")
            % {"most": number(XLSX_MOST), "n": number(count)},
            code="too_many_rows",
        )
    with transaction.atomic():
        export.save()
        export.file.name = f"exports/{export.uid.hex}.{format}"
        if count > AT_ONCE:
            export.job = start_job(
                kind=KIND if format == Format.CSV else KIND_OF_BOOKS,
                title=_("Export of %(what)s") % {"what": export.title},
                owner=actor,
                params={"export": str(export.uid)},
                object_uid=export.uid,
                total=count,
            )
        export.save()
    if export.job is None:
        _write_at_once(export, table)
    return export


def _write_at_once(export: ExportFile, table: Table) -> None:
    done = 0
    with contextlib.closing(_open(export, table)) as file:
        for rows, _last in table.export_chunks(_reader(export), columns_of(table, export)):
            file.write(rows)
            done += len(rows)
    _finish(export, table, done)


def table_of(export: ExportFile, user: User) -> Table:
    """The list again, with what this user may export of it today."""
    query = f"{export.query}&export={export.format}" if export.query else f"export={export.format}"
    table = sources.build(export.source, sources.request_of(user, query=query), **export.arguments)
    if not table.may_export:
        raise NotAllowed(_("Your role may not export this list. An administrator can change that."))
    return table


def columns_of(table: Table, export: ExportFile) -> list[Column]:
    return [column for column in table.exported if not export.columns or column.name in export.columns]


def write_step(run: Run) -> Any:
    """One step of the job: a CSV file grows from step to step, a workbook is written in one."""
    export = ExportFile.objects.select_related("owner").get(uid=UUID(run.params["export"]))
    if export.is_ready or export.removed_at:
        return None
    if export.owner is None or not export.owner.is_active:
        raise Conflict(_("Whoever asked for this file has no account any more, so it was not written."))
    table = table_of(export, export.owner)
    state = dict(run.state) if export.format == Format.CSV else {}
    try:
        with contextlib.closing(_open(export, table, offset=state.get("offset", 0))) as file:
            done, is_over = _write_some(run, export, table, file, state)
    except JobCancelled:
        remove_file(export=export)
        raise
    if not is_over:
        return run.again()
    _finish(export, table, done)
    run.result(url=_page_url(), rows=done)
    return None


def write_book(run: Run) -> Any:
    """The job of a workbook."""
    with run.beating():
        return write_step(run)


def _write_some(run: Run, export: ExportFile, table: Table, file: Any, state: dict[str, Any]) -> tuple[int, bool]:
    """Write until the list or the step's time is over → (rows so far, whether that was all)."""
    done, ends = state.get("done", 0), time.monotonic() + STEP_SECONDS
    run.job.done_count = done
    run.phase(_("Writing rows"))
    after = state.get("after")
    for rows, last in table.export_chunks(_reader(export), columns_of(table, export), after=after):
        file.write(rows)
        done += len(rows)
        if export.format == Format.CSV:
            run.save_state(offset=file.offset, done=done, after=last)
        run.advance(done - run.job.done_count)
        if export.format == Format.CSV and time.monotonic() > ends:
            return done, False
    return done, True


def _page_url() -> str:
    from django.urls import reverse

    return reverse("export_list")


def _path(export: ExportFile) -> Path:
    return Path(default_storage.path(export.file.name or ""))


def _open(export: ExportFile, table: Table, *, offset: int = 0) -> CsvFile | XlsxFile:
    with _reader(export).view():
        head = [str(column.label) for column in columns_of(table, export)]
    if export.format == Format.CSV:
        return CsvFile(_path(export), head, offset=offset)
    return XlsxFile(_path(export), head, export.title)


def _reader(export: ExportFile) -> Reader:
    return Reader(ZoneInfo(export.zone), export.language)


def _finish(export: ExportFile, table: Table, rows: int) -> None:
    """The file is whole: say so, and write down who took how many rows of what."""
    with transaction.atomic():
        export.row_count, export.size_bytes = rows, _path(export).stat().st_size
        export.save(update_fields=["row_count", "size_bytes", "updated_at"])
        what = ngettext("%(title)s: %(n)s row as %(format)s", "%(title)s: %(n)s rows as %(format)s", rows)
        record(
            verb="list.exported",
            actor=export.owner,
            object_type=table.queryset.model._meta.model_name or "",
            summary=what % {"title": export.title, "n": number(rows), "format": export.get_format_display()},
        )


# --- removal ------------------------------------------------------------------------------------------------------------
def remove_file(*, export: ExportFile) -> None:
    """Take the file away; the row says that it was there."""
    name = export.file.name
    if name:
        default_storage.delete(name)
    export.file = ""
    export.removed_at = timezone.now()
    export.save(update_fields=["file", "removed_at", "updated_at"])


def purge(*, now: datetime | None = None) -> int:
    """Remove files whose time is over; returns how many."""
    due = list(ExportFile.objects.filter(removed_at__isnull=True, expires_at__lte=now or timezone.now())[:500])
    for export in due:
        remove_file(export=export)
    return len(due)


def kept_files() -> int:
    """How many files are kept now."""
    return ExportFile.objects.filter(removed_at__isnull=True, row_count__isnull=False).count()


def remove_all_files() -> int:
    """Remove every file at once, whatever its time: for an erasure, as a file may hold whom it is about."""
    kept = list(ExportFile.objects.filter(removed_at__isnull=True, row_count__isnull=False))
    for export in kept:
        remove_file(export=export)
    return len(kept)
