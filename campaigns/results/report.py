"""A report as its page, its PDF and its workbook show it: computed now, or read from a snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.results.figures import FIGURES, Counted, Part, Scope, count
from campaigns.results.models import Actual, Indicator, Period, Result, Snapshot
from campaigns.results.queries import framework
from crm.ui import formats
from crm.ui.charts import Chart, Series

COLORS = {"GOV": "gov", "EMP": "emp", "WRK": "wrk", "SSI": "ssi", "CSO": "cso", "IGO": "igo", "DON": "don"}
SIDES = ("GOV", "EMP", "WRK")
RowsUrl = Callable[[str, str, str], str]  # figure, by, key


@dataclass(frozen=True)
class Stat:
    code: str
    label: str
    definition: str
    value: int
    url: str
    note: str = ""


@dataclass(frozen=True)
class Drawn:
    """A chart with its title and a sentence that says what it shows."""

    id: str
    title: str
    words: str
    chart: Chart


@dataclass
class Line:
    """One indicator in one period, as a report tells it."""

    result: str
    kind: str
    pillar: str
    drive: str
    indicator: str
    unit: str
    baseline: str
    period: str
    target: str
    actual: str
    progress: int | None
    on: str
    evidence: str
    link: str
    contribution: str
    recorded_by: str
    verified_by: str
    url: str = ""


@dataclass
class Report:
    title: str
    about: str
    first: dt.date
    last: dt.date
    stats: list[Stat]
    charts: list[Drawn]
    lines: list[Line]
    is_partial: bool = False
    snapshot: Snapshot | None = None
    parts: dict[str, list[Part]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(stat.value for stat in self.stats) and not self.lines


def days_of(scope_of: Any, given: Mapping[str, str], today: dt.date) -> tuple[dt.date, dt.date]:
    """`from` and `until` as asked; else from the beginning of the drive or campaign until today, or its end."""
    start = getattr(scope_of, "starts_on", None) or today - dt.timedelta(days=365)
    end = min(scope_of.ends_on, today) if getattr(scope_of, "ends_on", None) else today
    first, last = _read(given.get("from", "")) or start, _read(given.get("until", "")) or end
    return (first, last) if first <= last else (last, first)


def _read(text: str) -> dt.date | None:
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2100 else None


def live(scope: Scope, counted: Mapping[str, Counted] | None = None) -> Report:
    """Computed now, unless it was counted already."""
    subject = scope.drive or scope.campaign
    name = "drive_report_rows" if scope.drive else "campaign_report_rows"

    def url(figure: str, by: str = "", key: str = "") -> str:
        asked = {
            "from": scope.first.isoformat(),
            "until": scope.last.isoformat(),
            **({"by": by, "part": key} if by else {}),
        }
        return f"{reverse(name, args=[subject.uid, figure])}?{urlencode(asked)}"

    report = _report(
        title=subject.label, about="" if scope.drive is None else scope.campaign.label, first=scope.first,
        last=scope.last, counted=counted or count(scope), url=url, lines=lines_of(results_of(scope)),
    )  # fmt: skip
    report.is_partial = scope.is_partial
    return report


def results_of(scope: Scope) -> list[Result]:
    """Of the campaign: all; of a drive: its own, and those of the whole campaign."""
    rows = Result.objects.visible_to(scope.user).filter(campaign=scope.campaign)
    return framework(rows.filter(Q(drive=scope.drive) | Q(drive=None)) if scope.drive else rows)


def lines_of(results: Sequence[Any]) -> list[Line]:
    return [
        _line(result, indicator, period, period.latest)
        for result in results
        for indicator in result.shown
        for period in indicator.periods.all()
    ]


def _line(result: Result, indicator: Indicator, period: Period, actual: Actual | None) -> Line:
    unit = indicator.shown_unit

    base = indicator.shown_baseline if indicator.baseline is not None else ""
    if base and indicator.baseline_on:
        base = _("%(value)s (%(day)s)") % {"value": base, "day": formats.day(indicator.baseline_on)}
    return Line(
        result=result.title, kind=str(result.get_kind_display()), pillar=result.pillar.name if result.pillar else "",
        drive=result.drive.label if result.drive else "", indicator=indicator.title, unit=unit.strip(), baseline=base,
        period=f"{formats.day(period.starts_on)} – {formats.day(period.ends_on)}", target=period.shown_target,
        actual=actual.shown_value if actual else "", progress=actual.progress if actual else None,
        on=formats.day(actual.on) if actual else "", evidence=actual.evidence if actual else "",
        link=actual.link if actual else "", contribution=actual.contribution if actual else "",
        recorded_by=actual.recorded_by.name if actual and actual.recorded_by else "",
        verified_by=actual.verified_by.name if actual and actual.verified_by else "",
        url=reverse("actual_detail", args=[actual.uid]) if actual else "",
    )  # fmt: skip


def _report(
    *, title: str, about: str, first: dt.date, last: dt.date, counted: Mapping[str, Counted], url: RowsUrl, lines: list[Line]
) -> Report:  # fmt: skip
    stats = [
        Stat(code, str(one.figure.label), str(one.figure.definition), one.value, url(code, "", ""), _note(code, one))
        for code, one in counted.items()
    ]
    parts = {f"{code}:{by}": found for code, one in counted.items() for by, found in one.parts.items()}
    return Report(title, about, first, last, stats, list(_charts(parts, url)), lines, parts=parts)


def _note(code: str, one: Counted) -> str:
    """What gives a number meaning: the tripartite balance, the balance of genders where it is known."""
    if code == "institutions":
        sides = {part.key: part for part in one.parts.get("constituency", [])}
        said = [f"{sides[key].label} {formats.number(sides[key].value)}" for key in SIDES if key in sides]
        return " · ".join(said)
    if code == "people":
        known = {part.key: part.value for part in one.parts.get("gender", [])}
        total = known.get("female", 0) + known.get("male", 0) + known.get("other", 0)
        if total:
            share = formats.percent(100 * known.get("female", 0) / total)
            return _("%(share)s women, of %(n)s whose gender is known") % {"share": share, "n": formats.number(total)}
        return _("gender not known")
    return ""


def _charts(parts: Mapping[str, list[Part]], url: RowsUrl) -> Any:
    shapes = (
        ("institutions:constituency", _("Institutions reached, by side"), _("The tripartite balance: governments, employers, workers, and the others.")),
        ("people:language", _("People reached, by language"), _("The language that each is written to in.")),
        ("people:gender", _("People reached, by gender"), _("As far as it is known.")),
        ("two_way:month", _("Two-way contacts, by month"), _("Somebody talked with us, or answered.")),
        ("two_way:kind", _("Two-way contacts, by kind"), ""),
    )  # fmt: skip
    for key, title, words in shapes:
        found = parts.get(key, [])
        if not found:
            continue
        figure, by = key.split(":")
        color = "blue" if by != "constituency" else "gov"
        chart = Chart(
            "bar", labels=[part.label for part in found],
            series=[Series(str(FIGURES[figure].label), [float(part.value) for part in found], color)],
            urls=[url(figure, by, part.key) for part in found], horizontal=by != "month", can_save=True,
        )  # fmt: skip
        yield Drawn(f"chart-{figure}-{by}", title, words, chart)


# --- as it stood ------------------------------------------------------------------------------------------------------
def frozen(snapshot: Snapshot) -> Report:
    """From the snapshot alone: nothing is counted anew."""
    content = snapshot.content

    def url(figure: str, by: str = "", key: str = "") -> str:
        asked = f"?{urlencode({'by': by, 'part': key})}" if by else ""
        return reverse("snapshot_rows", args=[snapshot.uid, figure]) + asked

    stats, parts = [], {}
    for one in content["figures"]:
        stats.append(Stat(one["code"], one["label"], one["definition"], one["value"], url(one["code"]), one["note"]))
        for by, found in one["parts"].items():
            parts[f"{one['code']}:{by}"] = [Part(by, *part) for part in found]
    lines = [Line(**line) for line in content["lines"]]
    charts = list(_charts(parts, url))
    return Report(
        content["title"], content["about"], snapshot.first_on, snapshot.last_on, stats, charts, lines,
        snapshot=snapshot, parts=parts,
    )  # fmt: skip


def made_words(report: Report) -> str:
    """When its numbers are of, for the foot of a page."""
    if report.snapshot:
        words = _("frozen %(when)s, fingerprint %(sign)s")
        return words % {"when": formats.moment(report.snapshot.taken_at), "sign": report.snapshot.fingerprint[:16]}
    return _("computed %(when)s; later numbers may differ") % {"when": formats.moment(timezone.now())}
