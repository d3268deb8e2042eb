"""What the pages about positions show: the ladder as a step line, the distribution of an ask, the matrix of power and interest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from campaigns.planning.models import Drive
from campaigns.positions.ladder import FAVOURABLE, Stance, word_of
from campaigns.positions.lists import POWERS, with_power
from campaigns.positions.models import Ask, Position, PositionStep, Power
from campaigns.positions.periods import span
from contacts.directory.models import Constituency, Organization
from crm.accounts.models import User
from crm.ui.charts import Chart

MOST_POINTS = 1500


def rungs() -> list[str]:
    """The ladder's words, lowest first, in the reader's language."""
    return [str(stance.label) for stance in Stance]


@dataclass
class History:
    """One ask, as one institution answered it over time."""

    ask: Ask
    steps: list[PositionStep] = field(default_factory=list)  # newest first, withdrawn ones too

    @property
    def standing(self) -> list[PositionStep]:
        return [step for step in self.steps if step.withdrawn_at is None]

    @property
    def current(self) -> PositionStep | None:
        return next(iter(self.standing), None)

    @property
    def colour(self) -> str:
        return self.current.rung.colour if self.current else "rest"

    @property
    def chart(self) -> Chart | None:
        """A line that goes on to today; nothing to draw before there are two steps."""
        steps = self.standing[::-1]
        if len(steps) < 2:
            return None
        points = [
            {
                "at": step.on.isoformat(), "value": step.stance, "label": word_of(step.stance),
                "url": reverse("position_step", args=[step.uid]),
            }
            for step in steps
        ]  # fmt: skip
        return Chart("steps", name=self.ask.label, scale=rungs(), points=points, until=timezone.localdate().isoformat())


def histories(organization: Organization, user: User) -> list[History]:
    """Two queries: the asks that are put to it or were answered, and all its steps."""
    asks = Ask.objects.visible_to(user).filter(drive__archived_at=None).asked_of(organization).select_related("drive")
    found = {ask.pk: History(ask) for ask in asks.order_by("-drive__starts_on", "-drive_id", "place", "pk")}
    steps = PositionStep.objects.filter(organization=organization, ask__in=found)
    for step in steps.select_related("said_by", "recorded_by", "withdrawn_by").newest_first():
        found[step.ask_id].steps.append(step)
    return [history for history in found.values() if history.steps or history.ask.archived_at is None]


def powers(organization: Organization, user: User) -> list[dict[str, Any]]:
    """Per campaign: how much it can do, in words."""
    rows = Power.objects.filter(organization=organization).select_related("campaign")
    visible = set(type(rows[0].campaign).objects.visible_to(user).values_list("pk", flat=True)) if rows else set()
    return [
        {"row": row, "words": str(POWERS[row.power]), "campaign": row.campaign.label}
        for row in rows if row.campaign_id in visible
    ]  # fmt: skip


# --- an ask's distribution ------------------------------------------------------------------------------------------------
def distribution(drive: Drive, user: User, asks: Sequence[Ask]) -> dict[int, list[dict[str, Any]]]:
    """ask id → parts of a bar, each of which leads to its rows. One query."""
    counts: dict[tuple[int, int], int] = {}
    rows = Position.objects.visible_to(user).known().filter(ask__in=asks).order_by()
    for ask_id, stance, number in rows.values_list("ask_id", "stance").annotate(n=Count("pk")):
        counts[ask_id, stance] = number
    url = reverse("position_list", args=[drive.uid])
    return {
        ask.pk: [
            {
                "kind": stance.colour, "count": counts.get((ask.pk, stance.value), 0), "label": str(stance.label),
                "url": f"{url}?{urlencode({'ask': str(ask.uid), 'stance': stance.code})}",
            }
            for stance in Stance
        ]
        for ask in asks
    }  # fmt: skip


# --- what moved -----------------------------------------------------------------------------------------------------------
def movement(drive: Drive, user: User, period: str, today: date) -> list[dict[str, Any]]:
    """How many moved up, down, or were known for the first time: numbers with the rows behind them. One query."""
    rows = PositionStep.objects.visible_to(user).filter(ask__drive=drive).between(*span(period, today)).moves()
    counts = {"up": 0, "down": 0, "first": 0}
    for previous, stance in rows.values_list("previous", "stance"):  # type: ignore[misc]
        way = "first" if previous is None else "up" if previous < stance else "down" if previous > stance else ""
        if way:
            counts[way] += 1
    url = reverse("move_list", args=[drive.uid])
    labels = {"up": _("Moved up"), "down": _("Moved down"), "first": _("Known for the first time")}
    return [
        {"label": labels[way], "value": n, "url": f"{url}?{urlencode({'period': period, 'direction': way})}"}
        for way, n in counts.items()
    ]


def favourable(drive: Drive, user: User) -> int:
    """Institutions that are supportive of, or champions for, at least one ask of the drive."""
    rows = Position.objects.visible_to(user).filter(ask__drive=drive, stance__in=FAVOURABLE)
    return rows.values("organization").distinct().count()


# --- power and interest ---------------------------------------------------------------------------------------------------
@dataclass
class Matrix:
    chart: Chart
    without_power: int
    is_cut: bool
    sides: list[tuple[str, str]]  # (colour, name) of each constituency that has a point

    @property
    def is_empty(self) -> bool:
        return not self.chart.points


def matrix(drive: Drive, user: User, ask: Ask) -> Matrix:
    """Each institution whose position on the ask and whose power are known, as a point. Three queries."""
    rows = with_power(Position.objects.visible_to(user).known().filter(ask=ask))
    placed = rows.filter(power__isnull=False).select_related("organization__constituency")
    found = list(placed.order_by("-power", "-stance", "organization__sort_key")[: MOST_POINTS + 1])
    points = list(_points(found[:MOST_POINTS]))
    chart = Chart(
        "matrix", name=ask.label, scale=[str(POWERS[n]) for n in range(1, 6)], x_scale=rungs(), points=points,
        x_name=_("Interest: where it stands"), y_name=_("Power"),
    )  # fmt: skip
    return Matrix(chart, rows.filter(power__isnull=True).count(), len(found) > MOST_POINTS, _sides(points))


def _sides(points: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """In the order of the fixed constituencies; a branch has its root's colour and name."""
    drawn = {point["color"] for point in points}
    roots = Constituency.objects.filter(parent=None, root_code__in=[code.upper() for code in drawn])
    return [(root.code.lower(), root.label) for root in roots.order_by("position", "pk")]


def _points(rows: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for row in rows:
        yield {
            "label": row.organization.label, "x": row.stance, "y": row.power,
            "color": row.organization.constituency.root_code.lower(),
            "note": row.organization.constituency.label,
            "url": reverse("organization_positions", args=[row.organization.uid]),
        }  # fmt: skip
