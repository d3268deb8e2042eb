"""Commitments: the lists, one commitment with its milestones and history, and what institutions send by their link."""

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

from campaigns.commitments import linking, services
from campaigns.commitments.forms import (
    CommitmentForm,
    DeclineForm,
    MilestoneForm,
    NewCommitmentForm,
    SettleForm,
    WordForm,
)
from campaigns.commitments.lists import rows_for
from campaigns.commitments.models import Commitment, CommitmentUpdate, Milestone
from campaigns.commitments.rule import light_of, rule_in_words
from campaigns.positions.forms import asks_for
from campaigns.positions.views import drive_of, drive_page, may_log, organization_of
from contacts.directory.views.access import back_or
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.audit.models import AuditEntry
from crm.errors import DomainError, NotAllowed, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.toasts import toast

SHOWN = 50


# --- lists ----------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def commitment_list(request: StaffRequest) -> HttpResponseBase:
    table = build("commitments", request)
    waiting = CommitmentUpdate.objects.visible_to(request.user).waiting().count()
    return list_page(
        request, "campaigns/commitments/commitment_list.html", table=table, filters=table.filters,
        rule=rule_in_words(), waiting=waiting,
    )  # fmt: skip


@requires(Action.SEE)
def drive_commitments(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    drive = drive_of(request, uid)
    table = build("drive_commitments", request, drive=str(uid))
    context = drive_page(request, drive, "drive_commitments", rule=rule_in_words())
    return list_page(request, "campaigns/commitments/drive_commitments.html", table=table, filters=table.filters, **context)  # fmt: skip


@requires(Action.SEE)
def organization_commitments(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What an institution promised, the open ones first."""
    organization = organization_of(request, uid)
    rows = list(rows_for(request.user).filter(organization=organization).order_by("settled_at", "due_on", "pk")[:SHOWN])
    rows.sort(key=lambda row: (not row.is_open, row.due_on))
    today = timezone.localdate()
    context = {
        "organization": organization,
        "rows": [{"row": row, "light": light_of(row, today)} for row in rows],
        "may_log": may_log(request, organization),
    }
    return render(request, "campaigns/commitments/organization_commitments.html", context)


@requires(Action.LOG)
def commitment_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What an institution promised. `?ask=<uid>` says on which ask."""
    organization = organization_of(request, uid, Action.LOG)
    first = asks_for(request.user, organization).values_list("uid", flat=True).first()
    form = NewCommitmentForm(
        request.POST if request.method == "POST" else None, user=request.user, organization=organization,
        initial={"ask": request.GET.get("ask") or first, "owner": request.user.uid},
    )  # fmt: skip
    back = back_or(request, reverse("organization_commitments", args=[organization.uid]))
    if form.is_valid():
        try:
            made = services.make_commitment(organization=organization, actor=request.user, **form.values())
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            entry = AuditEntry.objects.filter(object_uid=made.uid, verb="commitment.created").first()
            toast(request, _("The commitment is recorded."), undo=entry)
            return done(request, reverse("commitment_detail", args=[made.uid]))
    title = _("What did %(name)s promise?") % {"name": organization.label}
    return _part(request, form, title, _("Record the commitment"), back)


def _part(request: StaffRequest, form: Any, title: str, submit: str, back: str, hint: str = "") -> HttpResponse:
    context = {"base": base_template(request), "title": title, "submit": submit, "back": back, "hint": hint}
    return form_page(request, "contacts/directory/part_form.html", context, form=form)


# --- one commitment -------------------------------------------------------------------------------------------------------
def _commitment(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> Commitment:
    rows = Commitment.objects.visible_to(request.user)
    related = ("organization__country", "organization__constituency", "drive", "ask", "owner", "promised_by", "recorded_by", "settled_by", "verified_by")  # fmt: skip
    row: Commitment = get_object_or_404(rows.select_related(*related).prefetch_related("milestones"), uid=uid)
    if action != Action.SEE and not _may(request, row):
        raise NotAllowed(_("You may see this commitment, but your role does not let you change it."))
    return row


def _may(request: StaffRequest, row: Commitment) -> bool:
    visible = Commitment.objects.visible_to(request.user, Action.LOG)
    return request.user.may(Action.LOG) and visible.filter(pk=row.pk).exists()


def _url(row: Commitment) -> str:
    return reverse("commitment_detail", args=[row.uid])


@requires(Action.SEE)
def commitment_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid)
    may = _may(request, row)
    link = row.links.filter(revoked_at=None).first()
    is_settled = row.state in {"kept", "broken"}
    context = {
        "row": row,
        "light": light_of(row, timezone.localdate()),
        "updates": list(row.updates.select_related("decided_by").order_by("-received_at", "-pk")[:SHOWN]),
        "may_log": may,
        "may_verify": may and is_settled and not row.verified_at and request.user.pk not in {row.settled_by_id, row.recorded_by_id},
        "needs_other": may and is_settled and not row.verified_at and request.user.pk in {row.settled_by_id, row.recorded_by_id},
        "link": linking.url_of(link) if link and may else "",
        "today": timezone.localdate(),
        "rule": rule_in_words(),
    }  # fmt: skip
    return render(request, "campaigns/commitments/commitment_detail.html", context)


@requires(Action.LOG)
def commitment_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    form = CommitmentForm(
        request.POST if request.method == "POST" else None, user=request.user, commitment=row,
        initial=CommitmentForm.initial_of(row),
    )  # fmt: skip
    if form.is_valid():
        changes, seen = form.parted(form.cleaned_data)
        try:
            entry = services.edit_commitment(commitment=row, actor=request.user, changes=changes, seen=seen)
        except DomainError as error:
            form.add_error(None, error.message)
            if isinstance(error, StaleEdit):
                form.take_as_seen(error.data)
        else:
            toast(request, _("The commitment is saved."), undo=entry)
            return done(request, _url(row))
    return _part(request, form, _("Change the commitment"), _("Save"), _url(row))


@requires(Action.LOG)
def commitment_settle(request: StaffRequest, uid: UUID) -> HttpResponse:
    """How it ended, with what shows it."""
    row = _commitment(request, uid, Action.LOG)
    form = SettleForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            entry = services.settle(commitment=row, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("Settled. Somebody else verifies it now."), undo=entry)
            return done(request, _url(row))
    hint = _("Say what shows it. Somebody else looks at it and verifies.")
    return _part(request, form, _("How did it end?"), _("Settle it"), _url(row), hint)


@requires(Action.LOG)
@require_POST
def commitment_reopen(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    entry = services.reopen(commitment=row, actor=request.user)
    toast(request, _("The commitment is open again."), undo=entry)
    return done(request, _url(row))


@requires(Action.LOG)
@require_POST
def commitment_verify(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    entry = services.verify(commitment=row, actor=request.user)
    toast(request, _("Verified."), undo=entry)
    return done(request, _url(row))


@requires(Action.LOG)
def commitment_word(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What somebody heard of it."""
    row = _commitment(request, uid, Action.LOG)
    form = WordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values = dict(form.cleaned_data)
        services.note_word(commitment=row, actor=request.user, form_key=values.pop("key"), **values)
        toast(request, _("Noted: it was heard of today."))
        return done(request, _url(row))
    return _part(request, form, _("What did you hear of it?"), _("Note it"), _url(row))


# --- milestones -----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def milestone_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    form = MilestoneForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.add_milestone(commitment=row, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("The milestone is added."))
            return done(request, _url(row))
    return _part(request, form, _("New milestone"), _("Add the milestone"), _url(row))


def _milestone(request: StaffRequest, uid: UUID) -> Milestone:
    visible = Commitment.objects.visible_to(request.user)
    milestone = get_object_or_404(
        Milestone.objects.filter(commitment__in=visible).select_related("commitment"), uid=uid
    )
    if not _may(request, milestone.commitment):
        raise NotAllowed(_("You may see this commitment, but your role does not let you change it."))
    return milestone


@requires(Action.LOG)
@require_POST
def milestone_done(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Tick it; with `undone` take the tick away."""
    milestone = _milestone(request, uid)
    on = None if "undone" in request.POST else timezone.localdate()
    entry = services.set_milestone(milestone=milestone, actor=request.user, done_on=on)
    toast(request, _("Done: %(text)s") % {"text": milestone.text} if on else _("Open again: %(text)s") % {"text": milestone.text}, undo=entry)  # fmt: skip
    return done(request, _url(milestone.commitment))


@requires(Action.LOG)
@require_POST
def milestone_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    milestone = _milestone(request, uid)
    entry = services.remove_milestone(milestone=milestone, actor=request.user)
    toast(request, _("The milestone is gone."), undo=entry)
    return done(request, _url(milestone.commitment))


# --- the institution's link -----------------------------------------------------------------------------------------------
@requires(Action.LOG)
@require_POST
def link_make(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    linking.make_link(commitment=row, actor=request.user)
    toast(request, _("The link is made. Whoever has it can say how the commitment stands; you decide what counts."))
    return done(request, f"{_url(row)}#link")


@requires(Action.LOG)
@require_POST
def link_revoke(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _commitment(request, uid, Action.LOG)
    linking.revoke_link(commitment=row, actor=request.user)
    toast(request, _("The link is over. Whoever opens it is told so."))
    return done(request, f"{_url(row)}#link")


def _update(request: StaffRequest, uid: UUID) -> CommitmentUpdate:
    rows = CommitmentUpdate.objects.visible_to(request.user).select_related("commitment")
    update: CommitmentUpdate = get_object_or_404(rows, uid=uid)
    if not _may(request, update.commitment):
        raise NotAllowed(_("You may see this commitment, but your role does not let you change it."))
    return update


@requires(Action.SEE)
def update_list(request: StaffRequest) -> HttpResponse:
    """What institutions sent and nobody decided about, the oldest first."""
    rows = CommitmentUpdate.objects.visible_to(request.user).waiting()
    shown = rows.select_related("commitment__organization").order_by("received_at", "pk")[:SHOWN]
    context = {"updates": list(shown), "more": max(0, rows.count() - SHOWN), "may_log": request.user.may(Action.LOG)}
    return render(request, "campaigns/commitments/update_list.html", context)


@requires(Action.LOG)
@require_POST
def update_accept(request: StaffRequest, uid: UUID) -> HttpResponse:
    update = _update(request, uid)
    entry = linking.accept_update(update=update, actor=request.user)
    toast(request, _("Accepted.") if entry else _("Somebody decided about it already."))
    return done(request, back_or(request, reverse("update_list")))


@requires(Action.LOG)
def update_decline(request: StaffRequest, uid: UUID) -> HttpResponse:
    update = _update(request, uid)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        entry = linking.decline_update(update=update, actor=request.user, reason=form.cleaned_data["reason"])
        toast(request, _("Left aside, with the reason.") if entry else _("Somebody decided about it already."))
        return done(request, reverse("update_list"))
    return _part(request, form, _("Leave it aside"), _("Leave it aside"), reverse("update_list"))
