"""The register: its list, one letter with what answered it, the forms, documents, and the numbering."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.correspondence import services
from campaigns.correspondence.forms import AnswerForm, DocumentForm, LetterEditForm, LetterForm, NumberingForm
from campaigns.correspondence.lists import SOURCE, from_of, standing_of, to_of
from campaigns.correspondence.models import Letter, LetterDocument, Numbering
from campaigns.files.saving import saved
from campaigns.outreach.tabs import outreach_tabs
from contacts.directory.models import Organization
from contacts.directory.views.access import back_or
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid, NotAllowed, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast


@requires(Action.SEE)
@require_safe
def letter_list(request: StaffRequest) -> HttpResponseBase:
    table = build(SOURCE, request)
    return list_page(
        request, "campaigns/correspondence/letter_list.html", table=table, filters=table.filters,
        tabs=outreach_tabs(request.user, "letter_list"), may_register=request.user.may(Action.LOG),
        may_number=request.user.may(Action.ADMINISTER),
    )  # fmt: skip


def _find(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> Letter:
    """404 for what one may not see, 403 for what one may not change."""
    rows = Letter.objects.select_related(
        "organization__country", "person", "responsible", "answered_by", "interaction", "registered_by"
    )
    row = get_object_or_404(rows.visible_to(request.user), uid=uid)
    if action is not Action.SEE and not Letter.objects.visible_to(request.user, action).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return row


def _refused(form: Any, error: DomainError) -> None:
    if isinstance(error, NotAllowed):
        raise error
    if isinstance(error, StaleEdit):
        form.take_as_seen(error.data)
    field = {
        "ahead": "on",
        "year": "on",
        "guarded": "override_reason",
        "file_refused": "document",
        "too_large": "document",
    }
    form.add_error(field.get(error.code) if field.get(error.code) in form.fields else None, error.message)


# --- register -----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def letter_create(request: StaffRequest) -> HttpResponse:
    """`?way=in`, `?organization=<uid>` and `?answers=<uid>` say what is known already."""
    answered = _find(request, _given_uid(request, "answers"), Action.LOG) if request.GET.get("answers") else None
    form = LetterForm(
        *([request.POST, request.FILES] if request.method == "POST" else []),
        user=request.user,
        initial=_given(request, answered),
    )
    if request.method != "POST":
        form.offer(answered.organization if answered else _organization(request))
    elif form.is_valid():
        try:
            letter = services.register_letter(actor=request.user, answers=answered, **form.values())
            if upload := form.cleaned_data["document"]:
                services.add_document(letter=letter, actor=request.user, upload=upload)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Registered as %(reference)s.") % {"reference": letter.reference})
            return done(request, reverse("letter_detail", args=[letter.uid]))
    context = {
        "answered": answered, "is_guarded": "override_reason" in form.errors or bool(request.POST.get("override_reason")),
        "back": reverse("letter_list"),
    }  # fmt: skip
    return form_page(request, "campaigns/correspondence/letter_form.html", context, form=form)


def _given_uid(request: StaffRequest, name: str) -> UUID:
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        raise Invalid(_("This link is not whole. Open the letter again.")) from None


def _organization(request: StaffRequest) -> Organization | None:
    if not request.GET.get("organization"):
        return None
    return (
        Organization.objects.active()
        .visible_to(request.user, Action.LOG)
        .filter(uid=_given_uid(request, "organization"))
        .first()
    )


def _given(request: StaffRequest, answered: Letter | None) -> dict[str, Any]:
    if answered is not None:
        way = Letter.Way.OUT if answered.is_in else Letter.Way.IN
        return {
            "way": way,
            "subject": f"Re: {answered.subject}"[:300],
            "their_reference": answered.their_reference if answered.is_in else "",
        }
    return {"way": request.GET["way"]} if request.GET.get("way") in Letter.Way.values else {}


# --- one letter ---------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def letter_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    letter = _find(request, uid)
    may = (
        request.user.may(Action.LOG)
        and Letter.objects.visible_to(request.user, Action.LOG).filter(pk=letter.pk).exists()
    )
    context = {
        "letter": letter,
        "from": from_of(letter),
        "to": to_of(letter),
        "standing": standing_of(letter),
        "documents": list(letter.documents.select_related("file").order_by("pk")),
        "answers": list(letter.answers.order_by("on", "pk")),
        "may_change": may and not letter.struck_at,
    }
    return render(request, "campaigns/correspondence/letter_detail.html", context)


def _detail(letter: Letter) -> str:
    return reverse("letter_detail", args=[letter.uid])


@requires(Action.LOG)
def letter_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    letter = _find(request, uid, Action.LOG)
    form = LetterEditForm(
        request.POST if request.method == "POST" else None,
        user=request.user,
        letter=letter,
        initial=LetterEditForm.initial_of(letter),
    )
    if form.is_valid():
        changes, seen = form.parted(form.cleaned_data)
        try:
            entry = services.edit_letter(letter=letter, actor=request.user, changes=changes, seen=seen)
        except DomainError as error:
            _refused(form, error)
        else:
            if entry:
                toast(request, _("Saved."), undo=entry)
            return done(request, _detail(letter))
    return _form(request, form, letter, _("Change: %(reference)s") % {"reference": letter.reference})


def _form(request: StaffRequest, form: Any, letter: Letter, title: str, *, upload: bool = False) -> HttpResponse:
    context = {"title": title, "back": _detail(letter), "upload": upload}
    return form_page(request, "campaigns/correspondence/simple_form.html", context, form=form)


@requires(Action.LOG)
def letter_answer(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Link a letter that is registered already as the answer."""
    letter = _find(request, uid, Action.LOG)
    form = AnswerForm(request.POST if request.method == "POST" else None, letter=letter, user=request.user)
    if form.is_valid():
        try:
            entry = services.link_answer(letter=letter, answer=form.cleaned_data["answer"], actor=request.user)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(
                request,
                _("Answered by %(reference)s.") % {"reference": form.cleaned_data["answer"].reference},
                undo=entry,
            )
            return done(request, _detail(letter))
    return _form(request, form, letter, _("What answered %(reference)s?") % {"reference": letter.reference})


@requires(Action.LOG)
@require_POST
def letter_unanswer(request: StaffRequest, uid: UUID) -> HttpResponse:
    letter = _find(request, uid, Action.LOG)
    toast(request, _("It waits for an answer again."), undo=services.unlink_answer(letter=letter, actor=request.user))
    return done(request, _detail(letter))


@requires(Action.LOG)
@require_POST
def letter_strike(request: StaffRequest, uid: UUID) -> HttpResponse:
    letter = _find(request, uid, Action.LOG)
    entry = services.strike_letter(letter=letter, actor=request.user)
    toast(request, _("Struck out. Its number is not given again."), undo=entry)
    return done(request, back_or(request, _detail(letter)))


# --- documents ----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def document_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    letter = _find(request, uid, Action.LOG)
    form = DocumentForm(*([request.POST, request.FILES] if request.method == "POST" else []))
    if form.is_valid():
        try:
            services.add_document(letter=letter, actor=request.user, upload=form.cleaned_data["document"])
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Kept with the letter."))
            return done(request, _detail(letter))
    return _form(request, form, letter, _("Add a document"), upload=True)


def _document(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> LetterDocument:
    row = get_object_or_404(LetterDocument.objects.select_related("file", "letter"), uid=uid)
    _find(request, row.letter.uid, action)
    return row


@requires(Action.LOG)
@require_POST
def document_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    document = _document(request, uid, Action.LOG)
    services.remove_document(document=document, actor=request.user)
    toast(request, _("The document is removed."))
    return done(request, _detail(document.letter))


@requires(Action.SEE)
@require_safe
def document_download(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Saved, never shown, so that nothing in it runs here."""
    row = _document(request, uid)
    return saved(row.file, row.name)


# --- numbering ----------------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
def letter_numbering(request: StaffRequest) -> HttpResponse:
    rule = Numbering.current()
    initial = {"pattern_in": rule.pattern_in, "pattern_out": rule.pattern_out}
    form = NumberingForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            entry = services.set_numbering(actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            if entry:
                toast(request, _("Saved. It holds from the next letter on."), undo=entry)
            return done(request, reverse("letter_numbering"))
    context = {"crumbs": [(_("Settings"), reverse("settings"))]}
    return form_page(request, "campaigns/correspondence/numbering.html", context, form=form)
