"""Delegations for staff: the table of an event, how it is composed, one delegation, and who names for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.delegations import composing, letters, naming, nominators
from campaigns.delegations.board import lines_of, shares_of
from campaigns.delegations.forms import CompositionForm, DelegationForm, FindForm, NamedForm, NominatorForm
from campaigns.delegations.links import nominate_url
from campaigns.delegations.lists import DelegationFilters
from campaigns.delegations.models import Composition, Delegation, DelegationMail, Nomination, Nominator, Step
from campaigns.delegations.presets import PRESETS
from campaigns.events.models import Event
from campaigns.events.tabs import tabs_of
from campaigns.events.telling import when_of
from campaigns.planning.forms import refused
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui import formats
from crm.ui.counting import counts
from crm.ui.public import LANGUAGES
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast


@requires(Action.SEE)
def delegation_list(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Countries × constituencies: complete or not at a glance."""
    event = find_event(request, uid)
    composition = Composition.objects.filter(event=event).select_related("sender", "officer").first()
    seen = Delegation.objects.visible_to(request.user).filter(event=event).taking_part()
    names = Nomination.objects.visible_to(request.user).filter(delegation__in=seen)
    late = (
        Step.objects.visible_to(request.user)
        .filter(nomination__delegation__in=seen, nomination__state="accepted")
        .late()
    )
    table = build("delegations", request, event=str(uid))
    unasked = Nominator.objects.visible_to(request.user).filter(delegation__in=seen, asked_at=None).live()
    n_waiting, n_late, n_to_ask = counts([[names.proposed()], [late], [unasked]])
    shares, tally = shares_of(names.accepted()), seen.tally()
    context: dict[str, Any] = {
        "event": event, "composition": composition, "when": when_of(event), "tabs": tabs_of(event, "delegation_list", request.user), "parts": parts_of(event, "delegation_list"),
        "count": tally["all"], "gaps": tally["gaps"], "waiting": n_waiting,
        "accepted": shares.all, "shares": shares, "late": n_late,
        "to_ask": n_to_ask,
        "to_remind": len(to_remind(request, event)), "problems": _problems(event),
        "may_plan": may_plan(request, event), "paper_languages": LANGUAGES.items(),
    }  # fmt: skip
    return list_page(
        request, "campaigns/delegations/delegation_list.html", table=table, filters=table.filters, **context
    )


def parts_of(event: Event, current: str) -> list[dict[str, Any]]:
    """The lists behind the table."""
    parts = [
        (_("Delegations"), "delegation_list"),
        (_("Who was named"), "nomination_list"),
        (_("Steps"), "delegate_step_list"),
    ]
    return [
        {"label": label, "url": reverse(name, args=[event.uid]), "current": name == current} for label, name in parts
    ]


def to_remind(request: StaffRequest, event: Event) -> list[Nominator]:
    """Who was asked, can still answer, and has a seat without a name."""
    rows = (
        Nominator.objects.visible_to(request.user)
        .filter(delegation__event=event, asked_at__isnull=False)
        .live()
        .to_fill()
    )
    rows = rows.select_related(
        "delegation__event__composition", "delegation__country", "delegation__organization", "organization"
    )
    return [row for row in rows if row.delegation.takes_names()]


def _problems(event: Event) -> list[DelegationMail]:
    rows = DelegationMail.objects.filter(nominator__delegation__event=event).exclude(problem="")
    return list(
        rows.select_related("nominator__organization", "nominator__delegation__country").order_by("-due_at")[:5]
    )


@requires(Action.DRIVES)
def delegation_setup(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What all delegations are made of, in one form. `?preset=` fills the seats in."""
    event = editable(request, uid)
    composition = Composition.objects.filter(event=event).select_related("sender", "officer").first()
    form = CompositionForm(
        request.POST if request.method == "POST" else None, user=request.user, event=event, composition=composition,
        preset=request.GET.get("preset", ""),
    )  # fmt: skip
    back = reverse("delegation_list", args=[uid])
    if form.is_valid():
        try:
            entry = composing.set_composition(event=event, actor=request.user, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(
                request,
                _("Saved. Each delegation has these seats, unless it has some of its own."),
                undo=entry if composition else None,
            )
            return done(request, back)
    context = {
        "event": event,
        "composition": composition,
        "back": back,
        "presets": [(name, one.label) for name, one in PRESETS.items()],
    }
    return form_page(request, "campaigns/delegations/setup_form.html", context, form=form)


# --- asking ---------------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def delegation_find(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Find in the directory who names people for a constituency, in each country."""
    event = editable(request, uid)
    form = FindForm(request.POST if request.method == "POST" else None, event=event)
    back = reverse("delegation_list", args=[uid])
    if form.is_valid():
        found, missing = nominators.find_nominators(event=event, actor=request.user, **form.cleaned_data)
        words = ngettext("%(n)s was found.", "%(n)s were found.", found) % {"n": formats.number(found)}
        if missing:
            words += " " + _("Nobody with an address in: %(names)s.") % {"names": formats.listing(missing[:8])}
        toast(request, words + " " + _("Nothing was sent yet."))
        return done(request, back)
    context = {"event": event, "back": back}
    return form_page(request, "campaigns/delegations/find_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def delegation_ask(request: StaffRequest, uid: UUID, what: str) -> HttpResponse:
    """request: a first letter to everybody who names and was not asked; remind: to those with seats that have no name yet. With ticked
    delegations, to theirs only."""
    event = editable(request, uid)
    chosen = None
    if request.POST.getlist("pick") or request.POST.get("all"):
        mine = Delegation.objects.visible_to(request.user, Action.DRIVES).filter(event=event)
        chosen = selected(request, mine, filters=DelegationFilters)
    n = letters.ask_for(event=event, actor=request.user, delegations=chosen, is_reminder=what == "remind")
    words = ngettext("%(n)s letter is on its way.", "%(n)s letters are on their way.", n) % {"n": formats.number(n)}
    toast(request, words if n else _("Nobody to write to: everybody was asked, or no seat is without a name."))
    return done(request, reverse("delegation_list", args=[uid]))


# --- one delegation -------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def delegation_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    return page_of(request, find_delegation(request, uid))


def page_of(
    request: StaffRequest,
    delegation: Delegation,
    *,
    form: NamedForm | None = None,
    nominator: NominatorForm | None = None,
    status: int = 200,
) -> HttpResponse:
    may = may_change(request, delegation)
    rows = delegation.nominations.select_related(
        "constituency", "named_by__organization", "person", "registration"
    ).prefetch_related("steps__task")
    found = list(rows.order_by("constituency__position", "created_at", "pk"))
    line = lines_of([delegation])[0]
    names = list(
        delegation.nominators.select_related("organization", "constituency", "post", "delegation").order_by("pk")
    )
    context: dict[str, Any] = {
        "delegation": delegation, "event": delegation.event, "line": line, "sides": line.sides.values(), "shares": line.shares,
        "live": [row for row in found if row.is_live or row.state == "returned"], "over": [row for row in found if not row.is_live and row.state != "returned"],
        "nominators": [(row, nominate_url(row) if may and row.revoked_at is None else "") for row in names], "may_plan": may,
        "form": form or (NamedForm(delegation=delegation) if may else None), "nominator_form": nominator or (NominatorForm(user=request.user, delegation=delegation) if may else None),
        "takes_names": delegation.takes_names(), "own": [one for one in delegation.seats.select_related("constituency") if one.is_own],
    }  # fmt: skip
    return render(request, "campaigns/delegations/delegation_detail.html", context, status=status)


@requires(Action.DRIVES)
def delegation_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    delegation = changeable(request, uid)
    form = DelegationForm(request.POST if request.method == "POST" else None, delegation=delegation)
    back = reverse("delegation_detail", args=[uid])
    if form.is_valid():
        data = form.cleaned_data
        try:
            entry = composing.edit_delegation(
                delegation=delegation, actor=request.user, seats=form.seats(), nominate_by=data["nominate_by"], language=data["language"], note=data["note"]
            )  # fmt: skip
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": delegation.label}, undo=entry)
            return done(request, back)
    context = {"delegation": delegation, "event": delegation.event, "back": back}
    return form_page(request, "campaigns/delegations/delegation_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def delegation_name(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Staff name somebody, as they were told on the phone or in a letter."""
    delegation = changeable(request, uid)
    form = NamedForm(request.POST, delegation=delegation)
    if form.is_valid():
        constituency, role = form.chosen()
        try:
            row = naming.nominate(
                delegation=delegation, constituency=constituency, role=role, who=form.who(), actor=request.user
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("%(name)s is named. Look at them, and accept.") % {"name": row.name})
            return done(request, reverse("nomination_detail", args=[row.uid]))
    return page_of(request, delegation, form=form, status=422)


@requires(Action.DRIVES)
@require_POST
def nominator_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    delegation = changeable(request, uid)
    form = NominatorForm(request.POST, user=request.user, delegation=delegation)
    if form.is_valid():
        try:
            row = nominators.add_nominator(delegation=delegation, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(
                request,
                _("%(name)s names people from now on. Send the request when you are ready.") % {"name": row.label},
            )
            return done(request, reverse("delegation_detail", args=[uid]))
    return page_of(request, delegation, nominator=form, status=422)


@requires(Action.DRIVES)
@require_POST
def nominator_act(request: StaffRequest, uid: UUID, do: str) -> HttpResponse:
    """ask, remind, revoke its link, renew it."""
    rows = Nominator.objects.visible_to(request.user).select_related(
        "delegation__event__composition", "delegation__country", "organization"
    )
    row = get_object_or_404(rows, uid=uid)
    if not Nominator.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    entry, words = None, _("Saved.")
    if do in ("ask", "remind"):
        sent = letters.ask([row], actor=request.user, is_reminder=do == "remind")
        words = (
            _("A letter to %(name)s is on its way.") % {"name": row.label}
            if sent
            else _("No letter went: one is on its way already, or the last day is over.")
        )
    elif do == "revoke":
        entry, words = (
            nominators.revoke_link(nominator=row, actor=request.user),
            _("The link of %(name)s opens nothing any more.") % {"name": row.label},
        )
    elif do == "renew":
        nominators.renew_link(nominator=row, actor=request.user)
        words = _("%(name)s has a new link. Those before open nothing.") % {"name": row.label}
    toast(request, words, undo=entry)
    return done(request, reverse("delegation_detail", args=[row.delegation.uid]))


# --- who may ----------------------------------------------------------------------------------------------------------------
def find_event(request: StaffRequest, uid: UUID) -> Event:
    rows = Event.objects.visible_to(request.user).select_related("drive__campaign", "country", "form")
    event: Event = get_object_or_404(rows, uid=uid)
    return event


def may_plan(request: StaffRequest, event: Event) -> bool:
    return (
        event.archived_at is None and Event.objects.visible_to(request.user, Action.DRIVES).filter(pk=event.pk).exists()
    )


def editable(request: StaffRequest, uid: UUID) -> Event:
    event = find_event(request, uid)
    if not may_plan(request, event):
        raise NotAllowed(_("You may see this event, but your role does not let you change it."))
    return event


def find_delegation(request: StaffRequest, uid: UUID) -> Delegation:
    rows = Delegation.objects.visible_to(request.user).select_related(
        "event__composition", "event__drive__campaign", "event__country", "country", "organization__constituency"
    )
    return get_object_or_404(rows, uid=uid)


def may_change(request: StaffRequest, delegation: Delegation) -> bool:
    return Delegation.objects.visible_to(request.user, Action.DRIVES).filter(pk=delegation.pk).exists()


def changeable(request: StaffRequest, uid: UUID) -> Delegation:
    delegation = find_delegation(request, uid)
    if not may_change(request, delegation):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return delegation
