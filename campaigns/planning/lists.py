"""The list of drives, and the institutions behind a drive's grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.planning.grid import institutions_of
from campaigns.planning.models import Campaign, Drive
from contacts.directory.lists import constituency_choices, country_choices
from contacts.directory.models import Membership, Organization
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

COLOURS = {"planned": "wait", "active": "ok", "finished": "blue", "cancelled": "rest"}


def _campaigns(request: Any) -> list[Choice]:
    rows = Campaign.objects.visible_to(request.user).order_by("sort_key")
    return [(str(row.pk), row.label) for row in rows]


def _statuses(request: HttpRequest) -> list[Choice]:
    return [(value, label, COLOURS[value]) for value, label in Drive.Status.choices]


class DriveFilters(FilterBar):
    search = Search(_("Find a drive"))
    facets: Sequence[Facet] = (
        Facet("status", _("Status"), _statuses, lambda rows, values: rows.filter(status__in=values), count_by="status"),
        Facet(
            "campaign",
            _("Campaign"),
            _campaigns,
            lambda rows, values: rows.filter(campaign_id__in=[int(v) for v in values if v.isdecimal() and len(v) < 19]),
            count_by="campaign_id",
        ),
    )


class DriveTable(Table):
    columns = (
        Column("name", _("Drive"), sort=["sort_key"]),
        Column("status", _("Status"), value=lambda row: row.get_status_display()),
        Column("starts_on", _("From – until"), sort=["starts_on"]),
        Column(
            "size", _("Countries × constituencies"), value=lambda row: f"{row.country_count} × {row.constituency_count}"
        ),
        Column("mailings", _("Mailings"), value=lambda row: row.mailing_count, css="num"),
        Column("owner", _("Owner"), value="owner.name"),
        Column("campaign", _("Campaign"), value="campaign.label"),
        Column("goal", _("Goal")),
        Column("uid", _("Id"), value="uid"),
    )
    shown = 6
    default_sort = "-starts_on"
    row_template = "campaigns/planning/_drive_row.html"
    file_name = "drives"

    def prepare(self, rows: list[Drive]) -> None:
        """How large each drive is: one query for a page."""
        counts = Drive.objects.filter(pk__in=[row.pk for row in rows]).annotate(
            n_countries=Count("countries", distinct=True),
            n_constituencies=Count("constituencies", distinct=True),
            n_mailings=Count("mailings", distinct=True, filter=Q(mailings__is_personal=False)),
        )
        found = {pk: sizes for pk, *sizes in counts.values_list("pk", "n_countries", "n_constituencies", "n_mailings")}
        for row in rows:
            countries, constituencies, mailings = found.get(row.pk, [0, 0, 0])
            vars(row).update(
                country_count=countries,
                constituency_count=constituencies,
                mailing_count=mailings,
                colour=COLOURS[row.status],
            )


# --- institutions of a drive ----------------------------------------------------------------------------------------------
STATES = {
    "reached": Q(is_reached=True),
    "open": Q(is_reached=False, is_reachable=True),
    "closed": Q(is_reached=False, is_reachable=False),
}


def state_choices(request: HttpRequest) -> list[Choice]:
    return [
        ("reached", _("reached in this drive"), "p7"),
        ("open", _("not reached yet"), "p5"),
        ("closed", _("no address that works"), "warn"),
    ]


def _by_state(rows: Any, values: list[str]) -> Any:
    rule = Q(pk__in=[])
    for value in values:
        rule |= STATES.get(value, Q(pk__in=[]))
    return rows.filter(rule)


class InstitutionFilters(FilterBar):
    search = Search(_("Find an institution"))
    facets: Sequence[Facet] = (
        Facet("state", _("State"), state_choices, _by_state),
        Facet(
            "constituency",
            _("Constituency"),
            constituency_choices,
            lambda rows, values: rows.of_constituencies(values),
            count_by="constituency__code",
        ),
        Facet(
            "country",
            _("Country"),
            country_choices,
            lambda rows, values: rows.filter(Q(country_id__in=values) | Q(countries_of_work__overlap=values)),
            count_by="country_id",
            is_long=True,
        ),
    )


def state_of(row: Any) -> str:
    return "reached" if row.is_reached else "open" if row.is_reachable else "closed"


class InstitutionTable(Table):
    columns = (
        Column("name", _("Institution"), sort=["sort_key"]),
        Column("constituency", _("Constituency"), value="constituency.label"),
        Column("country", _("Country"), sort=["country_id", "sort_key"], value="country.label"),
        Column("state", _("In this drive"), value=lambda row: row.state_label),
        Column("people", _("People"), value=lambda row: row.people_count, css="num"),
        Column("contacted", _("Last contacted"), sort=["last_contacted_at"], value="last_contacted_at", css="num"),
    )
    default_sort = "name"
    row_template = "campaigns/planning/_institution_row.html"
    file_name = "institutions"

    def prepare(self, rows: list[Organization]) -> None:
        current = Membership.objects.current().filter(organization__in=[row.pk for row in rows])
        counts = dict(current.values_list("organization_id").annotate(n=Count("person_id", distinct=True)))
        labels = {value: (label, kind) for value, label, kind in state_choices(self.request)}  # type: ignore[misc]
        for row in rows:
            label, kind = labels[state_of(row)]
            vars(row).update(people_count=counts.get(row.pk, 0), state_label=_t(str(label)), state_kind=kind)


# --- the lists by name ------------------------------------------------------------------------------------------------
def drives_table(request: StaffRequest) -> DriveTable:
    rows = Drive.objects.visible_to(request.user).filter(archived_at=None).select_related("campaign", "owner")
    filters = DriveFilters(request, rows)
    return DriveTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def institutions_table(request: StaffRequest, drive: str) -> InstitutionTable:
    """The institutions behind the numbers of a drive's grid."""
    found = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign"), uid=drive)
    mailings = list(found.mailings.values_list("pk", flat=True))
    rows = institutions_of(found, request.user, mailings).select_related("country", "constituency")
    filters = InstitutionFilters(request, rows)
    return InstitutionTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(
    Source(
        "institutions",
        _("Institutions of a drive"),
        lambda given: reverse("drive_institutions", args=[given["drive"]]),
        institutions_table,
    )
)
register(Source("drives", _("Drives"), lambda given: reverse("drive_list"), drives_table, has_views=True))
