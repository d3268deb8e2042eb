"""A report as the API tells it: the numbers of the page, and how each is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.planning.models import Campaign, Drive
from campaigns.results.figures import FIGURES, Figure, Scope, rows_of
from campaigns.results.report import Report, days_of, live
from crm.accounts.models import User
from crm.api.problems import bad_query

MOST_UIDS = 10_000
OF = {"contacts": "interactions", "moves": "position-steps"}


def scope_of(campaign: Campaign, drive: Drive | None, user: User, days: Mapping[str, str]) -> Scope:
    first, last = days_of(drive or campaign, days, timezone.localdate())
    return Scope(campaign, drive, first, last, user)


def report_told(campaign: Campaign, drive: Drive | None, user: User, days: Mapping[str, str]) -> dict[str, Any]:
    return told(live(scope_of(campaign, drive, user, days)))


def figure_asked(asked: Mapping[str, str]) -> tuple[Figure, str, str]:
    """Which number, and which part of it: `figure`, and with `by` a `part`. Refused with the names that are offered."""
    figure = FIGURES.get(asked.get("figure", ""))
    if figure is None:
        raise bad_query("figure", _("“figure” is one of: %(offered)s.") % {"offered": ", ".join(FIGURES)})
    by = asked.get("by", "")
    if by and by not in figure.by:
        offered = ", ".join(figure.by) or "–"
        raise bad_query("by", _("“by” is one of: %(offered)s.") % {"offered": offered})
    return figure, by, asked.get("part", "") if by else ""


def behind_told(campaign: Campaign, drive: Drive | None, user: User, asked: Mapping[str, str]) -> dict[str, Any]:
    """The rows behind a number, as the page lists them; the count is whole, the uids are the first of them."""
    figure, by, part = figure_asked(asked)
    rows = rows_of(figure, scope_of(campaign, drive, user, asked), by, part)
    uids = list(rows.order_by("pk").values_list("uid", flat=True)[:MOST_UIDS])
    count = len(uids) if len(uids) < MOST_UIDS else rows.order_by().count()
    return {"figure": figure.code, "of": OF.get(figure.kind, figure.kind), "count": count, "uids": uids}


def told(report: Report) -> dict[str, Any]:
    figures = []
    for stat in report.stats:
        parts = {
            key.partition(":")[2]: [{"key": part.key, "label": part.label, "value": part.value} for part in found]
            for key, found in report.parts.items()
            if key.partition(":")[0] == stat.code
        }
        figures.append(
            {"code": stat.code, "label": stat.label, "definition": stat.definition, "value": stat.value, "note": stat.note, "parts": parts}
        )  # fmt: skip
    return {
        "title": report.title, "first_on": report.first, "last_on": report.last, "is_partial": report.is_partial,
        "figures": figures,
    }  # fmt: skip
