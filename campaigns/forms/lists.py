"""The list of forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.forms.models import Form
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table


def _purposes(request: HttpRequest) -> list[Choice]:
    return [(value, str(label)) for value, label in Form.Purpose.choices]


class FormFilters(FilterBar):
    search = Search(_("Find a form"))
    facets: Sequence[Facet] = (
        Facet("purpose", _("What for"), _purposes, lambda rows, values: rows.filter(purpose__in=values), icon="forms", count_by="purpose"),
    )  # fmt: skip


def _state(row: Form) -> Any:
    return cells.badge("ok", _t("open")) if row.is_public else cells.badge("rest", _t("not open"))


class FormTable(Table):
    columns = (
        Column("name", _("Form"), sort=["sort_key"], html=lambda row: cells.link(url_of("form_detail", row.uid), row.label, "name gs-strong")),
        Column("purpose", _("What for"), value=lambda row: row.get_purpose_display()),
        Column("state", _("Page"), value=lambda row: "open" if row.is_public else "", html=_state),
        Column("questions", _("Questions"), value=lambda row: len(row.questions), css="num"),
        Column("campaign", _("Campaign"), value="campaign.label"),
        Column("created_at", _("Since"), sort=["created_at"], html=lambda row: cells.when(row.created_at, "day")),
    )  # fmt: skip
    default_sort = "-created_at"
    file_name = "forms"


def forms_table(request: StaffRequest) -> FormTable:
    rows = Form.objects.visible_to(request.user).in_use().select_related("campaign")
    filters = FormFilters(request, rows)
    return FormTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source("forms", _("Forms"), lambda given: reverse("form_list"), forms_table))
