"""A list as a declared table: columns, order, pages, selection, CSV.

class PersonTable(Table):
    columns = [Column("name", _("Name"), sort=["sort_key"]), Column("country", _("Country"), sort=["country__sort_key"])]
    default_sort = "name"

A cell is written by its column's `html` (pieces in crm.ui.cells), else it is the value as text. A `row_template` writes rows that
few people see: it gets `row`.

table = PersonTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise, cached_property
from django.utils.html import conditional_escape
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.requests import StaffRequest
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed
from crm.ui import cells
from crm.ui.filters import FilterBar
from crm.ui.paging import PAGE_SIZE, Page, beyond, paginate, sort_keys

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 2000  # rows read at a time for a file: memory stays flat
MAX_PICKED = 5000
AT_ONCE = 2000  # rows of a file that are written while a person waits
PICK = '<td class="check"><input class="form-check-input gs-pick" type="checkbox" name="pick" value="{}" aria-label="{} {}"></td>'


@dataclass(frozen=True)
class Column:
    """One column. value: an attribute path ("country.name") or a function of the row, by default the column's name;
    export: the same for the file, None leaves the column out of it; css: num, fit; html: what a cell shows on the screen."""

    name: str
    label: StrOrPromise = ""
    sort: Sequence[str] = ()
    value: str | Callable[[Any], Any] = ""
    export: str | Callable[[Any], Any] | None = ""
    css: str = ""
    html: Callable[[Any], str] | None = None

    def cell(self, row: Any) -> Any:
        return _read(row, self.value or self.name)

    def shown(self, row: Any) -> str:
        return self.html(row) if self.html else cells.text(self.cell(row))

    def exported(self, row: Any) -> Any:
        return _read(row, self.export or self.value or self.name)


@dataclass(frozen=True)
class Head:
    """A column's head as the template shows it."""

    label: str
    css: str
    sort_url: str
    aria_sort: str


@dataclass(frozen=True)
class Cell:
    value: Any
    label: str
    css: str


@dataclass(frozen=True)
class Reader:
    """Whose zone and language a file is in. It is written after the middleware has put both away again."""

    zone: dt.tzinfo
    language: str

    @classmethod
    def now(cls) -> Reader:
        return cls(timezone.get_current_timezone(), translation.get_language() or "en")

    @contextmanager
    def view(self) -> Iterator[None]:
        with timezone.override(self.zone), translation.override(self.language):
            yield


class Table:
    columns: ClassVar[Sequence[Column]] = ()
    default_sort: ClassVar[str] = ""
    shown: ClassVar[int | None] = None  # columns in the list unless others are chosen; the row template has these
    row_template: ClassVar[str] = ""
    page_size: ClassVar[int] = PAGE_SIZE
    file_name: ClassVar[str] = "list"
    is_cards: ClassVar[bool] = False  # its page shows each row whole: columns are for files only

    def __init__(
        self,
        request: StaffRequest,
        queryset: QuerySet[Any],
        *,
        filters: FilterBar | None = None,
        may_export: bool = False,
    ) -> None:
        self.request = request
        self.queryset = queryset
        self.filters = filters
        self.may_export = may_export
        self.source = ""  # its name in crm.ui.sources, and the arguments it was made with
        self.arguments: dict[str, str] = {}

    # --- what is shown
    @cached_property
    def page(self) -> Page[Any]:
        page = paginate(self.request, self.queryset, sort=self.sort, size=self.page_size)
        self.prepare(page.rows)
        return page

    @property
    def rows(self) -> list[Any]:
        return self.page.rows

    def prepare(self, rows: list[Any]) -> None:
        """Add to a page's (or a file's chunk's) rows what takes one more query for all of them. Override."""

    def cells(self, row: Any) -> list[Cell]:
        """What a row shows: all of it, or with a row template only the columns that the template does not know."""
        known = self.usual if self.row_template else []
        return [Cell(column.cell(row), str(column.label), column.css) for column in self.chosen if column not in known]

    def written(self, *, picks: bool) -> SafeString:
        """The rows as HTML, without a template: what is the same in each of them is made once."""
        columns = [(cells.opening(c.css, str(c.label) if n else ""), c.shown) for n, c in enumerate(self.chosen)]
        select = _("Select")
        lines = []
        for row in self.rows:
            lines.append("<tr>")
            if picks:
                lines.append(cells.format_html(PICK, getattr(row, "uid", None) or row.pk, select, row))
            for begin, shown in columns:
                lines.append(f"{begin}{_together(conditional_escape(shown(row)))}</td>")
            lines.append("</tr>\n")
        return mark_safe("".join(lines))  # noqa: S308 each piece is escaped

    # --- columns
    @property
    def usual(self) -> list[Column]:
        return list(self.columns[: self.shown])

    @cached_property
    def chosen(self) -> list[Column]:
        """The columns in the list: those of the URL in the table's order, always with the first; else the usual ones."""
        asked = {name for value in self.request.GET.getlist("columns") for name in value.split(",")}
        found = [column for column in self.columns if column.name in asked]
        if not found:
            return self.usual
        return found if self.columns[0] in found else [self.columns[0], *found]

    @cached_property
    def on(self) -> frozenset[str]:
        """Names of the columns in the list, for row templates."""
        return frozenset(column.name for column in self.chosen)

    # --- order
    @cached_property
    def sort_name(self) -> str:
        asked = self.request.GET.get("sort", "")
        known = {column.name for column in self.columns if column.sort}
        return asked if asked.removeprefix("-") in known else self.default_sort

    @cached_property
    def sort(self) -> list[str]:
        """The sort keys in force, as `paginate` takes them."""
        down = self.sort_name.startswith("-")
        column = next((column for column in self.columns if column.name == self.sort_name.removeprefix("-")), None)
        return [_flipped(name) if down else name for name in column.sort] if column else []

    @property
    def head(self) -> list[Head]:
        return [
            Head(
                str(column.label),
                column.css,
                self._url(sort=self._next_sort(column)) if column.sort else "",
                self._direction(column),
            )
            for column in self.chosen
        ]

    def _next_sort(self, column: Column) -> str:
        return f"-{column.name}" if self.sort_name == column.name else column.name

    def _direction(self, column: Column) -> str:
        if self.sort_name.removeprefix("-") != column.name:
            return ""
        return "descending" if self.sort_name.startswith("-") else "ascending"

    # --- filters
    @property
    def is_filtered(self) -> bool:
        return self.filters is not None and self.filters.is_active

    @property
    def clear_url(self) -> str:
        return self.filters.clear_url if self.filters else self.request.path

    @property
    def state(self) -> list[tuple[str, str]]:
        return self.filters.state if self.filters else []

    # --- file
    @property
    def csv_is_asked(self) -> bool:
        return self.request.GET.get("export") == "csv"

    @property
    def csv_url(self) -> str:
        return self._url(export="csv") if self.may_export else ""

    @property
    def export_url(self) -> str:
        """Where format and columns are chosen; "" for lists that only have the plain file."""
        if not (self.source and self.may_export):
            return ""
        query = self.request.GET.copy()
        for name in ("after", "before", "export", "facet", "view", "columns"):
            query.pop(name, None)
        asked = {"list": self.source, "query": query.urlencode(), "arguments": json.dumps(self.arguments)}
        return f"{reverse('export_new')}?{urlencode(asked)}"

    @property
    def is_small(self) -> bool:
        """Whether the whole list can be written while a person waits."""
        return self.queryset.order_by()[: AT_ONCE + 1].count() <= AT_ONCE

    def csv_response(self) -> StreamingHttpResponse:
        """Every row of the list (not only this page) as CSV; who took how many is logged."""
        if not self.may_export:
            raise NotAllowed(_("Your role may not export this list. An administrator can change that."))
        count = self.queryset.order_by().count()
        what = ngettext("%(title)s: %(n)s row as CSV", "%(title)s: %(n)s rows as CSV", count)
        record(
            verb="list.exported",
            actor=self.request.user,
            object_type=self.queryset.model._meta.model_name or "",
            summary=what % {"title": self.file_name, "n": count},
        )
        name = f"{slugify(self.file_name)}-{timezone.localdate().isoformat()}.csv"
        chunks = self.export_chunks(Reader.now(), self.exported)
        return StreamingHttpResponse(
            csv_lines([str(column.label) for column in self.exported], (row for rows, _last in chunks for row in rows)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
        )

    @property
    def exported(self) -> list[Column]:
        """The columns that a file can have."""
        return [column for column in self.columns if column.export is not None and column.label]

    def export_chunks(
        self, reader: Reader, columns: Sequence[Column], *, after: list[Any] | None = None
    ) -> Iterator[tuple[list[list[Any]], list[Any]]]:
        """Cells of the rows in the list's order, a few thousand at a time, each with where it ended: `after` goes on from there."""
        keys = sort_keys(self.queryset, self.sort)
        rows = self.queryset
        if after is not None:
            rows = rows.filter(beyond(keys, [key.read(value) for key, value in zip(keys, after, strict=True)]))
        ordered = rows.order_by(*(key.order(reverse=False) for key in keys)).iterator(chunk_size=CHUNK)
        while chunk := list(islice(ordered, CHUNK)):
            yield self._exported_chunk(chunk, reader, columns), [key.write(chunk[-1]) for key in keys]

    def _exported_chunk(self, chunk: list[Any], reader: Reader, columns: Sequence[Column]) -> list[list[Any]]:
        with reader.view():
            self.prepare(chunk)
            return [[_told(column.exported(row)) for column in columns] for row in chunk]

    def _url(self, **changes: str) -> str:
        query = self.request.GET.copy()
        for name in ("after", "before", "export", "facet"):
            query.pop(name, None)
        for name, value in changes.items():
            query[name] = value
        return f"{self.request.path}?{query.urlencode()}"


def selected(request: HttpRequest, queryset: QuerySet[Any], *, filters: type[FilterBar] | None = None) -> QuerySet[Any]:
    """The rows that a bulk action's POST names: those picked by uid, or all that match the filters it was posted from.

    queryset: already narrowed to what the user may act on.
    """
    if request.POST.get("all") and filters is not None:
        state = QueryDict(mutable=True)
        for name, values in request.POST.lists():
            if name.startswith("_"):
                state.setlist(name.removeprefix("_"), values)
        found: QuerySet[Any] = filters(request, queryset, params=state).queryset
        return found
    picked = request.POST.getlist("pick")[:MAX_PICKED]
    if not picked:
        raise Invalid(_("Nothing is selected, so nothing was done. Tick the rows first."), code="nothing_selected")
    try:
        return queryset.filter(uid__in=picked)
    except (ValueError, TypeError, ValidationError) as error:
        raise Invalid(
            _("The selection cannot be read, so nothing was done. Reload the list and select again.")
        ) from error


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """CSV (RFC 4180) line by line, with a BOM so that spreadsheets read UTF-8, and formulas made harmless."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([neutral(title) for title in head])
    for row in rows:
        yield writer.writerow([neutral(value) for value in row])


def neutral(value: Any) -> str:
    """A cell as text. What a spreadsheet would run as a formula gets an apostrophe in front; plain numbers are left alone."""
    if value is None:
        return ""
    value = _settled(value)
    if isinstance(value, list | tuple | set):
        value = "; ".join(str(item) for item in value)
    text = str(value)
    if isinstance(value, int | float) or not text.startswith(FORMULA_STARTS):
        return text
    return f"'{text}"


def _told(value: Any) -> Any:
    """A text in the reader's language stays in it."""
    return str(value) if isinstance(value, Promise) else _moment_of(value)


def _moment_of(value: Any) -> Any:
    """A moment in the reader's zone, which is put away again before the file is written."""
    return timezone.localtime(value) if isinstance(value, dt.datetime) and timezone.is_aware(value) else value


def _settled(value: Any) -> Any:
    """A moment and a marked text as text; both were put into the reader's zone and language before."""
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value) if isinstance(value, Promise) else value


class _Echo:
    """A file that gives each written line back; its write() is what csv's writerow() returns."""

    def write(self, line: str) -> str:
        return line


def _together(cell: str) -> str:
    """What a cell shows, as one piece: on a phone a row is a card whose cells are a name and one thing beside it."""
    is_one = "<" not in cell or (cell.startswith("<") and cell.endswith(">") and cell.count("</") == 1)
    return cell if is_one else f"<div>{cell}</div>"


def _read(row: Any, how: str | Callable[[Any], Any]) -> Any:
    if callable(how):
        return how(row)
    for part in how.split("."):
        row = getattr(row, part, None) if row is not None else None
    return row


def _flipped(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"
