"""The list of replies: its filters, and what a file of it holds. On the screen each reply is a card with its words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from contacts.directory.lists import uids_of
from contacts.directory.models import Country
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

SOURCE = "replies"
MOST_WORDS = 8


def _with_words(rows: Any, text: str) -> Any:
    """Every word in what was written, its subject, or the name of who wrote."""
    for word in text.split()[:MOST_WORDS]:
        rule = Q(text__icontains=word) | Q(subject__icontains=word)
        if name := normalise(word):
            rule |= Q(person__search_text__contains=name) | Q(organization__search_text__contains=name)
        rows = rows.filter(rule)
    return rows


def _mailings(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    answered = Interaction.objects.replies().filter(mailing_id__isnull=False)
    rows = Mailing.objects.visible_to(request.user).filter(pk__in=answered.values("mailing_id"))  # type: ignore[arg-type]
    return [(str(row.uid), row.label) for row in rows.only("uid", "name", "names").order_by("-created_at", "-pk")[:200]]


def _of_mailings(rows: Any, values: list[str]) -> Any:
    return rows.filter(mailing_id__in=Mailing.objects.filter(uid__in=uids_of(values)).values("pk"))


def _countries(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


class ReplyFilters(FilterBar):
    search = Search(_("Find a reply"), apply=_with_words)
    facets = [
        Facet("mailing", _("Mailing"), choices=_mailings, apply=_of_mailings, icon="mail"),
        Facet("country", _("Country"), choices=_countries, icon="world", count_by="of_country", is_long=True,
              apply=lambda rows, values: rows.filter(of_country__in=values)),
    ]  # fmt: skip


class ReplyTable(Table):
    columns: ClassVar = [
        Column("at", _("Received"), sort=["at"]),
        Column("person", _("Person"), value="person.name"),
        Column("organization", _("Organization"), value="organization.name"),
        Column("country", _("Country"), value="of_country"),
        Column("address", _("Address"), value="inbound.sender"),
        Column("mailing", _("Mailing"), value="mailing.name"),
        Column("subject", _("Subject")),
        Column("text", _("Their words")),
        Column("answered_at", _("Answered")),
        Column("answered_by", _("By"), value="answered_by.name"),
    ]
    default_sort = "-at"
    page_size = 20
    file_name = "replies"
    is_cards = True

    def prepare(self, rows: list[Any]) -> None:
        """The mailings that these replies answer, as far as the user may see them."""
        ids = {row.mailing_id for row in rows if row.mailing_id}
        visible = Mailing.objects.visible_to(self.request.user).only("uid", "name", "names")
        found = visible.in_bulk(ids) if ids else {}
        for row in rows:
            row.mailing = found.get(row.mailing_id)


def replies_table(request: StaffRequest) -> ReplyTable:
    """`?tab=answered`: those that somebody took care of; else those to answer."""
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Interaction.objects.replies().visible_to(request.user, action)
    rows = rows.filter(answered_at__isnull=request.GET.get("tab") != "answered").defer("inbound__raw")
    rows = rows.select_related("person", "organization", "inbound", "answered_by")
    filters = ReplyFilters(request, rows.annotate(of_country=Coalesce("person__country", "organization__country")))
    return ReplyTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source(SOURCE, _("Replies"), lambda given: reverse("reply_list"), replies_table, has_views=True))
