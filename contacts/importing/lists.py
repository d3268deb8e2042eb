"""The lists of imports and of one import's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from babel import Locale
from django.http import StreamingHttpResponse
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import Constituency, Organization, Person
from contacts.importing.models import ImportRow, ImportRun
from crm.ui.tables import Column, Table, csv_lines

STATE_KINDS = {
    "applied": "ok",
    "failed": "bad",
    "refused": "bad",
    "checking": "blue",
    "applying": "blue",
    "checked": "warn",
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


def describe(rows: list[ImportRow]) -> list[ImportRow]:
    """Add to rows what a screen shows of them, and whom they became: two queries for all."""
    people = {p.pk: p for p in Person.objects.filter(pk__in=[r.person_id for r in rows if r.person_id])}
    places = {
        o.pk: o for o in Organization.objects.filter(pk__in=[r.organization_id for r in rows if r.organization_id])
    }
    territories = Locale.parse(get_language() or "en", sep="-").territories
    for row in rows:
        values = row.values
        country = territories.get(values.get("country"), "")
        extra: Any = row
        extra.person = people.get(row.person_id or 0)
        extra.organization = places.get(row.organization_id or 0)
        extra.who = values.get("name") or ""
        extra.address = values.get("email") or ""
        extra.place = ", ".join(filter(None, [values.get("post"), values.get("organization"), country]))
        extra.cells = [cell for cell in row.raw if cell.strip()] if not values else []
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


def rejected_csv(run: ImportRun) -> StreamingHttpResponse:
    """The rejected rows as they stood, with line and reason in front: to mend and upload again."""

    def rows() -> Iterator[list[Any]]:
        for row in run.rows.rejected().iterator(chunk_size=2000):
            yield [row.line, row.reason, *row.raw]

    name = f"{slugify(run.file_name.rsplit('.', 1)[0]) or 'import'}-rejected.csv"
    return StreamingHttpResponse(
        csv_lines([_t("Line"), _t("Reason"), *run.columns], rows()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
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
