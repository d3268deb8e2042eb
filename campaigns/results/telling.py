"""A report as the API tells it: the numbers of the page, and how each is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from campaigns.planning.models import Campaign, Drive
from campaigns.results.figures import Scope
from campaigns.results.report import Report, days_of, live
from crm.accounts.models import User


def scope_of(campaign: Campaign, drive: Drive | None, user: User, days: Mapping[str, str]) -> Scope:
    first, last = days_of(drive or campaign, days, timezone.localdate())
    return Scope(campaign, drive, first, last, user)


def report_told(campaign: Campaign, drive: Drive | None, user: User, days: Mapping[str, str]) -> dict[str, Any]:
    return told(live(scope_of(campaign, drive, user, days)))


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
