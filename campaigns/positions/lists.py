"""Where institutions stand now, and what moved: the rows behind every number about positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Drive
from campaigns.positions.ladder import CODES, Confidence, EvidenceKind, Stance, word_of
from campaigns.positions.models import Ask, Position, PositionStep, Power
from campaigns.positions.periods import PERIODS, span
from contacts.directory.lists import constituency_choices, country_choices, uids_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells, formats
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

POWERS = {5: _("5: decides"), 4: _("4: strong"), 3: _("3: some"), 2: _("2: a little"), 1: _("1: hardly any")}
SHOWN_EVIDENCE = 160


def stance_choices(request: HttpRequest) -> list[Choice]:
    return [(stance.code, stance.label, stance.colour) for stance in Stance]


def _asks(request: Any) -> list[Choice]:
    """Asks of the drive whose list it is."""
    drive = getattr(request, "drive", None)
    rows = Ask.objects.visible_to(request.user)
    rows = rows.filter(drive=drive) if drive else rows.active()
    return [(str(row.uid), row.label) for row in rows.in_order()[:100]]


def by_stance(rows: Any, values: Iterable[str]) -> Any:
    return rows.filter(stance__in=[CODES[value] for value in values if value in CODES])


def _of_constituencies(rows: Any, values: list[str]) -> Any:
    inside = Q(organization__constituency__code__in=values) | Q(organization__constituency__root_code__in=values)
    return rows.filter(inside)


def _of_countries(rows: Any, values: list[str]) -> Any:
    here = Q(organization__country_id__in=values) | Q(organization__countries_of_work__overlap=values)
    return rows.filter(here)


def _by_power(rows: Any, values: list[str]) -> Any:
    known = [int(value) for value in values if value in {"1", "2", "3", "4", "5"}]
    return rows.filter(Q(power__in=known) | (Q(power=None) if "none" in values else Q(pk__in=[])))


def search_places(rows: Any, text: str) -> Any:
    from contacts.directory.models import Organization

    return rows.filter(organization__in=Organization.objects.search(text))


ASK = Facet("ask", _("Ask"), _asks, lambda rows, values: rows.filter(ask__uid__in=uids_of(values)), icon="flag")
PLACE = (
    Facet("constituency", _("Constituency"), constituency_choices, _of_constituencies, count_by="organization__constituency__code"),
    Facet("country", _("Country"), country_choices, _of_countries, count_by="organization__country_id", is_long=True),
)  # fmt: skip


def organization_cell(row: Any) -> str:
    place = row.organization
    below = " · ".join(filter(None, [place.constituency.label, place.country.label if place.country else ""]))
    return cells.who(place.label, url_of("organization_detail", place.uid), below=below, square=True)


def stance_cell(stance: int | None) -> str:
    return cells.badge(Stance(stance).colour, word_of(stance)) if stance else cells.dim(word_of(None))


def evidence_cell(step: Any) -> str:
    """What shows it: the kind, the first words, and the link to the step."""
    words = " ".join(step.evidence.split())
    words = words if len(words) <= SHOWN_EVIDENCE else words[: SHOWN_EVIDENCE - 1] + "…"
    shown = cells.link(url_of("position_step", step.uid), step.get_evidence_kind_display())
    return cells.format_html("<div>{}{}</div>", shown, cells.why(words))


# --- present positions ------------------------------------------------------------------------------------------------
class PositionFilters(FilterBar):
    search = Search(_("Find an institution"), apply=search_places)
    facets: Sequence[Facet] = (
        Facet("stance", _("Position"), stance_choices, by_stance),
        ASK,
        *PLACE,
        Facet("power", _("Power"), lambda request: [*((str(n), words) for n, words in POWERS.items()), ("none", _("not known"))], _by_power),
        Facet(
            "confidence", _("Confidence"), lambda request: list(Confidence.choices),
            lambda rows, values: rows.filter(step__confidence__in=values), count_by="step__confidence",
        ),
    )  # fmt: skip


class PositionTable(Table):
    columns = (
        Column("organization", _("Institution"), sort=["organization__sort_key"], value="organization.label", html=organization_cell),
        Column("stance", _("Position"), sort=["stance"], value=lambda row: word_of(row.stance), html=lambda row: stance_cell(row.stance)),
        Column("ask", _("Ask"), value="ask.label"),
        Column("on", _("Since"), sort=["on"], value="on", html=lambda row: cells.when(row.on)),
        Column("evidence", _("Evidence"), value="step.evidence", html=lambda row: evidence_cell(row.step)),
        Column("power", _("Power"), sort=["power"], css="num", value=lambda row: row.power, html=lambda row: formats.number(row.power) if row.power else cells.dim()),
        Column("confidence", _("Confidence"), value=lambda row: row.step.confidence),
        Column("country", _("Country"), value="organization.country.label"),
        Column("constituency", _("Constituency"), value="organization.constituency.label"),
        Column("link", _("Link"), value="step.link"),
    )  # fmt: skip
    shown = 6
    default_sort = "organization"
    file_name = "positions"


def with_power(rows: Any) -> Any:
    """`power`: of the institution in the ask's campaign."""
    mine = Power.objects.filter(organization=OuterRef("organization"), campaign=OuterRef("ask__drive__campaign"))
    return rows.annotate(power=Subquery(mine.values("power")[:1]))


def positions_table(request: StaffRequest, drive: str) -> PositionTable:
    found = _drive(request, drive)
    rows = Position.objects.visible_to(request.user).known().filter(ask__drive=found)
    rows = rows.select_related("organization__country", "organization__constituency", "ask", "step")
    filters = PositionFilters(request, with_power(rows))
    return PositionTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def _drive(request: Any, uid: str) -> Drive:
    request.drive = drive = get_object_or_404(Drive.objects.visible_to(request.user), uid=uid)
    return drive


# --- what moved -------------------------------------------------------------------------------------------------------
DIRECTIONS = {"up": _("up"), "down": _("down"), "first": _("first known"), "same": _("confirmed")}
COLOURS = {"up": "ok", "down": "bad", "first": "blue", "same": "rest"}


def _by_period(rows: Any, values: list[str]) -> Any:
    rule = Q(pk__in=[])
    for value in values:
        rule |= Q(on__range=span(value, timezone.localdate())) if value in PERIODS else Q(pk__in=[])
    return rows.filter(rule)


class MoveFilters(FilterBar):
    search = Search(_("Find an institution"), apply=search_places)
    facets: Sequence[Facet] = (
        Facet("period", _("When"), lambda request: list(PERIODS.items()), _by_period),
        Facet("direction", _("Moved"), lambda request: [(n, w, COLOURS[n]) for n, w in DIRECTIONS.items()],
              lambda rows, values: rows.direction(values)),
        Facet("stance", _("To"), stance_choices, by_stance),
        ASK,
        *PLACE,
        Facet("evidence", _("Evidence"), lambda request: list(EvidenceKind.choices),
              lambda rows, values: rows.filter(evidence_kind__in=values), count_by="evidence_kind"),
    )  # fmt: skip


def direction_of(row: Any) -> str:
    if row.previous is None:
        return "first"
    return "same" if row.previous == row.stance else "up" if row.previous < row.stance else "down"


def moved_cell(row: Any) -> str:
    way = direction_of(row)
    return cells.format_html("{} {}", cells.badge(COLOURS[way], _t(str(DIRECTIONS[way]))), _from_to(row))


def _from_to(row: Any) -> str:
    return cells.why(f"{word_of(row.previous)} → {word_of(row.stance)}")


class MoveTable(Table):
    columns = (
        Column("organization", _("Institution"), sort=["organization__sort_key"], value="organization.label", html=organization_cell),
        Column("moved", _("Moved"), value=lambda row: f"{word_of(row.previous)} → {word_of(row.stance)}", html=moved_cell),
        Column("on", _("On"), sort=["on"], value="on", html=lambda row: cells.when(row.on)),
        Column("ask", _("Ask"), value="ask.label"),
        Column("evidence", _("Evidence"), value="evidence", html=evidence_cell),
        Column("recorded_by", _("Recorded by"), value=lambda row: row.recorded_by.name if row.recorded_by else ""),
        Column("confidence", _("Confidence"), value=lambda row: row.get_confidence_display()),
        Column("country", _("Country"), value="organization.country.label"),
        Column("link", _("Link")),
    )  # fmt: skip
    shown = 6
    default_sort = "-on"
    file_name = "what-moved"


def moves_table(request: StaffRequest, drive: str) -> MoveTable:
    found = _drive(request, drive)
    rows = PositionStep.objects.visible_to(request.user).filter(ask__drive=found).moves()
    rows = rows.select_related("organization__country", "organization__constituency", "ask", "recorded_by")
    filters = MoveFilters(request, rows)
    return MoveTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(
    Source("positions", _("Positions"), lambda given: reverse("position_list", args=[given["drive"]]), positions_table)
)
register(Source("moves", _("What moved"), lambda given: reverse("move_list", args=[given["drive"]]), moves_table))
