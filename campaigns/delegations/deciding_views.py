"""Who was named, for staff: the list, one beside whom they may be, the decision; and the steps that are still to be done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from campaigns.delegations import deciding, naming, printing, steps
from campaigns.delegations.forms import AcceptForm, NamedForm, ReturnForm
from campaigns.delegations.links import delegate_url
from campaigns.delegations.lists import NominationFilters
from campaigns.delegations.models import DelegateLetter, Nomination, Paper, Step
from campaigns.delegations.views import find_event, may_plan, parts_of
from campaigns.events.tabs import tabs_of
from campaigns.events.telling import when_of
from contacts.directory.models import Person
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid, NotAllowed
from crm.ui import formats
from crm.ui.public import LANGUAGES
from crm.ui.responses import done, list_page
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast

MOST_AT_ONCE = 200


@requires(Action.SEE)
def nomination_list(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    return _list(request, uid, "nomination_list", "nominations")


@requires(Action.SEE)
def delegate_step_list(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    return _list(request, uid, "delegate_step_list", "delegate_steps")


def _list(request: StaffRequest, uid: UUID, name: str, source: str) -> HttpResponseBase:
    event = find_event(request, uid)
    table = build(source, request, event=str(uid))
    context = {
        "event": event, "when": when_of(event), "tabs": tabs_of(event, "delegation_list", request.user), "parts": parts_of(event, name),
        "may_plan": may_plan(request, event), "part": source, "paper_languages": LANGUAGES.items(),
    }  # fmt: skip
    return list_page(
        request, "campaigns/delegations/nomination_list.html", table=table, filters=table.filters, **context
    )


@requires(Action.SEE)
def nomination_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _page(request, _nomination(request, uid))


def _page(
    request: StaffRequest,
    row: Nomination,
    *,
    refusal: ReturnForm | None = None,
    form: NamedForm | None = None,
    status: int = 200,
) -> HttpResponse:
    may = _may(request, row)
    is_open = row.state == Nomination.State.PROPOSED
    to_find = row.state == Nomination.State.ACCEPTED and row.person is None
    suspects = deciding.suspects_of(row, request.user) if may and (is_open or to_find) else []
    initial = NamedForm.initial_of(row)
    context: dict[str, Any] = {
        "row": row, "delegation": row.delegation, "event": row.delegation.event, "may_plan": may, "is_open": is_open, "to_find": to_find,
        "suspects": suspects, "person_uid": next((str(one.row.uid) for one in suspects if one.is_sure), "new" if not suspects else ""),
        "refusal": refusal or ReturnForm(), "edit": form or NamedForm(initial=initial, delegation=row.delegation, of=row),
        "replace": NamedForm(delegation=row.delegation, of=row, prefix="instead"), "moves": row.moves.select_related("by"),
        "steps": row.steps.select_related("task__assignee"), "papers": [(paper, Paper(paper.kind).label) for paper in row.papers.order_by("kind")] if row.state == Nomination.State.ACCEPTED else [],
        "language_name": LANGUAGES.get(row.language, row.language), "in_languages": [(code, name, code == (row.language or "en")) for code, name in LANGUAGES.items()],
        "link": delegate_url(row) if may and row.state == Nomination.State.ACCEPTED else "",
        "before": row.replaces, "mails": list(row.mails.exclude(problem="").order_by("-due_at")[:3]),
    }  # fmt: skip
    return render(request, "campaigns/delegations/nomination_detail.html", context, status=status)


@requires(Action.DRIVES)
@require_POST
def nomination_act(request: StaffRequest, uid: UUID, do: str) -> HttpResponse:
    """accept, identify, return, withdraw, change, replace."""
    row = _nomination(request, uid)
    if not _may(request, row):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    back, entry = reverse("nomination_detail", args=[uid]), None
    try:
        if do in ("accept", "identify"):
            person, is_new = _whom(request)
            if do == "accept":
                entry = deciding.accept(nomination=row, actor=request.user, person=person, is_new=is_new)
            elif person is not None or is_new:
                entry = deciding.identify(nomination=row, actor=request.user, person=person)
            words = _("%(name)s is accepted, has a seat, and gets a letter.") if do == "accept" else _("Saved.")
        elif do == "return":
            form = ReturnForm(request.POST)
            if not form.is_valid():
                return _page(request, row, refusal=form, status=422)
            entry = deciding.send_back(nomination=row, actor=request.user, reason=form.cleaned_data["reason"])
            words = _("%(name)s is sent back. Whoever named them reads why.")
        elif do == "withdraw":
            naming.withdraw(nomination=row, actor=request.user)
            words = _("%(name)s is withdrawn; the seat is free.")
        elif do in ("change", "replace"):
            named = NamedForm(
                request.POST, delegation=row.delegation, of=row, prefix="instead" if do == "replace" else None
            )
            if not named.is_valid():
                return _page(request, row, form=named, status=422)
            if do == "change":
                entry = naming.change(nomination=row, who=named.who(), actor=request.user)
                words = _("Saved.")
            else:
                made = naming.nominate(
                    delegation=row.delegation,
                    constituency=row.constituency,
                    role=row.role,
                    who=named.who(),
                    actor=request.user,
                    replaces=row,
                )
                back, words = (
                    reverse("nomination_detail", args=[made.uid]),
                    _("%(name)s is replaced. Look at the new name, and accept."),
                )
        else:
            return done(request, back)
    except DomainError as error:
        toast(request, error.message, level="error")
        return done(request, back)
    toast(request, words % {"name": row.name}, undo=entry)
    return done(request, back)


def _whom(request: StaffRequest) -> tuple[Person | None, bool]:
    """(who of the directory it is, whether somebody new); (None, False) for somebody who is found later."""
    form = AcceptForm(request.POST)
    said = form.cleaned_data["person"] if form.is_valid() else ""
    if said in ("", "new"):
        return None, said == "new"
    try:
        return get_object_or_404(Person.objects.active().visible_to(request.user), uid=UUID(said)), False
    except ValueError:
        raise Invalid(_("Choose one of these."), code="person") from None


@requires(Action.DRIVES)
@require_POST
def nomination_accept_many(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Accept the ticked ones about whom there is no doubt; the others stay, to be looked at one by one."""
    event = find_event(request, uid)
    mine = Nomination.objects.visible_to(request.user, Action.DRIVES).filter(delegation__event=event)
    back, taken, left = reverse("nomination_list", args=[uid]), 0, 0
    try:
        rows = (
            selected(request, mine, filters=NominationFilters)
            .filter(state="proposed")
            .select_related("delegation__event", "delegation__country", "delegation__organization")
        )
        for row in rows.order_by("created_at", "pk")[:MOST_AT_ONCE]:
            try:
                done_one = deciding.accept_if_sure(nomination=row, actor=request.user)
            except DomainError:
                done_one = None
            taken, left = taken + (done_one is not None), left + (done_one is None)
    except DomainError as error:
        toast(request, error.message)
        return done(request, back)
    words = ngettext("%(n)s is accepted.", "%(n)s are accepted.", taken) % {"n": formats.number(taken)}
    if left:
        words += " " + ngettext(
            "%(n)s waits: look at them one by one.", "%(n)s wait: look at them one by one.", left
        ) % {"n": formats.number(left)}
    toast(request, words)
    return done(request, back)


@requires(Action.LOG)
@require_POST
def delegate_step_done(request: StaffRequest, uid: UUID) -> HttpResponse:
    rows = Step.objects.visible_to(request.user).select_related("task", "nomination__delegation__event")
    step = get_object_or_404(rows, uid=uid)
    if not Step.objects.visible_to(request.user, Action.LOG).filter(pk=step.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    entry = steps.finish(step=step, actor=request.user)
    toast(request, _("Done: %(title)s") % {"title": step.text("en")}, undo=entry)
    return done(request, reverse("nomination_detail", args=[step.nomination.uid]))


@requires(Action.SEE)
@require_safe
def nomination_letter(request: StaffRequest, uid: UUID, kind: str) -> HttpResponse:
    """A letter of an accepted delegate as PDF. ?language=: another than theirs."""
    row = _nomination(request, uid)
    rows = DelegateLetter.objects.select_related(*printing.SUBJECTS_OF).filter(
        nomination__state=Nomination.State.ACCEPTED
    )
    letter = get_object_or_404(rows, nomination=row, kind=kind)
    content = printing.letters_pdf([letter], language=_language(request))
    return printing.pdf_answer(content, letter.reference.replace("/", "-"))


@requires(Action.SEE)
@require_safe
def delegation_letters(request: StaffRequest, uid: UUID, kind: str) -> HttpResponse:
    """The letters of everybody who is accepted, in one file, each in their own language or in that of ?language=."""
    event = find_event(request, uid)
    if kind not in Paper.values:
        raise Http404
    mine = (
        Nomination.objects.visible_to(request.user)
        .accepted()
        .filter(delegation__event=event, delegation__left_out_at=None)
    )
    letters = DelegateLetter.objects.filter(kind=kind, nomination__in=mine).select_related(*printing.SUBJECTS_OF)
    rows = list(letters.order_by("nomination__delegation", "reference")[: printing.MOST])
    if not rows:
        toast(request, _("Nobody is accepted yet, so there is no letter."))
        return done(request, reverse("nomination_list", args=[uid]))
    return printing.pdf_answer(printing.letters_pdf(rows, language=_language(request)), f"{kind}-{event.slug}")


@requires(Action.SEE)
@require_safe
def delegation_participants(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The official list of delegates as PDF, in the language of ?language=. As CSV or workbook it is the list's export."""
    event = find_event(request, uid)
    mine = (
        Nomination.objects.visible_to(request.user)
        .accepted()
        .filter(delegation__event=event, delegation__left_out_at=None)
    )
    rows = mine.select_related("delegation__country", "delegation__organization", "constituency")
    content = printing.participants_pdf(event, list(rows[: printing.MOST_LISTED]), _language(request) or "en")
    return printing.pdf_answer(content, f"delegates-{event.slug}")


def _language(request: StaffRequest) -> str:
    """Of ?language=, if letters are written in it."""
    code = request.GET.get("language", "")
    return code if code in LANGUAGES else ""


def _nomination(request: StaffRequest, uid: UUID) -> Nomination:
    rows = Nomination.objects.visible_to(request.user).select_related(
        "delegation__event__composition", "delegation__event__drive__campaign", "delegation__country", "delegation__organization",
        "constituency", "named_by__organization", "organization", "person", "registration", "decided_by", "replaces",
    )  # fmt: skip
    return get_object_or_404(rows, uid=uid)


def _may(request: StaffRequest, row: Nomination) -> bool:
    return Nomination.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists()
