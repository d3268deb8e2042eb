"""The register as a list, and as a file."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.correspondence.models import Letter
from contacts.directory.lists import country_choices, uids_of
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells, formats
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

SOURCE = "letters"


def _standing(rows: Any, values: list[str]) -> Any:
    today = timezone.localdate()
    open_ones = Q(answered_by__isnull=True, answer_due_on__isnull=False, struck_at__isnull=True)
    rules = {
        "overdue": open_ones & Q(answer_due_on__lt=today),
        "waiting": open_ones & Q(answer_due_on__gte=today),
        "answered": Q(answered_by__isnull=False, struck_at__isnull=True),
        "none": Q(answered_by__isnull=True, answer_due_on__isnull=True, struck_at__isnull=True),
        "struck": Q(struck_at__isnull=False),
    }
    rule = Q(pk__in=[])
    for value in values:
        rule |= rules.get(value, Q(pk__in=[]))
    return rows.filter(rule)


def _years(request: HttpRequest) -> list[tuple[str, Any]]:
    return [(str(year), str(year)) for year in range(timezone.localdate().year, 2019, -1)]


def _users(request: HttpRequest) -> list[tuple[str, Any]]:
    return [
        (str(row.uid), row.name) for row in User.objects.staff().filter(is_active=True).order_by("name", "pk")[:300]
    ]


class LetterFilters(FilterBar):
    search = Search(_("Find a letter"), apply=lambda rows, text: rows.search(text))
    facets = [
        Facet("way", _("Way"), choices=Letter.Way.choices, icon="arrows-left-right", count_by="way",
              apply=lambda rows, values: rows.filter(way__in=values)),
        Facet("answer", _("Answer"), choices=[("overdue", _("overdue")), ("waiting", _("waited for")), ("answered", _("answered")),
              ("none", _("none expected")), ("struck", _("struck out"))], icon="message-reply", apply=_standing),
        Facet("year", _("Year"), choices=_years, icon="calendar", is_long=True,
              apply=lambda rows, values: rows.filter(year__in=[v for v in values if v.isdecimal() and len(v) == 4])),
        Facet("who", _("Who sees to it"), choices=_users, icon="user", is_long=True,
              apply=lambda rows, values: rows.filter(responsible__uid__in=uids_of(values))),
        Facet("country", _("Country"), choices=country_choices, icon="world", is_long=True,
              apply=lambda rows, values: rows.filter(organization__country__in=values)),
    ]  # fmt: skip


def from_of(row: Letter) -> str:
    theirs = " · ".join(filter(None, [row.organization.label, row.person.label if row.person else ""]))
    return theirs if row.is_in else row.ours


def to_of(row: Letter) -> str:
    theirs = " · ".join(filter(None, [row.organization.label, row.person.label if row.person else ""]))
    return row.ours if row.is_in else theirs


def standing_of(row: Letter) -> tuple[str, str]:
    """(colour, words): whether it waits for an answer."""
    if row.struck_at:
        return "rest", _t("struck out")
    if row.answered_by is not None:
        return "ok", _t("answered by %(reference)s") % {"reference": row.answered_by.reference}
    if row.answer_due_on is None:
        return "", ""
    late = (timezone.localdate() - row.answer_due_on).days
    if late > 0:
        return "bad", _t("overdue since %(day)s") % {"day": formats.day(row.answer_due_on)}
    return ("warn" if late > -7 else "wait"), _t("due %(day)s") % {"day": formats.day(row.answer_due_on)}


def _reference(row: Letter) -> str:
    return cells.link(url_of("letter_detail", row.uid), row.reference, "name")


def _standing_cell(row: Letter) -> Any:
    colour, words = standing_of(row)
    return cells.badge(colour, words) if words else cells.dim()


class LetterTable(Table):
    columns: ClassVar = [
        Column("reference", _("Reference"), sort=["year", "number"], html=_reference, css="fit"),
        Column("way", _("Way"), value=lambda row: str(row.get_way_display())),
        Column("on", _("Date"), sort=["on"], value="on", css="num"),
        Column("subject", _("Subject"), css="said"),
        Column("from", _("From"), value=from_of),
        Column("to", _("To"), value=to_of),
        Column("answer", _("Answer"), value=lambda row: standing_of(row)[1], html=_standing_cell),
        Column("responsible", _("Who sees to it"), value=lambda row: row.responsible.name if row.responsible else ""),
        Column("due", _("Answer due"), sort=["answer_due_on"], value="answer_due_on", css="num"),
        Column("copies", _("Copies to"), value=lambda row: ", ".join(row.copies.splitlines())),
        Column("their_reference", _("Their reference"), value="their_reference"),
        Column("country", _("Country"), value=lambda row: row.organization.country.label if row.organization.country else ""),
        Column("note", _("Note"), value="note"),
    ]  # fmt: skip
    default_sort = "-on"
    shown: ClassVar = 7
    file_name = "letters"


def letters_table(request: StaffRequest) -> LetterTable:
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Letter.objects.visible_to(request.user, action)
    rows = rows.select_related("organization__country", "person", "responsible", "answered_by")
    filters = LetterFilters(request, rows)
    return LetterTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source(SOURCE, _("Register of letters"), lambda given: reverse("letter_list"), letters_table, has_views=True))
