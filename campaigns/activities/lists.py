"""The list of activities: filters, columns, saved views, files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.activities.board import decorate
from campaigns.activities.forms import colleagues
from campaigns.activities.models import Activity
from campaigns.activities.states import COLOURS, Kind, State, TeamRole
from campaigns.planning.models import Drive
from contacts.directory.lists import country_choices
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

SOON = dt.timedelta(days=14)
DRIVES_OFFERED = 200
NOBODY = "None"  # as the facet counts rows without an owner


def _drives(request: HttpRequest) -> Iterable[Choice]:
    rows = Drive.objects.visible_to(request.user).filter(archived_at=None).order_by("sort_key", "pk")  # type: ignore[arg-type]
    return [(str(row.uid), row.label) for row in rows[:DRIVES_OFFERED]]


def _owners(request: HttpRequest) -> Iterable[Choice]:
    """Oneself first, then nobody, then the others."""
    me: Any = request.user
    others = colleagues().exclude(pk=me.pk).values_list("uid", "name")
    return [(str(me.uid), _("me")), (NOBODY, _("nobody yet")), *((str(uid), name) for uid, name in others)]


def _uids(values: list[str]) -> Iterator[UUID]:
    for value in values:
        with suppress(ValueError):
            yield UUID(value)


def _due(rows: Any, values: list[str]) -> Any:
    today = timezone.localdate()
    rule = Q(pk__in=[])
    if "late" in values:
        rule |= Q(due_on__lt=today)
    if "soon" in values:
        rule |= Q(due_on__range=(today, today + SOON))
    if "later" in values:
        rule |= Q(due_on__gt=today + SOON)
    return rows.open().filter(rule)


def _owned(rows: Any, values: list[str]) -> Any:
    rule = Q(owner__uid__in=list(_uids(values)))
    return rows.filter(rule | Q(owner=None) if NOBODY in values else rule)


class ActivityFilters(FilterBar):
    search = Search(_("Find an activity"))
    facets: Sequence[Facet] = (
        Facet(
            "drive",
            _("Drive"),
            _drives,
            lambda rows, values: rows.filter(drive__uid__in=list(_uids(values))),
            icon="target-arrow",
            count_by="drive__uid",
        ),
        Facet(
            "state",
            _("State"),
            [(state.value, state.label, COLOURS[state]) for state in State],
            lambda rows, values: rows.filter(state__in=values),
            count_by="state",
        ),
        Facet(
            "kind",
            _("Kind"),
            [(kind.value, kind.label) for kind in Kind],
            lambda rows, values: rows.filter(kind__in=values),
            count_by="kind",
        ),
        Facet("owner", _("Owner"), _owners, _owned, icon="user", count_by="owner__uid"),
        Facet(
            "due",
            _("Due"),
            [("late", _("late"), "bad"), ("soon", _("within two weeks"), "warn"), ("later", _("later"), "wait")],
            _due,
            icon="calendar-due",
        ),
        Facet(
            "country",
            _("Country"),
            country_choices,
            lambda rows, values: rows.filter(country__in=values),
            count_by="country_id",
            is_long=True,
        ),
    )


def _name(row: Activity) -> str:
    below = str(Kind(row.kind).label)
    notice = row.notice  # type: ignore[attr-defined]
    return cells.format_html(
        '<a class="gs-strong" href="{}">{}</a>{}',
        url_of("drive_activity", row.uid),
        row.label,
        cells.why(f"{below} · {notice}" if notice else below),
    )


def _owner(row: Activity) -> str:
    return row.who or cells.dim(str(_("nobody yet")))  # type: ignore[attr-defined]


class ActivityTable(Table):
    columns = (
        Column("name", _("Activity"), sort=["sort_key"], html=_name),
        Column(
            "state",
            _("State"),
            value=lambda row: State(row.state).label,
            html=lambda row: cells.badge(COLOURS[State(row.state)], str(State(row.state).label)),
        ),
        Column("owner", _("Owner"), value="owner.name", html=_owner),
        Column("starts_on", _("From"), sort=["starts_on"], css="num"),
        Column("due_on", _("Due"), sort=["due_on"], css="num"),
        Column("country", _("Country"), value="country.label"),
        Column("drive", _("Drive"), sort=["drive__sort_key"], value="drive.label"),
        Column("kind", _("Kind"), value=lambda row: Kind(row.kind).label),
        Column("role", _("Whose work it is"), value=lambda row: TeamRole(row.role).label if row.role else ""),
        Column("done_on", _("Done on"), css="num"),
        Column("note", _("Note")),
        Column("uid", _("Id"), value="uid"),
    )
    shown = 7
    default_sort = "due_on"
    file_name = "activities"

    def prepare(self, rows: list[Activity]) -> None:
        decorate(rows, timezone.localdate())


# --- the list by name -------------------------------------------------------------------------------------------------
def activities_table(request: StaffRequest) -> ActivityTable:
    rows = Activity.objects.visible_to(request.user).live().with_waits().select_related("drive", "owner", "country")
    filters = ActivityFilters(request, rows)
    return ActivityTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(
    Source("activities", _("Activities"), lambda given: reverse("activity_list"), activities_table, has_views=True)
)
