"""A report as a file: figures and tables, without anybody's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from campaigns.delivery.models import Outcome
from campaigns.reports.comparing import comparison
from campaigns.reports.presenting import Report
from crm.ui.tables import csv_lines

Row = Sequence[object]


def report_lines(report: Report) -> Iterator[str]:
    """The lines of the CSV: section, what, figure."""
    return csv_lines([_("Section"), _("What"), _("Figure")], _rows(report))


def _rows(report: Report) -> Iterator[Row]:
    mailing, people = report.mailing, report.people
    yield _("Mailing"), _("Name"), mailing.name
    yield _("Mailing"), _("Began"), mailing.started_at
    yield _("Mailing"), _("Finished"), mailing.finished_at
    yield _("Audience"), _("In all"), report.audience
    for outcome in Outcome:
        yield _("Audience"), str(outcome.label), report.counts[outcome]
    for part in report.afterwards:
        yield _("Of the accepted"), part["label"], part["count"]
    for stat in report.stats:
        yield _("People"), stat.label, stat.value
    yield _("Machines, not counted"), _("Deliveries that only machines clicked"), people.machines
    yield _("Machines, not counted"), _("Opens by machines"), people.machine_opens
    yield _("Not known"), _("Deliveries with clicks that nobody can tell"), people.unknown
    for link in report.links:
        figures = link["figures"]
        yield _("Links: people"), figures.label, figures.people
        yield _("Links: clicks of people who are not tracked one by one"), figures.label, figures.untracked
        yield _("Links: machines"), figures.label, figures.machines
    yield from _when(report)
    for section, rows in ((_("By constituency"), report.by_constituency), (_("By country"), report.by_country)):
        for row in rows:
            group = row["group"]
            yield f"{section}: {_('accepted')}", row["label"], group.accepted
            yield f"{section}: {_('clicked')}", row["label"], _("total only") if group.is_total_only else group.clicked
            yield f"{section}: {_('replied')}", row["label"], group.replied
            yield f"{section}: {_('unsubscribed')}", row["label"], group.unsubscribed
            yield f"{section}: {_('bounced')}", row["label"], group.bounced
    for reason in report.reasons:
        yield f"{_('Did not arrive')}: {reason['kind']}", reason["said"], reason["count"]
    for reason in report.skipped:
        yield _("Skipped"), reason["said"], reason["count"]
    yield from _beside(report)


def _when(report: Report) -> Iterator[Row]:
    """Clicks and replies over time, by hour and by day of the week, as the page draws them."""
    if course := report.course:
        for section, counts in ((_("clicks"), course.clicks), (_("replies"), course.replies)):
            for at, count in zip(course.times, counts, strict=True):
                yield f"{_('Over time')}: {section}", at, count
    if rhythm := report.rhythm:
        for title, chart in (
            (_("By hour of your day"), rhythm.by_hour),
            (_("By day of the week"), rhythm.by_weekday),
        ):
            for series in chart.series:
                for label, value in zip(chart.labels, series.values, strict=True):
                    yield f"{title}: {series.name}", label, value


def _beside(report: Report) -> Iterator[Row]:
    """This mailing and the earlier ones of its drive; nothing where there are none."""
    if report.mailing.frozen_at is None:
        return
    found = comparison(report.mailing, report.user)
    if not found.earlier:
        return
    title, share = _("Beside earlier mailings of this drive"), _("% of accepted")
    for row in found.rows:
        name = row.line.mailing.label
        yield f"{title}: {_('accepted')}", name, row.line.accepted
        for label, rate in (
            (_("clicked"), row.clicked),
            (_("replied"), row.replied),
            (_("unsubscribed"), row.unsubscribed),
            (_("bounced"), row.bounced),
        ):
            yield f"{title}: {label}, {share}", name, "" if rate is None else round(rate, 2)
