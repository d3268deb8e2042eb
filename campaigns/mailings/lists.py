"""The list of mailings: its filters, columns and what each row shows of its progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.mailings import cells, presenting
from campaigns.mailings.models import Mailing
from campaigns.mailings.queries import TABS, listed, progress
from campaigns.mailings.states import State
from campaigns.planning.models import Drive
from contacts.consent.models import Topic
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table


def _drives(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    rows = Drive.objects.visible_to(request.user).order_by("sort_key", "pk")  # type: ignore[arg-type]
    return [(str(row.uid), row.label) for row in rows[:200]]


def _topics(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    return [(row.code, row.label) for row in Topic.objects.order_by("position", "name")]


def _uids(values: list[str]) -> Iterator[UUID]:
    for value in values:
        with suppress(ValueError):
            yield UUID(value)


class MailingFilters(FilterBar):
    search = Search(_("Find a mailing"))
    facets = [
        Facet(
            "drive",
            _("Drive"),
            choices=_drives,
            apply=lambda rows, values: rows.filter(drive__uid__in=list(_uids(values))),
            icon="target-arrow",
            count_by="drive__uid",
        ),
        Facet(
            "topic",
            _("Topic"),
            choices=_topics,
            apply=lambda rows, values: rows.filter(topic__code__in=values),
            icon="tag",
            count_by="topic__code",
        ),
    ]


class MailingTable(Table):
    columns = [
        Column("name", _("Mailing"), sort=["sort_key"], html=cells.mailing),
        Column("state", _("State"), value=lambda row: State(row.state).label, html=cells.state),
        Column("drive", _("Drive"), sort=["drive__sort_key"], value="drive.name"),
        Column("progress", _("Sent"), value=lambda row: row.progress.sent if row.progress else "", html=cells.progress),
        Column("created_at", _("Since"), sort=["created_at"], css="num", html=cells.since),
        Column("segment", _("Segment"), value="segment.name"),
        Column("topic", _("Topic"), value="topic.name"),
        Column("written_by", _("Written by"), value="written_by.name"),
        Column("audience", _("Audience"), value="audience_count", css="num"),
        Column("started_at", _("Left"), css="num"),
        Column("finished_at", _("Finished"), css="num"),
        Column("uid", _("Id"), value="uid"),
    ]
    shown = 5
    default_sort = "-created_at"
    file_name = "mailings"

    def prepare(self, rows: list[Mailing]) -> None:
        found = progress(rows)
        for row in rows:
            row.progress = found.get(row.pk)  # type: ignore[attr-defined]
            row.colour = presenting.colour(row.state)  # type: ignore[attr-defined]


# --- the list by name -------------------------------------------------------------------------------------------------
def mailings_table(request: StaffRequest) -> MailingTable:
    """`?tab=` says which stage of a mailing's life."""
    rows = listed(request.user)
    if (tab := request.GET.get("tab", "")) in TABS:
        rows = rows.filter(state__in=TABS[tab])
    filters = MailingFilters(request, rows)
    return MailingTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source("mailings", _("Mailings"), lambda given: reverse("mailing_list"), mailings_table, has_views=True))
