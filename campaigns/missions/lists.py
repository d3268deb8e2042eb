"""The list of mission reports, and a file of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.missions.models import Mission
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

SOURCE = "missions"


def _with_words(rows: Any, text: str) -> Any:
    for word in text.split()[:6]:
        rows = rows.filter(Q(title__icontains=word) | Q(summary__icontains=word))
    return rows


class MissionFilters(FilterBar):
    search = Search(_("Find a report"), apply=_with_words)
    facets = [
        Facet("state", _("State"), choices=Mission.State.choices, icon="circle-dashed", count_by="state",
              apply=lambda rows, values: rows.filter(state__in=values)),
    ]  # fmt: skip


class MissionTable(Table):
    columns: ClassVar = [
        Column("title", _("Mission"), html=lambda row: cells.link(url_of("mission_detail", row.uid), row.title, "name")),
        Column("from", _("From"), sort=["starts_on"], value="starts_on", css="num"),
        Column("to", _("To"), value="ends_on", css="num"),
        Column("author", _("Written by"), value=lambda row: row.author.name if row.author else ""),
        Column("meetings", _("Meetings"), value="count", css="num"),
        Column("state", _("State"), value=lambda row: str(row.get_state_display()),
               html=lambda row: cells.badge("wait" if row.is_draft else "ok", row.get_state_display())),
        Column("drive", _("Drive"), value=lambda row: row.drive.label if row.drive else ""),
    ]  # fmt: skip
    default_sort = "-from"
    shown: ClassVar = 6
    file_name = "missions"


def missions_table(request: StaffRequest) -> MissionTable:
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Mission.objects.visible_to(request.user, action).standing().select_related("author", "drive")
    filters = MissionFilters(request, rows.annotate(count=Count("meetings")))
    return MissionTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source(SOURCE, _("Mission reports"), lambda given: reverse("mission_list"), missions_table, has_views=True))
