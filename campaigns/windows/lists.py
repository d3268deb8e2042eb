"""The list of policy windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Drive
from campaigns.windows.models import Kind, PolicyWindow
from campaigns.windows.queries import words_of
from contacts.directory.lists import country_choices, uids_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

DRIVES_OFFERED = 200


def _when(rows: Any, values: list[str]) -> Any:
    today = timezone.localdate()
    rule = Q(pk__in=[])
    if "ahead" in values:
        rule |= Q(ends_on__gte=today)
    if "past" in values:
        rule |= Q(ends_on__lt=today)
    return rows.filter(rule)


def _drives(request: HttpRequest) -> Iterable[Choice]:
    rows = Drive.objects.visible_to(request.user).filter(archived_at=None).order_by("sort_key", "pk")  # type: ignore[arg-type]
    return [(str(row.uid), row.label) for row in rows[:DRIVES_OFFERED]]


def _of_drives(rows: Any, values: list[str]) -> Any:
    """In the countries of these drives, or in all countries."""
    through = Drive.countries.through.objects.filter(drive__uid__in=uids_of(values))
    return rows.filter(Q(country__in=through.values("country_id")) | Q(country=None))


class WindowFilters(FilterBar):
    search = Search(_("Find a window"))
    facets: Sequence[Facet] = (
        Facet("when", _("When"), [("ahead", _("ahead"), "ok"), ("past", _("past"), "rest")], _when, icon="calendar"),
        Facet("kind", _("Kind"), list(Kind.choices), lambda rows, values: rows.filter(kind__in=values), count_by="kind"),
        Facet("drive", _("Drive"), _drives, _of_drives, icon="target-arrow"),
        Facet(
            "country", _("Country"), country_choices, lambda rows, values: rows.filter(country__in=values),
            count_by="country_id", is_long=True,
        ),
        Facet("expected", _("Day"), [("yes", _("expected")), ("no", _("confirmed"))], lambda rows, values: rows.filter(is_expected__in=[v == "yes" for v in values])),
    )  # fmt: skip


def _name(row: PolicyWindow) -> str:
    return cells.format_html("<div>{}{}</div>", cells.link(url_of("window_detail", row.uid), words_of(row), "gs-strong"), cells.why(str(row.get_kind_display())))  # fmt: skip


class WindowTable(Table):
    columns = (
        Column("name", _("Window"), sort=["sort_key"], html=_name),
        Column("country", _("Country"), sort=["country__sort_key"], value=lambda row: row.country.label if row.country else _("all countries")),
        Column("starts_on", _("From"), sort=["starts_on"], css="num"),
        Column("ends_on", _("Until"), sort=["ends_on"], css="num"),
        Column("owner", _("Followed by"), value="owner.name"),
        Column("kind", _("Kind"), value=lambda row: row.get_kind_display()),
        Column("expected", _("Expected"), value="is_expected"),
        Column("link", _("Link")),
        Column("note", _("Note")),
        Column("uid", _("Id"), value="uid"),
    )  # fmt: skip
    shown = 5
    default_sort = "starts_on"
    file_name = "policy-windows"


def windows_table(request: StaffRequest) -> WindowTable:
    rows = PolicyWindow.objects.visible_to(request.user).live().select_related("country", "owner")
    filters = WindowFilters(request, rows)
    return WindowTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(
    Source("policy_windows", _("Policy windows"), lambda given: reverse("window_list"), windows_table, has_views=True)
)
