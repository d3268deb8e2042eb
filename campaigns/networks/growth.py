"""How a network grows, who of it is active, and who cools: figures by month and by the last sign, each with the rows behind it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Q, Value, When
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.networks.models import Member, Network
from contacts.directory.models import Constituency
from crm.accounts.models import User
from crm.ui import formats
from crm.ui.charts import Chart, Series

MONTHS = 13  # the same month of the year before stands beside this one
ACTIVE, COOLING = timedelta(days=90), timedelta(days=180)
# by the last sign from them; the second has no edge in words of its own
BANDS = (
    ("active", gettext_lazy("active: a sign in the last 90 days")),
    ("quiet", gettext_lazy("quiet: 90 to 180 days")),
    ("cooling", gettext_lazy("cooling: longer than 180 days")),
)


def band_rule(band: str, now: datetime) -> Q:
    """Of rows `with_last_sign`."""
    return {
        "active": Q(last_sign__gte=now - ACTIVE),
        "quiet": Q(last_sign__lt=now - ACTIVE, last_sign__gte=now - COOLING),
        "cooling": Q(last_sign__lt=now - COOLING),
    }.get(band, Q(pk__in=[]))


def months_until(today: date) -> list[date]:
    """The first days of the last MONTHS months, oldest first."""
    place = today.year * 12 + today.month - 1
    return [date((place - back) // 12, (place - back) % 12 + 1, 1) for back in reversed(range(MONTHS))]


def growth(network: Network, user: User, *, today: date | None = None) -> Chart:
    """Members at the end of each month, and who joined and left in it. Two queries."""
    months = months_until(today or timezone.localdate())
    rows = Member.objects.visible_to(user).filter(network=network).order_by()
    joined = _by_month(rows, "joined_at")
    left = _by_month(rows.filter(left_at__isnull=False), "left_at")
    total = sum(n for month, n in joined.items() if month < months[0]) - sum(
        n for month, n in left.items() if month < months[0]
    )
    totals: list[float | None] = []
    for month in months:
        total += joined.get(month, 0) - left.get(month, 0)
        totals.append(total)
    return Chart(
        "line",
        labels=[formats.month(month, short=True) for month in months],
        series=[
            Series(_("members"), totals, "blue"),
            Series(_("joined"), [joined.get(month, 0) for month in months], "ok"),
            Series(_("left"), [left.get(month, 0) for month in months], "rest"),
        ],
        can_save=True,
    )


def _by_month(rows: Any, field: str) -> dict[date, int]:
    found = rows.annotate(in_month=TruncMonth(field)).values_list("in_month").annotate(n=Count("pk", distinct=True))
    return {timezone.localdate(month): n for month, n in found}


def activity(network: Network, user: User, *, now: datetime | None = None) -> Chart:
    """Members of today by the last sign from them, by constituency. One query."""
    now = now or timezone.now()
    bands = [When(band_rule(code, now), then=Value(code)) for code, _words in BANDS]
    rows = Member.objects.visible_to(user).present().filter(network=network).with_last_sign().order_by()
    counted = rows.annotate(band=Case(*bands, default=Value("cooling"))).values_list(
        "organization__constituency__root_code", "band"
    )
    sums: dict[tuple[str, str], int] = {
        (root or "", band): n for root, band, n in counted.annotate(n=Count("pk", distinct=True))
    }
    roots = Constituency.objects.filter(parent=None).order_by("position", "sort_key")
    names = [(row.code, row.label) for row in roots] + [("", _("Individuals"))]
    shown = [(code, label) for code, label in names if any((code, band) in sums for band, _words in BANDS)]
    base = reverse("network_detail", args=[network.uid])
    colors = {"active": "ok", "quiet": "warn", "cooling": "rest"}
    return Chart(
        "bar",
        labels=[label for _code, label in shown],
        series=[
            Series(str(words), [sums.get((code, band), 0) for code, _label in shown], colors[band])
            for band, words in BANDS
        ],
        urls=[f"{base}?kind={'institution' if code else 'individual'}" for code, _label in shown],
        horizontal=True,
        can_save=True,
    )


def totals_of(chart: Chart) -> dict[str, int]:
    """band → how many, over all constituencies, from the chart of `activity`."""
    return {
        code: int(sum(value or 0 for value in series.values))
        for (code, _words), series in zip(BANDS, chart.series, strict=True)
    }
