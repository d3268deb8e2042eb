"""A report as PDF. It names nobody: figures only, as on the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.models import Outcome
from campaigns.reports.comparing import Comparison, comparison
from campaigns.reports.presenting import Report
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui import formats
from crm.ui.charts import Chart

TEMPLATE = Path(__file__).with_name("report.typ")
# the theme's light colours: paper is always light
COLORS = {
    Outcome.ACCEPTED: "#17845b",
    Outcome.PENDING: "#d5dae4",
    Outcome.IN_FLIGHT: "#2b62d9",
    Outcome.DEFERRED: "#b86a00",
    Outcome.FAILED: "#c62f4b",
    Outcome.SKIPPED: "#8b95a8",
    Outcome.CANCELLED: "#9a86c9",
    Outcome.UNCERTAIN: "#6b4bc8",
}
SERIES = {"blue": "#2b62d9", "cso": "#17845b"}
MOST_ROWS = 40


def report_pdf(report: Report) -> bytes:
    """The report on A4."""
    return pdf(TEMPLATE, report=paper_data(report))


def paper_data(report: Report) -> dict[str, Any]:
    """What report.typ sets: texts, numbers as shown, and bars with their values."""
    mailing = report.mailing
    made = _("%(who)s · made %(when)s with Groundswell") % {
        "who": Installation.current().name,
        "when": formats.moment(timezone.now()),
    }
    return {
        "title": mailing.label,
        "drive": mailing.drive.label,
        "headline": report.headline,
        "audience": report.audience,
        "sum": _("%(n)s in the audience, each with one outcome") % {"n": formats.number(report.audience)},
        "parts": [
            {
                "label": str(outcome.label),
                "count": report.counts[outcome],
                "shown": formats.number(report.counts[outcome]),
                "color": color,
            }
            for outcome, color in COLORS.items()
            if report.counts[outcome]
        ],
        "stats": [{"label": s.label, "value": formats.number(s.value), "note": s.note} for s in report.stats],
        "charts": list(_charts(report)),
        "tables": list(_tables(report)),
        "footer": made,
    }


def _charts(report: Report) -> Iterable[dict[str, Any]]:
    """Clicks and replies over time, by hour and by day of the week; nothing while nobody acted."""
    if report.chart:
        yield _bars(_("Human clicks and replies over time"), report.chart)
    if rhythm := report.rhythm:
        yield _bars(_("Clicks and replies by hour"), rhythm.by_hour, note=rhythm.best)
        yield _bars(_("Clicks and replies by day of the week"), rhythm.by_weekday)


def _bars(title: str, chart: Chart, *, note: str = "") -> dict[str, Any]:
    columns = zip(chart.labels, *(series.values for series in chart.series), strict=True)
    bars = []
    for label, *values in columns:
        total = sum(value or 0 for value in values)
        bars.append({"label": label, "values": values, "shown": formats.number(total) if total else ""})
    return {
        "title": title,
        "bars": bars,
        "legend": [{"label": series.name, "color": SERIES[series.color]} for series in chart.series],
        "note": note,
    }


def _tables(report: Report) -> Iterable[dict[str, Any]]:
    number = formats.number
    links = [
        [row["figures"].label, number(row["figures"].people), number(row["figures"].machines)] for row in report.links
    ]
    yield _table(
        _("Links"),
        [_("Link"), _("People"), _("Machines")],
        links,
        empty=_("This mailing has no links that could be followed."),
    )
    head = [_("Accepted"), _("Clicked"), _("Replied"), _("Unsubscribed"), _("Bounced later")]
    note = _("* Totals only: these people are not tracked one by one.") if report.has_total_only else ""
    for title, first, rows in (
        (_("By constituency"), _("Constituency"), report.by_constituency),
        (_("By country"), _("Country"), report.by_country),
    ):
        yield _table(title, [first, *head], [_group(row) for row in rows], note=note)
    said = [[row["said"], str(row["kind"]), number(row["count"])] for row in report.reasons]
    yield _table(
        _("Why messages did not arrive"), [_("What the server said"), "", _("Messages")], said, empty=_("All arrived.")
    )
    skipped = [[row["said"], number(row["count"])] for row in report.skipped]
    yield _table(_("Skipped, with reasons"), [_("Reason"), _("People")], skipped, empty=_("Nobody was skipped."))
    beside = comparison(report.mailing, report.user)
    if beside.earlier:
        yield _beside(beside)


def _table(title: str, head: list[str], rows: list[list[str]], *, empty: str = "–", note: str = "") -> dict[str, Any]:
    if len(rows) > MOST_ROWS:
        rest = len(rows) - MOST_ROWS
        note = " ".join(filter(None, [note, _("%(n)s more are on the page.") % {"n": formats.number(rest)}]))
    return {"title": title, "head": head, "rows": rows[:MOST_ROWS], "empty": empty, "note": note}


def _group(row: dict[str, Any]) -> list[str]:
    group = row["group"]
    clicked = "*" if group.is_total_only else formats.number(group.clicked)
    counts = [group.replied, group.unsubscribed, group.bounced]
    return [str(row["label"]), formats.number(group.accepted), clicked, *map(formats.number, counts)]


def _beside(found: Comparison) -> dict[str, Any]:
    head = [_("Mailing"), _("Accepted"), _("Clicked"), _("Replied"), _("Unsubscribed"), _("Bounced later")]
    rows = [
        [
            f"{row.line.mailing.label}{' ◂' if row.is_this else ''}",
            formats.number(row.line.accepted),
            *map(formats.percent, (row.clicked, row.replied, row.unsubscribed, row.bounced)),
        ]
        for row in found.rows
    ]
    return _table(_("Beside earlier mailings of this drive"), head, rows, note=_("◂ this mailing; rates of accepted."))
