"""A mailing beside the earlier ones of its drive, and at what hours and on what days people acted."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from babel.dates import get_day_names
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.models import Mailing
from campaigns.reports import queries
from crm.accounts.models import User
from crm.ui import formats
from crm.ui.charts import Chart, Series

EARLIER = 8  # mailings shown beside this one
_RHYTHM = """
SELECT extract(isodow FROM at AT TIME ZONE %(zone)s)::int, extract(hour FROM at AT TIME ZONE %(zone)s)::int,
       sum(clicks)::int, sum(replies)::int
  FROM (SELECT at, 1 AS clicks, 0 AS replies FROM engagement
         WHERE mailing_id = %(mailing)s AND kind = 'click' AND hit_class = 'human' AND at >= %(since)s
        UNION ALL
        SELECT replied_at, 0, 1 FROM campaigns_deliveryengagement WHERE mailing_id = %(mailing)s AND replied_at IS NOT NULL) deeds
 GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Beside:
    """One mailing's rates, in per cent of accepted; None where nothing was accepted."""

    line: queries.Line
    is_this: bool

    def _rate(self, count: int) -> float | None:
        return 100 * count / self.line.accepted if self.line.accepted else None

    @property
    def clicked(self) -> float | None:
        return self._rate(self.line.people.clicked)

    @property
    def replied(self) -> float | None:
        return self._rate(self.line.people.replied)

    @property
    def unsubscribed(self) -> float | None:
        return self._rate(self.line.people.unsubscribed)

    @property
    def bounced(self) -> float | None:
        return self._rate(self.line.responses.bounced)


@dataclass(frozen=True)
class Comparison:
    """This mailing first, then the earlier ones, newest first, with the middle of the earlier ones' rates."""

    rows: list[Beside]

    @property
    def earlier(self) -> list[Beside]:
        return [row for row in self.rows if not row.is_this]

    @property
    def usual(self) -> dict[str, float | None]:
        return {
            name: median(rates)
            if (rates := [rate for row in self.earlier if (rate := getattr(row, name)) is not None])
            else None
            for name in ("clicked", "replied", "unsubscribed", "bounced")
        }


def comparison(mailing: Mailing, user: User) -> Comparison:
    """The mailing and up to EARLIER ones of its drive that were frozen before it and that the user may see. Five queries."""
    earlier = Mailing.objects.visible_to(user).filter(drive_id=mailing.drive_id, frozen_at__lt=mailing.frozen_at)
    rows = [mailing, *earlier.select_related("drive").defer("frozen_with").order_by("-frozen_at", "-pk")[:EARLIER]]
    return Comparison([Beside(line, line.mailing.pk == mailing.pk) for line in queries.lines(rows)])


@dataclass(frozen=True)
class Rhythm:
    """Human clicks and replies by hour of the day and by day of the week, in the reader's time zone."""

    by_hour: Chart
    by_weekday: Chart
    best: str  # the hour and day with most, in words


def rhythm(mailing: Mailing) -> Rhythm | None:
    """None while nobody has clicked or replied. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RHYTHM,
            {"zone": timezone.get_current_timezone_name(), "mailing": mailing.pk, "since": queries.since(mailing)},
        )
        found: list[tuple[int, int, int, int]] = cursor.fetchall()
    if not found:
        return None
    hours, days = _sums(found, 1, range(24)), _sums(found, 0, range(1, 8))
    names = _day_names()
    top_hour = max(hours, key=lambda hour: sum(hours[hour]))
    top_day = max(days, key=lambda day: sum(days[day]))
    return Rhythm(
        by_hour=_chart([f"{hour:02}" for hour in hours], list(hours.values())),
        by_weekday=_chart([names[day - 1] for day in days], list(days.values())),
        best=_("Most on %(day)s, and between %(from)s and %(to)s.")
        % {"day": names[top_day - 1], "from": f"{top_hour:02}:00", "to": f"{(top_hour + 1) % 24:02}:00"},
    )


def _sums(found: list[tuple[int, int, int, int]], column: int, keys: range) -> dict[int, list[int]]:
    sums = {key: [0, 0] for key in keys}
    for row in found:
        sums[row[column]][0] += row[2]
        sums[row[column]][1] += row[3]
    return sums


def _chart(labels: list[str], values: list[list[int]]) -> Chart:
    return Chart(
        kind="bar",
        labels=labels,
        series=[
            Series(_("clicks"), [clicks for clicks, _replies in values], "blue"),
            Series(_("replies"), [replies for _clicks, replies in values], "cso"),
        ],
    )


def _day_names() -> list[str]:
    """Monday first, as the reader's language writes them."""
    names: Any = get_day_names("wide", locale=formats.current_locale())
    return [str(names[day]) for day in range(7)]
