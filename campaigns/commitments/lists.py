"""The list of commitments: of everybody, and of one drive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.models import Commitment
from campaigns.commitments.rule import LIGHTS, light_of
from campaigns.planning.models import Drive
from campaigns.positions.lists import organization_cell
from campaigns.positions.models import Ask
from contacts.directory.lists import constituency_choices, country_choices, uids_of
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

DUE = {
    "past": _("past"),
    "week": _("within 7 days"),
    "month": _("within 30 days"),
    "quarter": _("within 90 days"),
    "later": _("later"),
}


def lights(request: HttpRequest) -> list[Choice]:
    return [(code, label, colour) for code, (label, colour) in LIGHTS.items()]


def _due(rows: Any, values: Iterable[str]) -> Any:
    today = timezone.localdate()
    spans = {
        "past": (date.min, today - timedelta(days=1)),
        "week": (today, today + timedelta(days=7)),
        "month": (today, today + timedelta(days=30)),
        "quarter": (today, today + timedelta(days=90)),
        "later": (today + timedelta(days=91), date.max),
    }
    rule = Q(pk__in=[])
    for value in values:
        if value in spans:
            rule |= Q(due_on__range=spans[value])
    return rows.filter(rule)


def _owners(request: Any) -> list[Choice]:
    mine: list[Choice] = [("me", _("me")), ("none", _("nobody"))]
    rows = User.objects.filter(commitments__isnull=False).exclude(pk=request.user.pk).distinct().order_by("name")
    return [*mine, *((str(row.uid), row.name) for row in rows[:100])]


def _by_owner(request_user: Any) -> Any:
    def apply(rows: Any, values: list[str]) -> Any:
        rule = Q(owner__uid__in=uids_of([v for v in values if v not in {"me", "none"}]))
        rule |= Q(owner=request_user) if "me" in values else Q(pk__in=[])
        rule |= Q(owner=None) if "none" in values else Q(pk__in=[])
        return rows.filter(rule)

    return apply


def _search(rows: Any, text: str) -> Any:
    """Words of the promise, or of the institution's name."""
    said = Q()
    for word in text.split()[:8]:
        said &= Q(text__icontains=word)
    return rows.filter(said | Q(organization__in=Organization.objects.search(text)))


def _verified(rows: Any, values: list[str]) -> Any:
    rule = Q(pk__in=[])
    if "yes" in values:
        rule |= Q(verified_at__isnull=False)
    if "no" in values:
        rule |= Q(verified_at__isnull=True, state__in=["kept", "broken"])
    return rows.filter(rule)


def _public(rows: Any, values: list[str]) -> Any:
    return rows.filter(is_public__in=[value == "yes" for value in values])


def _drives(request: Any) -> list[Choice]:
    rows = Drive.objects.visible_to(request.user).filter(commitments__isnull=False).distinct()
    return [(str(row.uid), row.label) for row in rows.order_by("-starts_on")[:100]]


def _asks(request: Any) -> list[Choice]:
    rows = Ask.objects.visible_to(request.user).filter(commitments__isnull=False).distinct()
    return [(str(row.uid), row.label) for row in rows.order_by("-drive__starts_on", "place")[:100]]


YES_NO: list[Choice] = [("yes", _("yes")), ("no", _("no"))]


class CommitmentFilters(FilterBar):
    search = Search(_("Find a commitment or an institution"), apply=_search)
    facets: Sequence[Facet] = (
        Facet("light", _("State"), lights, lambda rows, values: rows.filter(light__in=[v for v in values if v in LIGHTS]), count_by="light"),
        Facet("due", _("Due"), lambda request: list(DUE.items()), _due),
        Facet("owner", _("Followed by"), _owners, lambda rows, values: rows, icon="user"),
        Facet("drive", _("Drive"), _drives, lambda rows, values: rows.filter(drive__uid__in=uids_of(values))),
        Facet("ask", _("Ask"), _asks, lambda rows, values: rows.filter(ask__uid__in=uids_of(values))),
        Facet(
            "constituency", _("Constituency"), constituency_choices,
            lambda rows, values: rows.filter(Q(organization__constituency__code__in=values) | Q(organization__constituency__root_code__in=values)),
            count_by="organization__constituency__code",
        ),
        Facet(
            "country", _("Country"), country_choices,
            lambda rows, values: rows.filter(Q(organization__country_id__in=values) | Q(organization__countries_of_work__overlap=values)),
            count_by="organization__country_id", is_long=True,
        ),
        Facet("verified", _("Verified"), YES_NO, _verified),
        Facet("public", _("Public"), YES_NO, _public),
    )  # fmt: skip

    def __init__(self, request: HttpRequest, queryset: Any, params: Any = None) -> None:
        user = request.user
        self.facets = tuple(
            Facet("owner", f.label, _owners, _by_owner(user), icon=f.icon) if f.name == "owner" else f
            for f in type(self).facets
        )
        super().__init__(request, queryset, params)


def light_cell(row: Any) -> str:
    return cells.format_html(
        "<div>{}{}</div>", cells.badge(row.shown.colour, row.shown.label), cells.why(row.shown.why)
    )


def text_cell(row: Any) -> str:
    words = " ".join(row.text.split())
    shown = cells.link(url_of("commitment_detail", row.uid), words if len(words) <= 140 else words[:139] + "…", "gs-strong")  # fmt: skip
    return cells.format_html("<div>{}{}</div>", shown, cells.why(row.ask.label if row.ask else ""))


class CommitmentTable(Table):
    columns = (
        Column("text", _("Commitment"), value="text", html=text_cell),
        Column("organization", _("Institution"), sort=["organization__sort_key"], value="organization.label", html=organization_cell),
        Column("light", _("State"), value=lambda row: row.shown.label, html=light_cell),
        Column("due_on", _("Due"), sort=["due_on"], value="due_on", html=lambda row: cells.when(row.due_on)),
        Column("owner", _("Followed by"), value=lambda row: row.owner.name if row.owner else ""),
        Column("why", _("Why"), value=lambda row: row.shown.why),
        Column("made_on", _("Promised"), sort=["made_on"], value="made_on", html=lambda row: cells.when(row.made_on)),
        Column("heard_on", _("Last heard of"), sort=["heard_on"], value="heard_on", html=lambda row: cells.when(row.heard_on)),
        Column("verified", _("Verified by"), value=lambda row: row.verified_by.name if row.verified_by else ""),
        Column("public", _("Public"), value="is_public"),
        Column("country", _("Country"), value="organization.country.label"),
        Column("drive", _("Drive"), value="drive.label"),
        Column("ask", _("Ask"), value=lambda row: row.ask.label if row.ask else ""),
        Column("outcome", _("What shows it")),
        Column("outcome_link", _("Link")),
        Column("uid", _("Id"), value="uid"),
    )  # fmt: skip
    shown = 5
    default_sort = "due_on"
    file_name = "commitments"

    def prepare(self, rows: list[Any]) -> None:
        today = timezone.localdate()
        for row in rows:
            row.shown = light_of(row, today)


def rows_for(user: User) -> Any:
    rows = Commitment.objects.visible_to(user).with_light(timezone.localdate())
    related = ("organization__country", "organization__constituency", "ask", "drive", "owner", "verified_by")
    return rows.select_related(*related).prefetch_related("milestones")


def _table(request: StaffRequest, rows: Any) -> CommitmentTable:
    filters = CommitmentFilters(request, rows)
    return CommitmentTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def commitments_table(request: StaffRequest) -> CommitmentTable:
    return _table(request, rows_for(request.user))


def drive_table(request: StaffRequest, drive: str) -> CommitmentTable:
    found = get_object_or_404(Drive.objects.visible_to(request.user), uid=drive)
    return _table(request, rows_for(request.user).filter(drive=found))


register(Source("commitments", _("Commitments"), lambda given: reverse("commitment_list"), commitments_table, has_views=True))  # fmt: skip
register(
    Source(
        "drive_commitments", _("Commitments of a drive"),
        lambda given: reverse("drive_commitments", args=[given["drive"]]), drive_table,
    )
)  # fmt: skip
