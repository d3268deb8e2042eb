"""The list of contacts: what was logged, by whom, with whom, and a file of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.forms import KINDS
from campaigns.interactions.models import Party
from campaigns.interactions.presenting import first_words, present
from campaigns.outreach.models import Interaction
from contacts.directory.lists import uids_of
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table
from crm.ui.templatetags.gs import icon

SOURCE = "contacts"
MOST_WORDS = 6


def _having(**rule: Any) -> Exists:
    return Exists(Party.objects.took_part().filter(interaction=OuterRef("pk"), **rule))


def _with_words(rows: Any, text: str) -> Any:
    """Every word in the notes, or in the name of somebody who took part."""
    for word in text.split()[:MOST_WORDS]:
        rule = Q(text__icontains=word)
        if name := normalise(word):
            rule |= Q(_having(person__search_text__contains=name)) | Q(
                _having(organization__search_text__contains=name)
            )
        rows = rows.filter(rule)
    return rows


def _users(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    rows = User.objects.staff().filter(is_active=True).order_by("name", "pk")
    return [(str(row.uid), row.name) for row in rows[:300]]


def _countries(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


def _in_countries(rows: Any, values: list[str]) -> Any:
    return rows.filter(Q(_having(organization__country_id__in=values)) | Q(_having(person__country_id__in=values)))


class ContactFilters(FilterBar):
    search = Search(_("Find in notes and names"), apply=_with_words)
    facets = [
        Facet("kind", _("Kind"), choices=KINDS, icon="phone", count_by="kind",
              apply=lambda rows, values: rows.filter(kind__in=values)),
        Facet("by", _("Logged by"), choices=_users, icon="user", is_long=True,
              apply=lambda rows, values: rows.filter(logged_by__uid__in=uids_of(values))),
        Facet("country", _("Country"), choices=_countries, icon="world", is_long=True, apply=_in_countries),
        Facet("way", _("Two-way"), choices=[("yes", _("two-way")), ("no", _("one-way"))], icon="arrows-left-right", multiple=False,
              apply=lambda rows, values: rows.filter(is_two_way="yes" in values)),
    ]  # fmt: skip


def _title(row: Any) -> str:
    url = url_of("interaction_detail", row.uid)
    return cells.format_html(
        '<div class="gs-who"><span class="gs-dim">{}</span><div>{}{}</div></div>',
        icon(row.shown.icon),
        cells.link(url, row.shown.title, "gs-strong"),
        cells.why(first_words(row.text, most=140)),
    )


class ContactTable(Table):
    columns: ClassVar = [
        Column("what", _("Contact"), value="shown.title", html=_title),
        Column("kind", _("Kind"), value=lambda row: str(row.get_kind_display())),
        Column("two_way", _("Two-way"), value="is_two_way"),
        Column("at", _("When"), sort=["at"], html=lambda row: cells.when(row.at)),
        Column("by", _("Logged by"), value="logged_by.name"),
        Column("people", _("People"), value=lambda row: [p.label for p in row.shown.people]),
        Column("organizations", _("Institutions"), value=lambda row: [o.label for o in row.shown.organizations]),
        Column("notes", _("Notes"), value="text", html=lambda row: first_words(row.text, most=120)),
    ]  # fmt: skip
    default_sort = "-at"
    shown: ClassVar = 5
    file_name = "contacts"

    def prepare(self, rows: list[Any]) -> None:
        for row, shown in zip(rows, present(rows, self.request.user), strict=True):
            row.shown = shown


def contacts_table(request: StaffRequest) -> ContactTable:
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Interaction.objects.logged().visible_to(request.user, action).select_related("logged_by")
    filters = ContactFilters(request, rows)
    return ContactTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source(SOURCE, _("Contacts"), lambda given: reverse("interaction_list"), contacts_table, has_views=True))
