"""The cells of the grid as HTML. A drive of the whole world has two thousand of them: each is put together here, with words and icons that
are looked up once a page, because a template's pass over one costs ten times as much."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from campaigns.planning.grid import Cell, Row
from campaigns.planning.measures import Look, look_of, same_look
from campaigns.planning.models import Drive
from contacts.directory.models import Constituency
from crm.ui import formats
from crm.ui.links import url_of
from crm.ui.templatetags.gs import icon

quoted = lru_cache(maxsize=1024)(escape)


class Writer:
    """Writes the cells of one page. may_add: a blind spot leads to the form of a new institution."""

    def __init__(self, drive: Drive, measure: str, now: datetime, *, may_add: bool) -> None:
        self.measure, self.now, self.may_add = measure, now, may_add
        self.number = cache(formats.number)
        self.looks: dict[tuple[object, ...], Look] = {}
        self.rows_url = escape(reverse("drive_institutions", args=[drive.uid]))
        self.unknown = escape(_("not known"))
        self.new_url = escape(reverse("organization_create"))
        self.nobody, self.find, self.known = escape(_("Nobody")), escape(_("Find")), escape(_("known"))
        self.never, self.weeks = escape(_("never")), escape(_("%(n)s w"))
        self.posts = icon("armchair", size="sm", label=_("posts we can reach"))
        self.people = icon("user", size="sm", label=_("people"))
        self.promises = icon("heart-handshake", size="sm", label=_("commitments"))

    def row(self, row: Row, constituencies: list[Constituency]) -> SafeString:
        """The country with its coverage, and its cells, side by side."""
        country = escape(row.country.label)
        figure = row.figure
        coverage = (
            f'{quoted(formats.percent(figure.value))} <span class="gs-year">{figure.year}</span>'
            if figure
            else self.unknown
        )
        cells = (
            self._nobody(cell, quoted(side.label), country) if cell.state == "nobody" else self._known(cell)
            for cell, side in zip(row.cells, constituencies, strict=True)
        )
        head = (
            f'<th scope="row"><a class="gs-quiet-link" href="{escape(url_of("country_detail", row.country.code))}">{country}</a>'
            f'<span class="gs-why num">{coverage}</span></th>'
        )
        return mark_safe(head + "".join(f"<td>{cell}</td>" for cell in cells))  # noqa: S308 each part is escaped

    def _nobody(self, cell: Cell, side: str, country: str) -> str:
        if not self.may_add:
            return f'<span class="gs-cell gs-cell-nobody"><span>{self.nobody}</span><span>{self.known}</span></span>'
        return (
            f'<a class="gs-cell gs-cell-nobody" href="{self.new_url}?country={cell.country}&amp;constituency={quoted(cell.constituency)}" data-modal>'
            f'<span>{self.nobody}</span><u>{self.find}<span class="visually-hidden">: {side}, {country}</span></u></a>'
        )

    def _known(self, cell: Cell) -> str:
        key, weeks = same_look(cell, self.measure, self.now), cell.weeks(self.now)
        look = self.looks.get(key)
        if look is None:
            look = self.looks[key] = look_of(cell, self.measure, self.now)
        said = self.never if weeks is None else self.weeks % {"n": self.number(weeks)}
        if cell.posts:
            said += f' <span class="gs-bit">{self.posts}{self.number(cell.seats)}/{self.number(cell.posts)}</span>'
        elif cell.people:
            said += f' <span class="gs-bit">{self.people}{self.number(cell.people)}</span>'
        if cell.promises:
            said += f' <span class="gs-bit">{self.promises}{self.number(cell.promises)}</span>'
        return (
            f'<a class="gs-cell gs-cell-{look.css}" href="{self.rows_url}?country={cell.country}&amp;constituency={quoted(cell.constituency)}">'
            f'<b>{quoted(look.words)}</b><span class="num">{said}</span></a>'
        )
