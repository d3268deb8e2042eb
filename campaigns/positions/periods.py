"""Spans of time that *what moved* is asked for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PERIODS: dict[str, StrOrPromise] = {
    "quarter": _("this quarter"),
    "last_quarter": _("the quarter before"),
    "month": _("the last 30 days"),
    "year": _("this year"),
}


def span(name: str, today: date) -> tuple[date, date]:
    """First and last day; whole time for a name that is not known."""
    quarter = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
    if name == "quarter":
        return quarter, today
    if name == "last_quarter":
        end = quarter - timedelta(days=1)
        return end.replace(month=end.month - 2, day=1), end
    if name == "month":
        return today - timedelta(days=30), today
    if name == "year":
        return today.replace(month=1, day=1), today
    return date.min, date.max
