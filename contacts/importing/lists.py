"""The lists of imports and of one import's rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from babel import Locale
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import Constituency, Organization, Person, Post
from contacts.importing.models import ImportLine, ImportRow, ImportRun
from crm.exports.writing import XlsxFile
from crm.ui.tables import Column, Table, csv_lines

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATE_KINDS = {
    "applied": "ok",
    "failed": "bad",
    "refused": "bad",
    "checking": "blue",
    "applying": "blue",
    "checked": "warn",
    "undoing": "blue",
}


class ImportTable(Table):
    columns = [
        Column("file_name", _("File"), sort=["file_name"]),
        Column("state", _("State")),
        Column("rows", _("Rows"), css="num"),
        Column("created", _("Created"), css="num"),
        Column("updated", _("Updated"), css="num"),
        Column("rejected", _("Rejected"), css="num"),
        Column("owner", _("By")),
        Column("created_at", _("When"), sort=["created_at"], css="num"),
    ]
    default_sort = "-created_at"
    row_template = "contacts/importing/_import_row.html"

    def prepare(self, rows: list[Any]) -> None:
        for row in rows:
            row.kind = STATE_KINDS.get(row.state, "wait")


class RowTable(Table):
    columns = [
        Column("line", _("Line"), sort=["line"], css="num"),
        Column("who", _("Who")),
        Column("where", _("Organization and post")),
        Column("reason", _("What and why")),
    ]
    default_sort = "line"
    row_template = "contacts/importing/_row.html"

    def prepare(self, rows: list[Any]) -> None:
        describe(rows)


def lines_of(rows: Iterable[ImportRow]) -> dict[tuple[int, int], ImportLine]:
    """What stood in the lines of some rows of one run."""
    wanted = list(rows)
    runs = {row.run_id for row in wanted}
    found = ImportLine.objects.filter(run__in=runs, line__in=[row.line for row in wanted])
    return {(line.run_id, line.line): line for line in found}


def describe(rows: list[ImportRow]) -> list[ImportRow]:
    """Add to rows what a screen shows of them, and whom they became: three queries for all."""
    lines = lines_of(rows)
    people = {p.pk: p for p in Person.objects.filter(pk__in=[r.person_id for r in rows if r.person_id])}
    places = {
        o.pk: o for o in Organization.objects.filter(pk__in=[r.organization_id for r in rows if r.organization_id])
    }
    territories = Locale.parse(get_language() or "en", sep="-").territories
    for row in rows:
        line = lines.get((row.run_id, row.line))
        values = line.values if line else {}
        country = territories.get(values.get("country"), "")
        extra: Any = row
        extra.person = people.get(row.person_id or 0)
        extra.organization = places.get(row.organization_id or 0)
        extra.who = values.get("name") or ""
        extra.address = values.get("email") or ""
        extra.place = ", ".join(filter(None, [values.get("post"), values.get("organization"), country]))
        extra.cells = [cell for cell in line.raw if cell.strip()] if line and not values else []
    return rows


def examples(run: ImportRun, count: int = 5) -> list[dict[str, Any]]:
    """For each outcome that occurs: how many, and the first few rows."""
    titles = {
        "created": _t("New"),
        "updated": _t("Changed"),
        "unchanged": _t("As they are"),
        "rejected": _t("Rejected"),
    }
    kinds = {"created": "ok", "updated": "blue", "unchanged": "wait", "rejected": "bad"}
    return [
        {
            "outcome": outcome,
            "title": title,
            "kind": kinds[outcome],
            "count": run.counts[outcome],
            "rows": describe(list(run.rows.with_outcome(outcome)[:count])),
        }
        for outcome, title in titles.items()
        if run.counts.get(outcome)
    ]


def rejected_rows(run: ImportRun) -> Iterator[list[Any]]:
    """Line, reason, then the cells as they stood: to mend and upload again, as they are (the two first columns mean nothing then)."""
    rejected = run.rows.rejected().iterator(chunk_size=2000)
    while rows := list(islice(rejected, 2000)):
        lines = lines_of(rows)
        for row in rows:
            line = lines.get((row.run_id, row.line))
            yield [row.line, row.reason, *(line.raw if line else [])]


def kept_rows(run: ImportRun) -> Iterator[list[Any]]:
    for row in run.kept.order_by("object_type", "name", "id").iterator(chunk_size=2000):
        yield [object_label(row.object_type), row.name, row.field or _t("all of it"), row.get_reason_display()]


def rejected_file(run: ImportRun, kind: str) -> HttpResponseBase:
    return table_file([_t("Line"), _t("Reason"), *run.columns], rejected_rows(run), f"{_stem(run)}-rejected", kind)


def kept_file(run: ImportRun, kind: str) -> HttpResponseBase:
    head = [_t("What"), _t("Name"), _t("Which part"), _t("Why it was kept")]
    return table_file(head, kept_rows(run), f"{_stem(run)}-kept", kind)


def table_file(head: list[str], rows: Iterator[list[Any]], stem: str, kind: str) -> HttpResponseBase:
    """A table as CSV, streamed, or as a workbook whose cells are all text: nothing in it is ever a formula."""
    disposition = {"Content-Disposition": f'attachment; filename="{stem}.{kind}"'}
    if kind == "csv":
        return StreamingHttpResponse(csv_lines(head, rows), content_type="text/csv; charset=utf-8", headers=disposition)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as place:
        book = XlsxFile(Path(place.name), head, stem)
        book.write([str(value) for value in row] for row in rows)
        book.close()
        # opened again: the name goes with this block, the bytes with the answer
        return FileResponse(open(place.name, "rb"), content_type=XLSX, headers=disposition)  # noqa: SIM115 FileResponse closes it


def object_label(object_type: str) -> str:
    return {"person": _t("Person"), "organization": _t("Organization"), "post": _t("Post")}[object_type]


def _stem(run: ImportRun) -> str:
    return slugify(run.file_name.rsplit(".", 1)[0]) or "import"


class KeptTable(Table):
    columns = [
        Column("object_type", _("What")),
        Column("name", _("Name"), sort=["name"]),
        Column("field", _("Which part")),
        Column("reason", _("Why it was kept")),
    ]
    default_sort = "name"
    row_template = "contacts/importing/_kept_row.html"

    def prepare(self, rows: list[Any]) -> None:
        posts = {row.object_id for row in rows if row.object_type == "post"}
        places = dict(Post.objects.filter(pk__in=posts).values_list("pk", "organization__uid"))
        for row in rows:
            row.what = object_label(row.object_type)
            uid = places.get(row.object_id) if row.object_type == "post" else row.object_uid
            row.url = (
                reverse("person_detail" if row.object_type == "person" else "organization_detail", args=[uid])
                if uid
                else ""
            )


def defaults_in_words(run: ImportRun) -> list[str]:
    """What the import takes for granted, as a person would say it."""
    options = run.options
    words = []
    if options.get("country"):
        words.append(_t("Country where none is given: %(name)s") % {"name": options["country"]})
    if options.get("constituency"):
        found = Constituency.objects.filter(pk=options["constituency"]).first()
        words.append(_t("Constituency of new organizations: %(name)s") % {"name": found.label if found else "–"})
    if options.get("language"):
        words.append(_t("Language where none is given: %(name)s") % {"name": options["language"]})
    words.append(
        _t("What the directory has is replaced.")
        if options.get("overwrite")
        else _t("What the directory has is kept; only empty fields are filled.")
    )
    return words
