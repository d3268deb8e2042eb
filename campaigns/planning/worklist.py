"""Which cells of a drive to turn to next: need × policy window near × silence × missing counterpart, each with its reason in words.

Each reason is a number between 0 and 1, and counts as 1 + weight × number; the product ranks. A weight of 0 takes a reason away.

- need: coverage that is not there (a country at 15 % has 0.85), more where it fell; a country without a figure counts as one half
- window: how near the next chance lies, if somebody keeps them
- silence: weeks since anybody there talked with us, up to half a year; never counts as 1
- counterpart: nobody known 1, no address that works 0.8, no post filled 0.4
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.planning.grid import Cell, Grid, Row
from campaigns.planning.models import Drive, WorklistWeights
from campaigns.planning.windows import Window, is_known, nearness, next_windows
from contacts.directory.models import Constituency, IndicatorValue, Organization
from contacts.directory.reference import COVERAGE
from crm.ui import formats

SILENT_WEEKS, YEARS_BACK, STEEP = 26, 10, 10.0
LABELS = {
    "need": gettext_lazy("Need: low coverage, or coverage that fell"),
    "window": gettext_lazy("A policy window is near"),
    "silence": gettext_lazy("Silence: nobody there talked with us"),
    "counterpart": gettext_lazy("A counterpart is missing"),
}
# how each is made a number from 0 to 1
ABOUT = {
    "need": gettext_lazy("What is missing to full coverage; more where it fell within ten years. Without a figure: one half."),
    "window": gettext_lazy("1 on its day, less with each day before, 0 from four months before on. The nearest one counts."),
    "silence": gettext_lazy("Weeks since anybody there talked with us, up to half a year. Never: 1."),
    "counterpart": gettext_lazy("Nobody known 1, no address that works 0.8, no post filled 0.4."),
}  # fmt: skip


@dataclass(frozen=True)
class Trend:
    """A country's coverage then and now, in per cent."""

    since: int
    before: Decimal
    now: Decimal

    @property
    def change(self) -> float:
        return float(self.now - self.before)


@dataclass(frozen=True)
class Step:
    """One cell of the worklist: why it stands there, and the one next step."""

    row: Row
    constituency: Constituency
    cell: Cell
    score: float
    parts: dict[str, float]
    why: str
    title: str
    url: str
    button: str
    modal: bool
    also: int = 0  # other cells that the same institution stands for

    @property
    def also_words(self) -> str:
        said = ngettext(
            "It is the one to turn to in %(n)s more cell.", "It is the one to turn to in %(n)s more cells.", self.also
        )
        return said % {"n": formats.number(self.also)}


def weights_of(drive: Drive) -> WorklistWeights:
    """Those that were set, else the usual ones."""
    return WorklistWeights.objects.filter(drive=drive).first() or WorklistWeights(drive=drive)


def shown_weights(weights: WorklistWeights) -> list[tuple[str, str, int, str]]:
    """(name, words, weight, how it is counted) of the reasons that count here; a window only where somebody keeps windows."""
    return [
        (n, str(words), getattr(weights, n), str(ABOUT[n]))
        for n, words in LABELS.items()
        if n != "window" or is_known()
    ]


def trends(codes: Iterable[str]) -> dict[str, Trend]:
    """Coverage of YEARS_BACK years before the latest figure, and the latest. One query."""
    values = IndicatorValue.objects.filter(indicator__code=COVERAGE, country__in=list(codes)).order_by(
        "country_id", "year"
    )
    by_country: dict[str, list[tuple[int, Decimal]]] = {}
    for country, year, value in values.values_list("country_id", "year", "value"):
        by_country.setdefault(country, []).append((year, value))
    found = {}
    for country, figures in by_country.items():
        last = figures[-1]
        first = next(figure for figure in figures if figure[0] >= last[0] - YEARS_BACK)
        if first[0] < last[0]:
            found[country] = Trend(first[0], first[1], last[1])
    return found


def ranked(drive: Drive, grid: Grid, *, now: datetime, may_log: bool, may_add: bool, limit: int) -> list[Step]:
    """The cells that need somebody most. Three queries beside the grid's own."""
    weights, today = weights_of(drive), now.date()
    codes = [row.country.code for row in grid.rows]
    known, windows = trends(codes), next_windows(drive, codes, today)
    scored = []
    for row in grid.rows:
        code = row.country.code
        for cell, constituency in zip(row.cells, grid.constituencies, strict=True):
            parts = _parts(row, cell, known.get(code), windows.get(code), now)
            scored.append((_score(parts, weights), row, constituency, cell, parts))
    scored.sort(key=lambda item: (-item[0], item[1].country.sort_key, item[2].position, item[2].sort_key))
    chosen, others = _once_each(scored, limit)
    names = _names(cell for _s, _r, _c, cell, _p in chosen)
    return [
        Step(row, constituency, cell, score, parts, _why(row, cell, known.get(row.country.code), windows.get(row.country.code), now),
             *_next(drive, row, constituency, cell, names, may_log=may_log, may_add=may_add), also=others.get(cell.whom, 0))
        for score, row, constituency, cell, parts in chosen
    ]  # fmt: skip


Scored = tuple[float, Row, Constituency, Cell, dict[str, float]]


def _once_each(scored: Iterable[Scored], limit: int) -> tuple[list[Scored], dict[UUID | None, int]]:
    """The first `limit`, each institution where it is needed most: one that works in forty countries is called once. And in how many
    further cells each of them is the one to turn to."""
    chosen: list[Scored] = []
    others: dict[UUID | None, int] = {}
    seen: set[UUID] = set()
    for each in scored:
        whom = each[3].whom
        if whom in seen:
            others[whom] = others.get(whom, 0) + 1
        elif len(chosen) < limit:
            chosen.append(each)
            seen.update([whom] if whom else [])
    return chosen, others


def _parts(row: Row, cell: Cell, trend: Trend | None, window: Window | None, now: datetime) -> dict[str, float]:
    gap = 0.5 if row.figure is None else max(0.0, 1 - float(row.figure.value) / 100)
    fall = max(0.0, -trend.change) / STEEP if trend else 0.0
    weeks = cell.weeks(now)
    return {
        "need": min(1.0, gap + 0.3 * min(1.0, fall)),
        "window": nearness(window, now.date()),
        "silence": 1.0 if weeks is None else min(1.0, weeks / SILENT_WEEKS),
        "counterpart": {"nobody": 1.0, "closed": 0.8}.get(cell.state, 0.4 if not cell.filled else 0.0),
    }


def _score(parts: Mapping[str, float], weights: WorklistWeights) -> float:
    score = 1.0
    for name, value in parts.items():
        score *= 1 + getattr(weights, name) * value
    return score


def _names(cells: Iterable[Cell]) -> dict[Any, Organization]:
    uids = [cell.whom for cell in cells if cell.whom]
    return {row.uid: row for row in Organization.objects.filter(uid__in=uids).only("uid", "name", "names")}


def _why(row: Row, cell: Cell, trend: Trend | None, window: Window | None, now: datetime) -> str:
    """Every reason that counts, as sentences."""
    said: list[str] = []
    if row.figure is None:
        said.append(_("Coverage not known."))
    elif trend and trend.change <= -1:
        text = _("Coverage %(value)s, %(fall)s points less than in %(year)s.")
        said.append(text % {"value": formats.percent(row.figure.value), "fall": formats.number(-trend.change, digits=1), "year": trend.since})  # fmt: skip
    else:
        said.append(_("Coverage %(value)s.") % {"value": formats.percent(row.figure.value)})
    if window and window.on >= now.date():
        days = (window.on - now.date()).days
        said.append(ngettext("%(title)s in %(n)s day.", "%(title)s in %(n)s days.", days) % {"title": window.title, "n": formats.number(days)})  # fmt: skip
    if cell.state == "nobody":
        friends = sum(1 for other in row.cells if (other.stance or 0) >= 6)
        said.append(_("Nobody known there."))
        if friends:
            said.append(ngettext("%(n)s other side there is supportive.", "%(n)s other sides there are supportive.", friends) % {"n": formats.number(friends)})  # fmt: skip
        return " ".join(said)
    weeks = cell.weeks(now)
    said.append(_("Never talked with us.") if weeks is None else ngettext("Silent for %(n)s week.", "Silent for %(n)s weeks.", weeks) % {"n": formats.number(weeks)})  # fmt: skip
    if cell.state == "closed":
        said.append(_("No address there works."))
    elif not cell.filled:
        said.append(_("No post is filled, as far as we know."))
    if cell.red:
        said.append(ngettext("%(n)s promise is late.", "%(n)s promises are late.", cell.red) % {"n": formats.number(cell.red)})  # fmt: skip
    return " ".join(said)


def _next(
    drive: Drive, row: Row, constituency: Constituency, cell: Cell, names: Mapping[Any, Organization], *, may_log: bool, may_add: bool
) -> tuple[str, str, str, bool]:  # fmt: skip
    """(title, url, words of the button, whether it opens in the dialog)"""
    place = {"who": constituency.label, "where": row.country.label}
    query = urlencode({"country": cell.country, "constituency": cell.constituency})
    rows = f"{reverse('drive_institutions', args=[drive.uid])}?{query}"
    if cell.state == "nobody":
        url = f"{reverse('organization_create')}?{query}" if may_add else rows
        return _("Find: %(who)s, %(where)s") % place, url, _("Find"), may_add
    if cell.state == "closed":
        return _("An address for: %(who)s, %(where)s") % place, rows, _("Look"), False
    whom = names.get(cell.whom)
    name = whom.label if whom else _("%(who)s, %(where)s") % place
    if cell.red:
        url = f"{reverse('drive_commitments', args=[drive.uid])}?{urlencode({'light': 'red', 'country': cell.country, 'constituency': cell.constituency})}"
        return _("Ask about the promise: %(name)s") % {"name": name}, url, _("Follow up"), False
    if whom and may_log:
        url = f"{reverse('log')}?{urlencode({'organization': str(whom.uid), 'kind': 'call'})}"
        return _("Call: %(name)s") % {"name": name}, url, _("Call and log"), True
    url = reverse("organization_detail", args=[whom.uid]) if whom else rows
    return _("Call: %(name)s") % {"name": name}, url, _("Open"), False
