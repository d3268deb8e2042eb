"""One set of answers for staff: what was said, whose it may be, and the decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.files.storage import read
from campaigns.forms import filing
from campaigns.forms.answering import offers_for
from campaigns.forms.checking import readable
from campaigns.forms.engine import questions_of
from campaigns.forms.models import Submission
from campaigns.forms.questions import Kind
from contacts.directory.models import Person
from contacts.directory.suspects import people_like
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.responses import done
from crm.ui.toasts import toast

State = Submission.State


class DecisionForm(forms.Form):
    """person: a uid of the suggested ones; empty adds who answered."""

    person = forms.UUIDField(required=False)


@requires(Action.SEE)
def submission_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What somebody answered, and beside it whom we know who may be the same."""
    return _page(request, _submission(request, uid), DecisionForm())


@requires(Action.SEE)
def submission_file(request: StaffRequest, uid: UUID) -> HttpResponse:
    """`?key=` says which question. It comes down as a file and is never shown: strangers sent it."""
    row, key = _submission(request, uid), request.GET.get("key", "")
    if not key:
        return done(request, reverse("submission_detail", args=[uid]))
    found = row.files.select_related("file").filter(key=key).first()
    if found is None:
        raise Http404
    name = row.answers.get(found.key, {}).get("name", "file")
    headers = {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(read(found.file.sha256), content_type="application/octet-stream", headers=headers)


@requires(Action.DRIVES)
@require_POST
def submission_decide(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _decidable(request, uid)
    form = DecisionForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data["person"]
        people = Person.objects.active().visible_to(request.user)
        try:
            entry = filing.decide(
                submission=row, actor=request.user, person=get_object_or_404(people, uid=wanted) if wanted else None
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("The answers stand on their page now."), undo=entry)
            return done(request, _next(row))
    return _page(request, row, form, status=422)


@requires(Action.DRIVES)
@require_POST
def submission_aside(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _decidable(request, uid)
    entry = filing.set_aside(submission=row, actor=request.user)
    toast(request, _("Set aside: it counts no more."), undo=entry)
    return done(request, _next(row))


def _next(row: Submission) -> str:
    return f"{reverse('form_detail', args=[row.form.uid])}?tab=waiting"


def _page(request: StaffRequest, row: Submission, form: DecisionForm, *, status: int = 200) -> HttpResponse:
    is_waiting = row.state == State.WAITING
    people = people_like(request.user, name=row.name, email=row.email, country_id=row.country_id) if is_waiting else []
    context: dict[str, Any] = {
        "submission": row,
        "row_form": row.form,
        "answers": _answers(row),
        "people": people,
        "person_uid": form["person"].value() or next((str(s.row.uid) for s in people if s.is_sure), ""),
        "form": form,
        "may_plan": Submission.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists(),
    }
    return render(request, "campaigns/forms/submission.html", context, status=status)


def _answers(row: Submission) -> list[dict[str, Any]]:
    """In the order of the form, in the reader's language; what was asked once and is no more stands last."""
    language = translation.get_language() or "en"
    questions = questions_of(row.form)
    offers = offers_for(questions)
    shown = [
        {
            "label": question.label(language),
            "words": readable(question, row.answers[question.key], language, offers),
            "file": question.key if question.kind == Kind.FILE else "",
        }
        for question in questions
        if question.key in row.answers
    ]
    gone = set(row.answers) - {question.key for question in questions}
    return shown + [{"label": key, "words": str(row.answers[key]), "file": ""} for key in sorted(gone)]


# --- who may ----------------------------------------------------------------------------------------------------------
def _submission(request: StaffRequest, uid: UUID) -> Submission:
    rows = Submission.objects.visible_to(request.user).select_related(
        "form__campaign", "country", "person", "decided_by"
    )
    return get_object_or_404(rows, uid=uid)


def _decidable(request: StaffRequest, uid: UUID) -> Submission:
    row = _submission(request, uid)
    if not Submission.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return row
