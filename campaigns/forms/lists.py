"""The lists of forms, and of the answers to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.forms.answering import offers_for
from campaigns.forms.checking import Offers, readable
from campaigns.forms.engine import questions_of
from campaigns.forms.models import Form, Submission
from campaigns.forms.questions import WITH_OPTIONS, Kind, Question
from contacts.directory.models import Country
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
        Column("answers", _("Answers"), value=lambda row: row.answer_count, css="num", html=lambda row: cells.counted(row.answer_count, f"{url_of('form_detail', row.uid)}?tab=answers")),
        Column("waiting", _("To decide"), value=lambda row: row.waiting_count, css="num", html=lambda row: cells.counted(row.waiting_count, f"{url_of('form_detail', row.uid)}?tab=waiting")),
        Column("campaign", _("Campaign"), value="campaign.label"),
        Column("created_at", _("Since"), sort=["created_at"], html=lambda row: cells.when(row.created_at, "day")),
    )  # fmt: skip
    default_sort = "-created_at"
    file_name = "forms"

    def prepare(self, rows: list[Any]) -> None:
        """How many answered and how many wait: one query for a page, in the user's reach."""
        found = Submission.objects.visible_to(self.request.user).counted().filter(form__in=[row.pk for row in rows])
        sums = {
            form: (n, waiting)
            for form, n, waiting in found.order_by().values_list("form").annotate(n=Count("pk"), waiting=Count("pk", filter=Q(state="waiting")))
        }  # fmt: skip
        for row in rows:
            row.answer_count, row.waiting_count = sums.get(row.pk, (0, 0))


def forms_table(request: StaffRequest) -> FormTable:
    rows = Form.objects.visible_to(request.user).in_use().select_related("campaign")
    filters = FormFilters(request, rows)
    return FormTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


# --- answers ----------------------------------------------------------------------------------------------------------
KINDS = {"received": "blue", "kept": "rest", "waiting": "warn", "filed": "ok", "aside": "rest"}
IN_LIST = 4  # questions that the list shows beside who answered; the file has all


def _states(request: HttpRequest) -> list[Choice]:
    return [(value, str(label)) for value, label in Submission.State.choices]


def _countries(request: HttpRequest) -> list[Choice]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


def _named(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word) | Q(organization_name__icontains=word))
    return rows


class AnswerFilters(FilterBar):
    search = Search(_("Find who answered"), apply=_named)
    facets: Sequence[Facet] = (
        Facet("state", _("State"), _states, lambda rows, values: rows.filter(state__in=values), icon="progress", count_by="state"),
        Facet("country", _("Country"), _countries, lambda rows, values: rows.filter(country__in=values), icon="world", count_by="country", is_long=True),
    )  # fmt: skip


def _who(row: Submission) -> Any:
    below = row.organization_name or row.email
    return cells.who(row.label, url_of("submission_detail", row.uid), below=below)


def _answer_column(question: Question, offers: Offers) -> Column:
    def read(row: Submission) -> Any:
        answer = row.answers.get(question.key)
        if question.kind == Kind.NUMBER:
            return answer
        return readable(question, answer, get_language() or "en", offers)

    def shown(row: Submission) -> str:
        words = readable(question, row.answers.get(question.key), get_language() or "en", offers)
        return cells.format_html('<span dir="auto">{}</span>', words[:120]) if words else cells.text("")

    return Column(f"q_{question.key}", question.label(get_language() or "en")[:60], value=read, html=shown)


class AnswerTable(Table):
    default_sort = "-created_at"
    file_name = "answers"
    page_size = 50

    def __init__(self, request: StaffRequest, queryset: Any, *, form: Form, **more: Any) -> None:
        super().__init__(request, queryset, **more)
        questions = questions_of(form)
        offers = offers_for(questions)
        own = [_answer_column(question, offers) for question in questions if not question.tells]
        self.file_name = form.label[:100]  # type: ignore[misc]
        self.shown = 3 + min(len(own), IN_LIST)  # type: ignore[misc]
        self.columns = [  # type: ignore[misc]
            Column("who", _("Who"), value="label", html=_who),
            Column("created_at", _("Sent"), sort=["created_at", "id"], html=lambda row: cells.when(row.created_at, "day")),
            Column("state", _("State"), value=lambda row: row.get_state_display(), html=lambda row: cells.badge(KINDS[row.state], row.get_state_display())),
            *own,
            Column("email", _("E-mail")),
            Column("phone", _("Phone")),
            Column("organization_name", _("Institution")),
            Column("country", _("Country"), value=lambda row: row.country.label if row.country else ""),
            Column("language", _("Language")),
            Column("source", _("Sent from"), value=lambda row: row.source or _t("our page")),
            Column("uid", _("Id")),
        ]  # fmt: skip


def answers_table(request: StaffRequest, form: str) -> AnswerTable:
    """`?<question's key>=<option>` narrows to those who chose it, as a chart's bar does."""
    row = get_object_or_404(Form.objects.visible_to(request.user), uid=form)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Submission.objects.visible_to(request.user, action).filter(form=row).select_related("country")
    for question in questions_of(row):
        value = request.GET.get(question.key)
        if value and question.kind in {*WITH_OPTIONS, Kind.COUNTRY}:
            rows = rows.filter(
                **{f"answers__{question.key}__contains": [value] if question.kind == Kind.CHOICES else value}
            )
    filters = AnswerFilters(request, rows)
    return AnswerTable(request, filters.queryset, form=row, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source("forms", _("Forms"), lambda given: reverse("form_list"), forms_table))
register(
    Source(
        "form_answers",
        _("Answers to a form"),
        lambda given: f"{reverse('form_detail', args=[given['form']])}?tab=answers",
        answers_table,
    )
)
