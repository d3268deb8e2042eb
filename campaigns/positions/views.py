"""A drive's asks, positions, moves and matrix; an institution's steps; one step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.planning.models import Drive
from campaigns.planning.tabs import tabs_of
from campaigns.positions import presenting, services
from campaigns.positions.forms import AskForm, PowerForm, StepForm, WithdrawForm, asks_for
from campaigns.positions.ladder import word_of
from campaigns.positions.models import Ask, PositionStep, Power
from contacts.directory.aliases import resolve
from contacts.directory.models import Organization
from contacts.directory.views.access import back_or
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.toasts import toast


def drive_of(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> Drive:
    """The drive: 404 if it may not be seen, 403 if it may be seen only."""
    drive: Drive = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign"), uid=uid)
    if action != Action.SEE and not Drive.objects.visible_to(request.user, action).filter(pk=drive.pk).exists():
        raise NotAllowed(_("You may see this drive, but your role does not let you change it."))
    return drive


def drive_page(request: StaffRequest, drive: Drive, current: str, **context: Any) -> dict[str, Any]:
    may_plan = Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists()
    return {"drive": drive, "tabs": tabs_of(drive, current), "may_plan": may_plan, **context}


# --- asks -----------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def ask_list(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What the drive asks, what counts as done, and where everybody stands."""
    drive = drive_of(request, uid)
    asks = list(Ask.objects.filter(drive=drive).in_order())
    bars = presenting.distribution(drive, request.user, asks)
    rows = [{"ask": ask, "parts": bars[ask.pk], "total": sum(part["count"] for part in bars[ask.pk])} for ask in asks]
    today = timezone.localdate()
    context = drive_page(
        request, drive, "ask_list",
        asks=[row for row in rows if row["ask"].archived_at is None],
        archived=[row for row in rows if row["ask"].archived_at],
        moves=presenting.movement(drive, request.user, "quarter", today),
        favourable=presenting.favourable(drive, request.user),
    )  # fmt: skip
    return render(request, "campaigns/positions/ask_list.html", context)


@requires(Action.DRIVES)
def ask_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = drive_of(request, uid, Action.DRIVES)
    form = AskForm(request.POST if request.method == "POST" else None)
    back = reverse("ask_list", args=[drive.uid])
    if form.is_valid():
        changes, _seen = form.values()
        try:
            ask = services.create_ask(drive=drive, actor=request.user, **changes)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("“%(name)s” is asked.") % {"name": ask.name})
            return done(request, back)
    return _part(request, form, _("New ask"), _("Add the ask"), back)


def _ask(request: StaffRequest, uid: UUID) -> Ask:
    ask: Ask = get_object_or_404(Ask.objects.visible_to(request.user).select_related("drive"), uid=uid)
    drive_of(request, ask.drive.uid, Action.DRIVES)
    return ask


@requires(Action.DRIVES)
def ask_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    ask = _ask(request, uid)
    form = AskForm(request.POST if request.method == "POST" else None, initial=AskForm.initial_of(ask))
    back = reverse("ask_list", args=[ask.drive.uid])
    if form.is_valid():
        changes, seen = form.values()
        try:
            entry = services.edit_ask(ask=ask, actor=request.user, changes=changes, seen=seen)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("“%(name)s” saved.") % {"name": ask.name}, undo=entry)
            return done(request, back)
    return _part(request, form, ask.label, _("Save"), back)


@requires(Action.DRIVES)
@require_POST
def ask_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    ask = _ask(request, uid)
    entry = services.archive_ask(ask=ask, actor=request.user)
    toast(request, _("“%(name)s” is asked no longer; positions on it are kept.") % {"name": ask.name}, undo=entry)
    return done(request, reverse("ask_list", args=[ask.drive.uid]))


@requires(Action.DRIVES)
@require_POST
def ask_unarchive(request: StaffRequest, uid: UUID) -> HttpResponse:
    ask = _ask(request, uid)
    entry = services.unarchive_ask(ask=ask, actor=request.user)
    toast(request, _("“%(name)s” is asked again.") % {"name": ask.name}, undo=entry)
    return done(request, reverse("ask_list", args=[ask.drive.uid]))


def _part(request: StaffRequest, form: Any, title: str, submit: str, back: str, hint: str = "") -> HttpResponse:
    context = {"base": base_template(request), "title": title, "submit": submit, "back": back, "hint": hint}
    return form_page(request, "contacts/directory/part_form.html", context, form=form)


def _refused(form: Any, error: DomainError) -> None:
    form.add_error(None, error.message)
    if isinstance(error, StaleEdit):
        form.take_as_seen(error.data)


# --- lists of a drive -----------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def position_list(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Where institutions stand now on the drive's asks."""
    drive = drive_of(request, uid)
    table = build("positions", request, drive=str(uid))
    context = drive_page(request, drive, "position_list")
    return list_page(request, "campaigns/positions/position_list.html", table=table, filters=table.filters, **context)


@requires(Action.SEE)
def move_list(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """What moved, from where to where, by which evidence."""
    drive = drive_of(request, uid)
    table = build("moves", request, drive=str(uid))
    is_page = not request.GET.get("facet") and not table.csv_is_asked
    moves = presenting.movement(drive, request.user, "quarter", timezone.localdate()) if is_page else []
    context = drive_page(request, drive, "move_list", moves=moves)
    return list_page(request, "campaigns/positions/move_list.html", table=table, filters=table.filters, **context)


@requires(Action.SEE)
def position_matrix(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Power × interest for one ask: whom to win, whom to keep, whom to watch."""
    drive = drive_of(request, uid)
    asks = list(Ask.objects.filter(drive=drive, archived_at=None).in_order())
    wanted = request.GET.get("ask", "")
    ask = next((a for a in asks if str(a.uid) == wanted), asks[0] if asks else None)
    url = reverse("position_matrix", args=[drive.uid])
    context = drive_page(
        request, drive, "position_matrix", ask=ask,
        choices=[{"label": a.label, "url": f"{url}?ask={a.uid}", "current": a == ask} for a in asks],
        matrix=presenting.matrix(drive, request.user, ask) if ask else None,
    )  # fmt: skip
    return render(request, "campaigns/positions/matrix.html", context)


# --- an institution -------------------------------------------------------------------------------------------------------
def organization_of(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> Organization:
    rows = Organization.objects.visible_to(request.user).select_related("country", "constituency")
    organization: Organization = resolve(rows, uid)
    if action != Action.SEE and not may_log(request, organization):
        raise NotAllowed(_("You may see this institution, but your role does not let you record anything about it."))
    return organization


def may_log(request: StaffRequest, organization: Organization) -> bool:
    rows = Organization.objects.visible_to(request.user, Action.LOG)
    return request.user.may(Action.LOG) and rows.filter(pk=organization.pk).exists()


@requires(Action.SEE)
def organization_positions(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Every ask put to an institution, as a step line with its evidence; and its power."""
    organization = organization_of(request, uid)
    context = {
        "organization": organization,
        "histories": presenting.histories(organization, request.user),
        "powers": presenting.powers(organization, request.user),
        "may_log": may_log(request, organization),
    }
    return render(request, "campaigns/positions/organization_positions.html", context)


@requires(Action.LOG)
def position_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A step in seconds. `?ask=<uid>` chooses the ask, `?stance=` where the line stands now."""
    organization = organization_of(request, uid, Action.LOG)
    initial = {"ask": request.GET.get("ask") or _first_ask(request, organization)}
    form = StepForm(
        request.POST if request.method == "POST" else None,
        user=request.user, organization=organization, initial=initial,
    )  # fmt: skip
    back = back_or(request, reverse("organization_positions", args=[organization.uid]))
    if form.is_valid():
        try:
            step = services.record_step(organization=organization, actor=request.user, **form.values())
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            said = {"name": organization.label, "stance": word_of(step.stance)}
            toast(request, _("%(name)s: %(stance)s, with its evidence.") % said, undo=entry_of(step))
            return done(request, back)
    context = {
        "base": base_template(request), "organization": organization, "back": back,
        "has_ask": asks_for(request.user, organization).exists(),
    }  # fmt: skip
    return form_page(request, "campaigns/positions/position_form.html", context, form=form)


def _first_ask(request: StaffRequest, organization: Organization) -> Any:
    return asks_for(request.user, organization).values_list("uid", flat=True).first()


def entry_of(step: PositionStep) -> Any:
    """The audit entry by which Undo takes a new step back."""
    from crm.audit.models import AuditEntry

    return AuditEntry.objects.filter(object_uid=step.uid, verb="position.recorded").first()


@requires(Action.LOG)
def power_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    """How much an institution can do for or against a campaign."""
    organization = organization_of(request, uid, Action.LOG)
    known = Power.objects.filter(organization=organization).select_related("campaign").first()
    initial = {"campaign": known.campaign.uid, "power": known.power, "why": known.why} if known else {}
    form = PowerForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    back = back_or(request, reverse("organization_positions", args=[organization.uid]))
    if form.is_valid():
        try:
            entry = services.set_power(organization=organization, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("Power of %(name)s saved.") % {"name": organization.label}, undo=entry)
            return done(request, back)
    return _part(request, form, _("Power of %(name)s") % {"name": organization.label}, _("Save"), back)


# --- one step -------------------------------------------------------------------------------------------------------------
def _step(request: StaffRequest, uid: UUID) -> PositionStep:
    rows = PositionStep.objects.visible_to(request.user).with_previous()
    related = ("organization__country", "organization__constituency", "ask__drive", "said_by", "recorded_by", "withdrawn_by", "interaction")  # fmt: skip
    step: PositionStep = get_object_or_404(rows.select_related(*related), uid=uid)
    return step


@requires(Action.SEE)
def position_step(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One step with all that is known of it: the end of every number about positions."""
    step = _step(request, uid)
    context = {
        "base": base_template(request), "step": step,
        "before": word_of(vars(step)["previous"]) if vars(step)["previous"] else "",
        "may_log": may_log(request, step.organization),
    }  # fmt: skip
    return render(request, "campaigns/positions/step.html", context)


@requires(Action.LOG)
def position_withdraw(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Mark a step as wrong; it stays in the history."""
    step = _step(request, uid)
    if not may_log(request, step.organization):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    back = reverse("organization_positions", args=[step.organization.uid])
    if form.is_valid():
        entry = services.withdraw_step(step=step, actor=request.user, why=form.cleaned_data["why"])
        toast(request, _("Marked as wrong; it stays in the history."), undo=entry)
        return done(request, back)
    hint = _("It stays in the history, struck out, with the reason; the step before it counts again.")
    return _part(request, form, _("Withdraw as wrong"), _("Mark as wrong"), back, hint)
