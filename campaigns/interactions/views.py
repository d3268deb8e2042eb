"""The log: one form for all kinds, the page of what was logged, and the choices that its fields fetch."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.guard.queries import Conflict, conflicts_of
from campaigns.interactions import mentions, services
from campaigns.interactions.forms import KINDS as CHOICES
from campaigns.interactions.forms import EditForm, LogForm
from campaigns.interactions.lists import SOURCE
from campaigns.interactions.picking import KINDS
from campaigns.interactions.presenting import present
from campaigns.outreach.models import Interaction
from campaigns.outreach.tabs import outreach_tabs
from contacts.directory.views.access import back_or
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.toasts import toast


@requires(Action.SEE)
@require_safe
def interaction_list(request: StaffRequest) -> HttpResponseBase:
    table = build(SOURCE, request)
    return list_page(
        request,
        "campaigns/interactions/interaction_list.html",
        table=table,
        filters=table.filters,
        tabs=outreach_tabs(request.user, "interaction_list"),
    )


# --- log ----------------------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def log(request: StaffRequest) -> HttpResponse:
    """`?organization=<uid>`, `?person=<uid>`, `?kind=call` say what is known already."""
    form = LogForm(request.POST if request.method == "POST" else None, user=request.user, initial=_given(request))
    conflicts: dict[int, list[Conflict]] = {}
    is_guarded = bool(request.POST.get("override_reason"))
    if request.method != "POST":
        given = form.prefill([f"{kind}:{uid}" for kind in KINDS for uid in request.GET.getlist(kind)])
        conflicts = conflicts_of([row.pk for row in given.organizations], now=timezone.now(), user=request.user)
    elif form.is_valid():
        data = form.cleaned_data
        try:
            logged = services.log_interaction(
                actor=request.user,
                at=data["at"],
                form_key=data["form_key"],
                next_step=data["next_step"],
                next_on=data["next_on"],
                override_reason=data["override_reason"],
                **form.happened(),
            )
        except DomainError as error:
            is_guarded = isinstance(error, services.Guarded)
            _refused(form, error)
        else:
            toast(request, _said(logged, data["next_step"]), undo=logged.entry)
            return done(request, back_or(request, reverse("interaction_detail", args=[logged.interaction.uid])))
    return form_page(
        request,
        "campaigns/interactions/log_form.html",
        {
            "base": base_template(request),
            "is_new": True,
            "conflicts": [each for rows in conflicts.values() for each in rows],
            "is_guarded": is_guarded,
        },
        form=form,
    )


def _given(request: StaffRequest) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    return {"kind": kind, "is_two_way": kind not in {"letter", "message"}} if kind in dict(CHOICES) else {}


def _said(logged: services.Logged, next_step: str) -> str:
    if not logged.is_new:
        return _("This was logged already, once.")
    return _("Logged, with its next step.") if next_step else _("Logged.")


def _refused(form: Any, error: DomainError) -> None:
    if isinstance(error, NotAllowed):
        raise error
    if isinstance(error, StaleEdit):
        form.take_as_seen(error.data["field"], error.data["current"])
    form.add_error(
        {"nobody": "parties", "ahead": "at", "too_long": "text", "guarded": "override_reason"}.get(error.code),
        error.message,
    )


# --- one that was logged ------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def interaction_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = get_object_or_404(_rows(request).select_related("logged_by"), uid=uid)
    shown = present([row], request.user)[0]
    steps = list(row.next_steps.visible_to(request.user).select_related("assignee").order_by("due_on", "pk"))
    context = {
        "row": row,
        "shown": shown,
        "steps": steps,
        "thread": _thread(request, row),
        "may_change": row.kind != "reply" and request.user.may(Action.LOG) and services.may_change(row, request.user),
    }
    return render(request, "campaigns/interactions/interaction_detail.html", context)


def _thread(request: StaffRequest, row: Interaction) -> list[Any]:
    """What belongs to the same message that we sent: it, and what was answered to it."""
    if row.mailing_id is None or row.seq is None:
        return []
    rows = _rows(request).filter(mailing_id=row.mailing_id, seq=row.seq).exclude(pk=row.pk).select_related("logged_by")
    return present(list(rows.order_by("-at", "-pk")[:20]), request.user)


def _rows(request: StaffRequest) -> Any:
    return Interaction.objects.standing().visible_to(request.user)


def _changeable(request: StaffRequest, uid: UUID) -> Interaction:
    row: Interaction = get_object_or_404(_rows(request).exclude(kind="reply"), uid=uid)
    if not services.may_change(row, request.user):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return row


@requires(Action.LOG)
def interaction_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _changeable(request, uid)
    back = reverse("interaction_detail", args=[row.uid])
    form = EditForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=EditForm.initial_of(row)
    )
    if request.method != "POST":
        people, organizations = services.parties_of(row)
        form.prefill([f"person:{p.uid}" for p in people] + [f"organization:{o.uid}" for o in organizations])
        area: Any = form.fields["text"].widget
        area.claimed = [f"{m['kind']}:{m['uid']}|{m['label']}" for m in row.mentions]
    elif form.is_valid():
        try:
            entry = services.edit_interaction(
                interaction=row,
                actor=request.user,
                seen=form.seen_values(),
                at=form.cleaned_data["at"] or row.at,
                **form.happened(),
            )
        except DomainError as error:
            _refused(form, error)
        else:
            if entry:
                toast(request, _("Saved."), undo=entry)
            return done(request, back)
    return form_page(
        request, "campaigns/interactions/log_form.html", {"base": base_template(request), "back": back}, form=form
    )


@requires(Action.LOG)
@require_POST
def interaction_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _changeable(request, uid)
    entry = services.remove_interaction(interaction=row, actor=request.user)
    toast(request, _("Taken away: it counts nowhere any more."), undo=entry)
    return done(request, reverse("interaction_list"))


# --- choices ------------------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
@require_safe
def party_options(request: StaffRequest) -> HttpResponse:
    """People and institutions that fit the words, to be ticked."""
    name = request.GET.get("name", "")[:40]
    words = request.GET.get(f"{name}_q", "").replace("\x00", "").strip()[:200]
    found = mentions.find(request.user, words, kinds=KINDS, limit=4) if words else []
    return render(
        request, "campaigns/interactions/widgets/_options.html", {"options": found, "name": name, "words": words}
    )


@requires(Action.LOG)
@require_safe
def mention_options(request: StaffRequest) -> HttpResponse:
    """What the words behind an @ may mean."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:80]
    found = mentions.find(request.user, words, limit=5) if words else []
    return render(request, "campaigns/interactions/widgets/_mentions.html", {"options": found})
