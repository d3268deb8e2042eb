"""Forms for staff: the list, one with its questions beside what they look like, its texts, and a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.forms import embedding, services
from campaigns.forms.answering import AnswersForm, offers_for
from campaigns.forms.engine import questions_of
from campaigns.forms.forms import FormForm, QuestionForm
from campaigns.forms.models import Form, Submission
from campaigns.forms.questions import Kind, Question, Questions, parse
from campaigns.forms.results import outcomes
from campaigns.planning.forms import refused
from campaigns.planning.models import Campaign
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.audit.models import AuditEntry
from crm.errors import DomainError, Invalid, NotAllowed
from crm.ui import formats
from crm.ui.charts import Chart, Series
from crm.ui.paging import paginate
from crm.ui.public import LANGUAGES
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

ICONS = {
    Kind.TEXT: "cursor-text", Kind.LONG: "align-left", Kind.CHOICE: "circle-dot", Kind.CHOICES: "list-check",
    Kind.NUMBER: "hash", Kind.DATE: "calendar", Kind.EMAIL: "mail", Kind.PHONE: "phone", Kind.COUNTRY: "world",
    Kind.CONSENT: "mail-check", Kind.FILE: "paperclip",
}  # fmt: skip


@requires(Action.SEE)
def form_list(request: StaffRequest) -> HttpResponseBase:
    table = build("forms", request)
    context = {"may_plan": request.user.may(Action.DRIVES)}
    return list_page(request, "campaigns/forms/form_list.html", table=table, filters=table.filters, **context)


@requires(Action.SEE)
def form_detail(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Its questions, and beside them what a visitor sees; `?tab=` results, answers, waiting, or sharing."""
    form = _form(request, uid)
    page = TABS.get(request.GET.get("tab", ""), _questions_page)
    return page(request, form)


def _questions_page(request: StaffRequest, form: Form) -> HttpResponse:
    questions = questions_of(form)
    context = {
        **frame(request, form, "questions"),
        "questions": [(question, _lines_of(question, questions)) for question in questions],
        "kinds": [(kind.value, kind.label, ICONS[kind]) for kind in Kind],
        **_shown(request, form, questions),
    }
    return render(request, "campaigns/forms/form_detail.html", context)


def frame(request: StaffRequest, form: Form, tab: str) -> dict[str, Any]:
    """What every page of a form needs: its tabs, and what may be done."""
    base = reverse("form_detail", args=[form.uid])
    waiting = Submission.objects.visible_to(request.user).filter(form=form).waiting().count()
    tabs = [
        ("questions", _("Questions"), base, None),
        ("results", _("Results"), f"{base}?tab=results", None),
        ("answers", _("Answers"), f"{base}?tab=answers", None),
        ("waiting", _("To decide"), f"{base}?tab=waiting", waiting),
        ("sharing", _("Share and embed"), f"{base}?tab=sharing", None),
    ]
    return {
        "form": form,
        "tab": tab,
        "tabs": [{"label": label, "url": url, "current": tab == name, "count": n} for name, label, url, n in tabs],
        "may_plan": may_plan(request, form) and not form.archived_at,
        "page_url": settings.BASE_URL + reverse("form_answer", args=[form.slug])
        if form.is_public and not form.archived_at
        else "",
    }


def _results_page(request: StaffRequest, form: Form) -> HttpResponse:
    rows = Submission.objects.visible_to(request.user).counted().filter(form=form)
    questions = [question for question in questions_of(form) if not question.tells or question.kind == Kind.COUNTRY]
    url = f"{reverse('form_detail', args=[form.uid])}?tab=answers"
    language = translation.get_language() or "en"
    days = list(
        rows.order_by().annotate(day=TruncDate("created_at")).values_list("day").annotate(n=Count("pk")).order_by("day")
    )[-90:]
    context = {
        **frame(request, form, "results"),
        "total": sum(n for _day, n in days) if len(days) < 90 else rows.count(),
        "days": Chart("bar", labels=[formats.day(day) for day, _n in days], series=[Series(_("Answers"), [float(n) for _day, n in days])]) if len(days) > 1 else None,
        "outcomes": outcomes(questions, rows, offers_for(questions), language, url=url),
        "answers_url": url,
    }  # fmt: skip
    return render(request, "campaigns/forms/form_results.html", context)


def _answers_page(request: StaffRequest, form: Form) -> HttpResponseBase:
    table = build("form_answers", request, form=str(form.uid))
    context = frame(request, form, "answers")
    return list_page(request, "campaigns/forms/form_answers.html", table=table, filters=table.filters, **context)


def _waiting_page(request: StaffRequest, form: Form) -> HttpResponse:
    rows = Submission.objects.visible_to(request.user).filter(form=form, state=Submission.State.WAITING)
    page = paginate(request, rows.select_related("country"), sort=["created_at", "id"], size=30)
    return render(request, "campaigns/forms/form_waiting.html", {**frame(request, form, "waiting"), "page": page})


def _sharing_page(request: StaffRequest, form: Form) -> HttpResponse:
    """Its address, and what a partner puts on a site of theirs."""
    own = settings.BASE_URL + reverse("form_answer", args=[form.slug])
    questions = questions_of(form)
    language = translation.get_language() or "en"
    context = {
        **frame(request, form, "sharing"),
        "own_url": own,
        "origins": form.origins,
        "frame_code": embedding.frame(f"{own}frame/", form.label),
        "form_code": embedding.plain_form(own, questions, offers_for(questions), language, _("Send")),
        "has_conditions": any(question.shown_if for question in questions),
    }  # fmt: skip
    return render(request, "campaigns/forms/form_sharing.html", context)


TABS: dict[str, Callable[[StaffRequest, Form], HttpResponseBase]] = {
    "results": _results_page, "answers": _answers_page, "waiting": _waiting_page, "sharing": _sharing_page,
}  # fmt: skip


def _lines_of(question: Question, questions: Questions) -> dict[str, Any]:
    """What stands below a question in the list."""
    names = {other.key: other.label("en") for other in questions}
    needs = [names[rule.key] for rule in question.shown_if.rules] if question.shown_if else []
    missing = [name for code, name in LANGUAGES.items() if code not in question.labels]
    return {
        "icon": ICONS[question.kind],
        "label": question.label("en"),
        "needs": list(dict.fromkeys(needs)),
        "missing": missing,
    }


def _shown(request: StaffRequest, form: Form, questions: Questions) -> dict[str, Any]:
    """The form as a visitor sees it, in ?lang=, answered as far as somebody tries it out."""
    language = request.GET.get("lang", "")
    language = language if language in LANGUAGES else next(iter(LANGUAGES))
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    return {
        "answers_form": AnswersForm(questions, data, files, language=language),
        "language": language,
        "tries": [
            {
                "label": name,
                "url": f"{reverse('form_detail', args=[form.uid])}?lang={code}",
                "current": code == language,
            }
            for code, name in LANGUAGES.items()
        ],
    }


@requires(Action.SEE)
@require_POST
def form_preview(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Somebody tries the form out: the questions that belong to the answers so far. Nothing is kept."""
    form = _form(request, uid)
    context = {"form": form, **_shown(request, form, questions_of(form))}
    page = "_preview.html" if getattr(request, "htmx", False) else "preview.html"
    return render(request, f"campaigns/forms/{page}", context)


# --- the form itself --------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def form_create(request: StaffRequest) -> HttpResponse:
    initial = {"campaign": request.GET.get("campaign", ""), "purpose": request.GET.get("purpose", "")}
    form = FormForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if form.is_valid():
        try:
            row = services.create_form(actor=request.user, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is there. Now its questions.") % {"name": row.label})
            return done(request, reverse("form_detail", args=[row.uid]))
    return _texts_page(request, form, _("New form"), reverse("form_list"))


@requires(Action.DRIVES)
def form_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = editable(request, uid)
    data = request.POST if request.method == "POST" else None
    form = FormForm(data, user=request.user, initial=FormForm.initial_of(row))
    back = reverse("form_detail", args=[uid])
    if form.is_valid():
        try:
            entry = services.edit_form(
                form=row, actor=request.user, seen_at=form.cleaned_data["seen_at"], **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": row.label}, undo=entry)
            return done(request, back)
    return _texts_page(request, form, row.label, back)


def _texts_page(request: StaffRequest, form: FormForm, title: str, back: str) -> HttpResponse:
    context = {"title": title, "back": back, "has_campaign": Campaign.objects.filter(archived_at=None).exists()}
    return form_page(request, "campaigns/forms/form_texts.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def form_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = editable(request, uid)
    entry = services.archive_form(form=row, actor=request.user)
    toast(request, _("%(name)s is closed: nobody can answer it any more.") % {"name": row.label}, undo=entry)
    return done(request, reverse("form_list"))


# --- a question -------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def question_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    """`?kind=` says what kind is added; without one, the page offers them all."""
    row, kind = editable(request, uid), request.GET.get("kind", "")
    if kind not in Kind.values:
        return done(request, reverse("form_detail", args=[uid]))
    return _question_page(request, row, Kind(kind), None)


@requires(Action.DRIVES)
def question_edit(request: StaffRequest, uid: UUID, key: str) -> HttpResponse:
    row = editable(request, uid)
    question = _question(row, key)
    return _question_page(request, row, question.kind, question)


def _question(row: Form, key: str) -> Question:
    for question in questions_of(row):
        if question.key == key:
            return question
    raise Http404


def _question_page(request: StaffRequest, row: Form, kind: Kind, question: Question | None) -> HttpResponse:
    """`look` in what is posted asks for the preview only."""
    is_saved = request.method == "POST" and "look" not in request.GET
    form = QuestionForm(
        request.POST if request.method == "POST" else None,
        used=services.used_keys(row) if is_saved and question is None else (),
        kind=kind,
        others=questions_of(row),
        question=question,
        initial={"seen_at": row.updated_at.isoformat()},
    )
    back = reverse("form_detail", args=[row.uid])
    if request.method == "POST" and "look" in request.GET:
        form.is_valid()
        return render(request, "campaigns/forms/_question_look.html", {"look": _look(form)})
    if form.is_valid():
        try:
            entry = services.put_question(
                form=row, actor=request.user, question=form.raw(), seen_at=form.cleaned_data["seen_at"]
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("The question is saved."), undo=entry)
            return done(request, back)
    context = {
        "row": row, "back": back, "kind": kind, "icon": ICONS[kind], "look": _look(form),
        "title": question.label("en") if question else kind.label[:1].upper() + kind.label[1:],
    }  # fmt: skip
    return form_page(request, "campaigns/forms/question.html", context, form=form)


def _look(form: QuestionForm) -> AnswersForm | None:
    """The question as it is typed now, in the first language that it has; None while there is nothing to see."""
    try:
        [question] = parse([form.raw() | {"shown_if": None}]) if form.is_bound else (form.question,)
    except Invalid:
        return None
    if question is None:
        return None
    alone = replace(question, shown_if=None)
    return AnswersForm([alone], language=next(iter(alone.labels)), prefix="look")


@requires(Action.DRIVES)
@require_POST
def question_move(request: StaffRequest, uid: UUID, key: str) -> HttpResponse:
    """`by` is -1 for up, 1 for down."""
    row = editable(request, uid)
    services.move_question(form=row, actor=request.user, key=key, by=-1 if request.POST.get("by") == "-1" else 1)
    return done(request, f"{reverse('form_detail', args=[uid])}#q-{key}")


@requires(Action.DRIVES)
@require_POST
def question_remove(request: StaffRequest, uid: UUID, key: str) -> HttpResponse:
    row = editable(request, uid)
    entry: AuditEntry | None = services.remove_question(form=row, actor=request.user, key=key)
    toast(request, _("The question is taken out. Answers that it had stay."), undo=entry)
    return done(request, reverse("form_detail", args=[uid]))


# --- who may ----------------------------------------------------------------------------------------------------------
def _form(request: StaffRequest, uid: UUID) -> Form:
    return get_object_or_404(Form.objects.visible_to(request.user).select_related("campaign"), uid=uid)


def may_plan(request: StaffRequest, form: Form) -> bool:
    return Form.objects.visible_to(request.user, Action.DRIVES).filter(pk=form.pk).exists()


def editable(request: StaffRequest, uid: UUID) -> Form:
    form = _form(request, uid)
    if not may_plan(request, form):
        raise NotAllowed(_("You may see this form, but your role does not let you change it."))
    return form
