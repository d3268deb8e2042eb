"""Rounds: the list, one begun, how far it is, and the page that calls are made from, on a phone as well."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.activities.models import Activity
from campaigns.activities.services import become_round
from campaigns.activities.states import Kind
from campaigns.interactions.services import Guarded
from campaigns.outreach.tabs import outreach_tabs
from campaigns.rounds import services
from campaigns.rounds.forms import HoldForm, OutcomeForm, RoundForm, SkipForm
from campaigns.rounds.models import CallLine, CallRound
from campaigns.rounds.presenting import progress_of, sheet_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page
from crm.ui.shell import base_template
from crm.ui.toasts import toast

SIZE = 30


@requires(Action.SEE)
@require_safe
def round_list(request: StaffRequest) -> HttpResponse:
    rows = CallRound.objects.visible_to(request.user).select_related("owner", "segment").with_counts()
    page = paginate(request, rows, sort=["-created_at"], size=SIZE)
    context = {
        "page": page,
        "tabs": outreach_tabs(request.user, "round_list"),
        "may_start": request.user.may(Action.LOG),
    }
    return render(request, "campaigns/rounds/round_list.html", context)


@requires(Action.LOG)
def round_create(request: StaffRequest) -> HttpResponse:
    """`?activity=<uid>`: the activity of a drive that the round is."""
    activity = _activity(request)
    initial = request.GET.dict() | ({"name": activity.label[:200]} if activity else {})
    form = RoundForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if form.is_valid():
        try:
            with transaction.atomic():
                made = services.start_round(actor=request.user, **form.cleaned_data)
                if activity:
                    become_round(activity=activity, call_round=made, actor=request.user)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("The round is there: everybody can take calls from it."))
            return done(request, reverse("round_detail", args=[made.uid]))
    context = {"base": base_template(request), "activity": activity}
    return form_page(request, "campaigns/rounds/round_form.html", context, form=form)


def _activity(request: StaffRequest) -> Activity | None:
    asked = request.GET.get("activity", "")
    if not asked:
        return None
    rows = Activity.objects.visible_to(request.user).filter(kind=Kind.CALL_ROUND, archived_at=None, call_round=None)
    try:
        return get_object_or_404(rows.select_related("drive"), uid=UUID(asked))
    except ValueError:
        raise Http404 from None


def _refused(form: Any, error: DomainError) -> None:
    if isinstance(error, NotAllowed):
        raise error
    field = "override_reason" if isinstance(error, Guarded) else error.code
    form.add_error(field if field in form.fields else None, error.message)


@requires(Action.SEE)
@require_safe
def round_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _round(request, uid)
    lines = CallLine.objects.filter(round=row).visible_to(request.user)
    shown = lines.select_related("person", "organization__country", "claimed_by", "done_by")
    context = {
        "row": row,
        "progress": progress_of(lines),
        "page": paginate(request, shown, sort=["pk"], size=SIZE),
        "now": timezone.now(),
        "activities": list(
            Activity.objects.visible_to(request.user).filter(call_round=row, archived_at=None).select_related("drive")
        ),
        "may_call": request.user.may(Action.LOG) and row.closed_at is None,
        "may_close": row.owner_id == request.user.pk or request.user.may(Action.DRIVES),
    }
    return render(request, "campaigns/rounds/round_detail.html", context)


def _round(request: StaffRequest, uid: UUID) -> CallRound:
    rows = CallRound.objects.visible_to(request.user).select_related("owner", "segment")
    row: CallRound = get_object_or_404(rows, uid=uid)
    return row


@requires(Action.LOG)
@require_POST
def round_close(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _round(request, uid)
    entry = services.close_round(round_=row, actor=request.user)
    toast(request, _("Closed: nobody is called any more."), undo=entry)
    return done(request, reverse("round_detail", args=[row.uid]))


# --- calls --------------------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def round_call(request: StaffRequest, uid: UUID) -> HttpResponse:
    """GET: the call that one holds, or the button that takes one; POST: take the next."""
    row = _round(request, uid)
    if request.method == "POST":
        if services.claim_next(round_=row, actor=request.user) is None:
            toast(request, _("Nobody is left to be called now."), level="info")
        return done(request, reverse("round_call", args=[row.uid]))
    held = CallLine.objects.filter(round=row).visible_to(request.user, Action.LOG).held_by(request.user, timezone.now())
    line = held.select_related("round", "person", "organization__country", "organization__constituency").first()
    return _sheet(request, row, line, OutcomeForm(initial={"token": line.token}) if line else None)


def _sheet(request: StaffRequest, row: CallRound, line: CallLine | None, form: Any) -> HttpResponse:
    lines = CallLine.objects.filter(round=row).visible_to(request.user)
    context = {
        "row": row,
        "sheet": sheet_of(line, request.user) if line else None,
        "progress": progress_of(lines),
        "form": form,
        "failed": bool(form and form.is_bound and form.errors),
    }
    return render(request, "campaigns/rounds/call.html", context, status=422 if context["failed"] else 200)


def _line(request: StaffRequest, uid: UUID) -> CallLine:
    rows = CallLine.objects.visible_to(request.user).select_related(
        "round", "person", "organization__country", "organization__constituency"
    )
    line: CallLine = get_object_or_404(rows, uid=uid)
    if not CallLine.objects.visible_to(request.user, Action.LOG).filter(pk=line.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return line


@requires(Action.LOG)
@require_POST
def call_outcome(request: StaffRequest, uid: UUID) -> HttpResponse:
    line = _line(request, uid)
    form = OutcomeForm(request.POST)
    if form.is_valid():
        try:
            services.record_outcome(line=line, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            return _next(request, line)
    return _sheet(request, line.round, line, form)


def _next(request: StaffRequest, line: CallLine) -> HttpResponse:
    """On to the next call, unless this was to be the last one for now."""
    if "stop" not in request.POST:
        services.claim_next(round_=line.round, actor=request.user)
    return done(request, reverse("round_call", args=[line.round.uid]))


@requires(Action.LOG)
@require_POST
def call_hold(request: StaffRequest, uid: UUID) -> HttpResponse:
    line, form = _line(request, uid), HoldForm(request.POST)
    if not form.is_valid():
        return _sheet(request, line.round, line, OutcomeForm(initial={"token": line.token}))
    services.hold_line(
        line=line, actor=request.user, token=form.cleaned_data["token"], until=form.cleaned_data["until"]
    )
    return _next(request, line)


@requires(Action.LOG)
@require_POST
def call_skip(request: StaffRequest, uid: UUID) -> HttpResponse:
    line, form = _line(request, uid), SkipForm(request.POST)
    if not form.is_valid():
        return _sheet(request, line.round, line, OutcomeForm(initial={"token": line.token}))
    services.skip_line(line=line, actor=request.user, token=form.cleaned_data["token"], why=form.cleaned_data["why"])
    return _next(request, line)


@requires(Action.LOG)
@require_POST
def call_give_back(request: StaffRequest, uid: UUID) -> HttpResponse:
    line, form = _line(request, uid), HoldForm(request.POST)
    form.fields.pop("until")
    if form.is_valid():
        services.give_back(line=line, actor=request.user, token=form.cleaned_data["token"])
    return done(request, reverse("round_detail", args=[line.round.uid]))
