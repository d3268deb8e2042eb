"""A report as PDF and as a workbook. It names institutions' numbers, never people."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _

from campaigns.results.report import Line, Report, made_words
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui import formats

TEMPLATE = Path(__file__).with_name("results.typ")
CELL_MOST = 32_767


def report_pdf(report: Report) -> bytes:
    """On A4: the numbers, their charts as bars, the results, and how each number is counted."""
    return pdf(TEMPLATE, report=_data(report))


def _title(report: Report) -> str:
    return report.snapshot.title if report.snapshot else report.title


def _days(report: Report) -> str:
    return f"{formats.day(report.first)} – {formats.day(report.last)}"


def _data(report: Report) -> dict[str, Any]:
    return {
        "title": _title(report),
        "about": " · ".join(filter(None, [report.title if report.snapshot else "", report.about])),
        "days": _days(report),
        "stats": [{"label": s.label, "value": formats.number(s.value), "note": s.note} for s in report.stats],
        "charts": [
            {
                "title": drawn.title,
                "rows": [
                    {"label": label, "value": value or 0, "shown": formats.number(value or 0)}
                    for label, value in zip(drawn.chart.labels, drawn.chart.series[0].values, strict=True)
                ],
            }
            for drawn in report.charts
        ],
        "results_title": _("Results"),
        "no_results": _("No result is set."),
        "lines": [_printed(line) for line in report.lines],
        "definitions_title": _("How each number is counted"),
        "definitions": [{"label": s.label, "text": s.definition} for s in report.stats],
        "caution": _(
            "Results are changes that many bring about. What is said under “contribution” is what this campaign did toward them; it does not claim to have caused them."
        ),
        "footer": f"{Installation.current().name} · {made_words(report)}",
    }


def _printed(line: Line) -> dict[str, Any]:
    measured = line.actual or _("nothing measured yet")
    return {
        "title": line.result,
        "kind": " · ".join(filter(None, [line.kind, line.pillar, line.drive])),
        "indicator": line.indicator,
        "facts": [
            [_("Baseline"), line.baseline or "–"],
            [_("Period"), line.period],
            [_("Target"), line.target],
            [_("Actual"), f"{measured} ({line.on})" if line.on else measured],
            [_("What shows it"), " ".join(filter(None, [line.evidence, line.link])) or "–"],
            [_("Contribution"), line.contribution or "–"],
            [_("Verified by"), line.verified_by or _("nobody yet")],
        ],
    }


def report_xlsx(report: Report) -> bytes:
    """Four sheets: numbers, breakdowns, results, definitions. Every text is a text: nothing in it is a formula or a link."""
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(target, options)
    head = book.add_format({"bold": True})

    def sheet(name: str, titles: list[str], rows: list[list[Any]]) -> None:
        page = book.add_worksheet(name[:31])
        page.freeze_panes(1, 0)
        page.set_column(0, len(titles) - 1, 26)
        for column, title in enumerate(titles):
            page.write_string(0, column, title, head)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, int | float):
                    page.write_number(number, column, value)
                elif value:
                    page.write_string(number, column, str(value)[:CELL_MOST])

    about = [[_("Report"), _title(report)], [_("About"), report.title], [_("Days"), _days(report)], [_("Made"), made_words(report)]]  # fmt: skip
    sheet(_("Numbers"), [_("Figure"), _("Value"), _("Note")], [*([a, "", b] for a, b in about), *([s.label, s.value, s.note] for s in report.stats)])  # fmt: skip
    parts = [[d.title, label, value or 0] for d in report.charts for label, value in zip(d.chart.labels, d.chart.series[0].values, strict=True)]  # fmt: skip
    sheet(_("Breakdowns"), [_("Figure"), _("Part"), _("Value")], parts)
    titles = [_("Result"), _("Kind"), _("Pillar"), _("Drive"), _("Indicator"), _("Baseline"), _("Period"), _("Target"), _("Actual"), _("Of which day"), _("What shows it"), _("Link"), _("Contribution"), _("Recorded by"), _("Verified by")]  # fmt: skip
    lines = [[x.result, x.kind, x.pillar, x.drive, x.indicator, x.baseline, x.period, x.target, x.actual, x.on, x.evidence, x.link, x.contribution, x.recorded_by, x.verified_by] for x in report.lines]  # fmt: skip
    sheet(_("Results"), titles, lines)
    sheet(_("Definitions"), [_("Figure"), _("How it is counted")], [[s.label, s.definition] for s in report.stats])
    book.close()
    return target.getvalue()
