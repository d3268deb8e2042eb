"""The lists of networks and of a network's members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.networks import growth
from campaigns.networks.models import Application, Member, Network
from contacts.directory.models import Country
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table


class NetworkFilters(FilterBar):
    search = Search(_("Find a network"))
    facets: Sequence[Facet] = ()


def _state(row: Network) -> Any:
    return cells.badge("ok", _t("open")) if row.is_public else cells.badge("rest", _t("not open"))


class NetworkTable(Table):
    columns = (
        Column("name", _("Network"), sort=["sort_key"], html=lambda row: cells.link(url_of("network_detail", row.uid), row.label, "name gs-strong")),
        Column("state", _("Page"), value=lambda row: "open" if row.is_public else "", html=_state),
        Column("members", _("Members"), value=lambda row: row.member_count, css="num", html=lambda row: cells.counted(row.member_count, url_of("network_detail", row.uid))),
        Column("waiting", _("To decide"), value=lambda row: row.waiting_count, css="num", html=lambda row: cells.counted(row.waiting_count, f"{url_of('network_detail', row.uid)}?tab=waiting")),
        Column("campaign", _("Campaign"), value="campaign.label"),
        Column("created_at", _("Since"), sort=["created_at"], html=lambda row: cells.when(row.created_at, "day")),
    )  # fmt: skip
    default_sort = "name"
    file_name = "networks"

    def prepare(self, rows: list[Any]) -> None:
        """How many take part and how many wait: two queries for a page, each in the user's reach."""
        keys, user = [row.pk for row in rows], self.request.user
        members = Member.objects.visible_to(user).present().filter(network__in=keys)
        sums = dict(members.order_by().values_list("network").annotate(n=Count("pk")))
        applications = Application.objects.visible_to(user).filter(network__in=keys, state="confirmed")
        waiting = dict(applications.values_list("network").annotate(n=Count("pk")))
        for row in rows:
            row.member_count, row.waiting_count = sums.get(row.pk, 0), waiting.get(row.pk, 0)


def networks_table(request: StaffRequest) -> NetworkTable:
    rows = Network.objects.visible_to(request.user).in_use().select_related("campaign")
    filters = NetworkFilters(request, rows)
    return NetworkTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


# --- members ----------------------------------------------------------------------------------------------------------
KINDS = {"institution": Q(organization__isnull=False), "individual": Q(person__isnull=False)}


def _kinds(request: HttpRequest) -> list[Choice]:
    return [("institution", _("institutions"), "gov"), ("individual", _("individuals"), "ind")]


def _of_kinds(rows: Any, values: list[str]) -> Any:
    rule = Q(pk__in=[])
    for value in values:
        rule |= KINDS.get(value, Q(pk__in=[]))
    return rows.filter(rule)


def _countries(request: HttpRequest) -> list[Choice]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


def _named(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        if name := normalise(word):
            rows = rows.filter(Q(person__search_text__contains=name) | Q(organization__search_text__contains=name))
    return rows


def _signs(request: HttpRequest) -> list[Choice]:
    return [(code, words) for code, words in growth.BANDS]


def _of_bands(rows: Any, values: list[str]) -> Any:
    rule, now = Q(pk__in=[]), timezone.now()
    for value in values:
        rule |= growth.band_rule(value, now)
    return rows.with_last_sign().filter(rule)


class MemberFilters(FilterBar):
    search = Search(_("Find a member"), apply=_named)
    facets: Sequence[Facet] = (
        Facet("kind", _("Kind"), _kinds, _of_kinds, icon="users-group"),
        Facet("sign", _("Last sign"), _signs, _of_bands, icon="activity"),
        Facet(
            "country",
            _("Country"),
            _countries,
            lambda rows, values: rows.filter(of_country__in=values),
            icon="world",
            count_by="of_country",
            is_long=True,
        ),
    )


def _member(row: Member) -> Any:
    kind = "organization" if row.organization_id else "person"
    below = row.contact.label if row.contact else ""
    return cells.who(row.label, url_of(f"{kind}_detail", row.subject.uid), below=below, square=kind == "organization")


def _by(row: Member) -> Any:
    return row.brought_by.label if row.brought_by else cells.dim()


class MemberTable(Table):
    columns = (
        Column("name", _("Member"), value="label", html=_member),
        Column("country", _("Country"), sort=["of_country", "id"], value=lambda row: row.subject.country.label if row.subject.country else ""),
        Column("kind", _("Kind"), value=lambda row: _t("institution") if row.organization_id else _t("individual")),
        Column("joined_at", _("Member since"), sort=["joined_at"], html=lambda row: cells.link(url_of("member_detail", row.uid), cells.when(row.joined_at, "day"))),
        Column("is_listed", _("Listed"), value="is_listed"),
        Column("brought_by", _("Brought by"), value=lambda row: row.brought_by.label if row.brought_by else "", html=_by),
    )  # fmt: skip
    default_sort = "-joined_at"
    file_name = "members"


def members_table(request: StaffRequest, network: str) -> MemberTable:
    """Who takes part now."""
    row = get_object_or_404(Network.objects.visible_to(request.user), uid=network)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Member.objects.visible_to(request.user, action).present().filter(network=row)
    rows = rows.select_related(
        "organization__country", "person__country", "contact", "brought_by__organization", "brought_by__person"
    )
    filters = MemberFilters(request, rows)
    return MemberTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source("networks", _("Networks"), lambda given: reverse("network_list"), networks_table))
register(
    Source(
        "network_members",
        _("Members of a network"),
        lambda given: reverse("network_detail", args=[given["network"]]),
        members_table,
    )
)
