"""The plan of a drive (objectives and team), and one activity: its page, its form, its days, its state."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.activities import goals, services
from campaigns.activities.board import decorate
from campaigns.activities.forms import (
    ActivityForm,
    AfterForm,
    DatesForm,
    MemberForm,
    ObjectiveForm,
    StateForm,
    moves_of,
)
from campaigns.activities.leftovers import leftovers_of
from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.activities.reaching import (
    find_activity,
    find_drive,
    find_row,
    may_change,
    may_plan,
    page,
    require_change,
)
from campaigns.activities.services import OrderBroken
from campaigns.activities.states import OPEN, Kind, State
from campaigns.events.models import Event
from campaigns.planning.forms import refused
from campaigns.planning.models import Drive
from campaigns.rounds.models import CallRound
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid
from crm.ui.responses import done, done_here, form_page
from crm.ui.toasts import toast

NEXT_SHOWN = 6
MOVED: dict[str, Any] = {"plan-moved": {}}  # boards and calendars fetch themselves again


# --- the plan ---------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_plan(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What the drive is to reach by when, who is on it, and what comes next."""
    drive = find_drive(request, uid)
    live = Activity.objects.visible_to(request.user).filter(drive=drive, archived_at=None)
    coming = live.open().with_waits().select_related("owner", "country").order_by("due_on", "pk")
    today = timezone.localdate()
    context = page(
        drive,
        "drive_plan",
        objectives=list(Objective.objects.live().filter(drive=drive).order_by("due_on", "pk")),
        team=list(TeamMember.objects.live().filter(drive=drive).select_related("user").order_by("user__name", "pk")),
        coming=decorate(coming[:NEXT_SHOWN], today),
        counts={
            "all": live.count(),
            "done": live.filter(state=State.DONE).count(),
            "open": live.open().count(),
            "overdue": live.overdue(today).count(),
        },
        today=today,
        leftovers=len(leftovers_of(drive)),
        may_plan=may_plan(request, drive),
    )
    return render(request, "campaigns/activities/plan.html", context)


@requires(Action.DRIVES)
def objective_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = find_drive(request, uid)
    require_change(request, drive)
    form = ObjectiveForm(request.POST if request.method == "POST" else None, initial={"due_on": drive.ends_on})
    if form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "seen_at"}
        try:
            objective = goals.create_objective(actor=request.user, drive=drive, **values)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s added.") % {"name": objective.name})
            return done(request, _plan(drive))
    return _objective_form(request, form, drive, _("New objective"))


@requires(Action.DRIVES)
def objective_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    objective = find_row(request, Objective, uid)
    require_change(request, objective)
    form = ObjectiveForm(
        request.POST if request.method == "POST" else None, initial=ObjectiveForm.initial_of(objective)
    )
    if form.is_valid():
        try:
            entry = goals.edit_objective(objective=objective, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": form.cleaned_data["name"]}, undo=entry)
            return done(request, _plan(objective.drive))
    return _objective_form(request, form, objective.drive, objective.name)


def _objective_form(request: StaffRequest, form: ObjectiveForm, drive: Drive, title: str) -> HttpResponse:
    context = {"title": title, "drive": drive, "back": _plan(drive)}
    return form_page(request, "campaigns/activities/objective_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def objective_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    objective = find_row(request, Objective, uid)
    require_change(request, objective)
    entry = goals.archive_objective(objective=objective, actor=request.user)
    toast(request, _("%(name)s is taken out.") % {"name": objective.name}, undo=entry)
    return done(request, _plan(objective.drive))


@requires(Action.DRIVES)
def member_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = find_drive(request, uid)
    require_change(request, drive)
    form = MemberForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            member = goals.add_member(actor=request.user, drive=drive, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("%(name)s is on the team.") % {"name": member.user.name})
            return done(request, f"{_plan(drive)}#team")
    context = {"title": _("Add to the team"), "drive": drive, "back": _plan(drive)}
    return form_page(request, "campaigns/activities/simple_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def member_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    member = find_row(request, TeamMember, uid)
    require_change(request, member)
    entry = goals.remove_member(member=member, actor=request.user)
    toast(request, _("%(name)s is no longer on the team.") % {"name": member.user.name}, undo=entry)
    return done(request, f"{_plan(member.drive)}#team")


def _plan(drive: Drive) -> str:
    return reverse("drive_plan", args=[drive.uid])


# --- one activity -----------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_activity(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What it is, what it waits for, what waits for it. A page, and a dialog over board and calendar."""
    activity = find_activity(request, uid)
    seen = Activity.objects.visible_to(request.user).filter(archived_at=None)
    today = timezone.localdate()
    may = may_change(request, activity)
    is_own = activity.owner_id == request.user.pk and request.user.may(Action.LOG)
    context = {
        "drive": activity.drive,
        "activity": decorate(Activity.objects.with_waits().filter(pk=activity.pk).select_related("owner", "country", "mailing", "call_round", "event"), today)[0],
        "before": decorate(seen.filter(followed_by__after=activity).with_waits().order_by("due_on", "pk"), today),
        "after": decorate(seen.filter(depends_on__before=activity).with_waits().order_by("starts_on", "pk"), today),
        "may_change": may and not activity.archived_at,
        "sees_round": bool(activity.call_round and CallRound.objects.visible_to(request.user).filter(pk=activity.call_round.pk).exists()),
        "may_begin_round": activity.kind == Kind.CALL_ROUND and not activity.call_round and not activity.archived_at and activity.state in OPEN
        and (may or is_own) and request.user.may(Action.LOG),
        "sees_event": bool(activity.event and Event.objects.visible_to(request.user).filter(pk=activity.event.pk).exists()),
        "may_plan_event": activity.kind in {Kind.MEETING, Kind.EVENT} and not activity.event and not activity.archived_at and activity.state in OPEN and may,
        "moves": moves_of(activity) if (may or is_own) and not activity.archived_at else [],
    }  # fmt: skip
    return render(request, "campaigns/activities/activity.html", context)


@requires(Action.DRIVES)
def activity_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A new one; `?on=` and `?state=` say where on the calendar or board it was begun."""
    drive = find_drive(request, uid)
    require_change(request, drive)
    day = _day(request.GET.get("on", "")) or max(timezone.localdate(), drive.starts_on)
    initial = {"owner": request.user.uid, "starts_on": day, "due_on": day, "kind": "other"}
    data = request.POST if request.method == "POST" else None
    form = ActivityForm(data, user=request.user, drive=drive, initial=initial)
    if form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "seen_at"}
        try:
            activity = services.create_activity(actor=request.user, drive=drive, order=form.order, **values)
        except OrderBroken as broken:
            form.ask(broken)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is planned.") % {"name": activity.name})
            return done_here(request, _activity(activity), events=MOVED)
    return _activity_form(request, form, drive, _("New activity"), reverse("drive_board", args=[drive.uid]))


@requires(Action.DRIVES)
def activity_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    activity = find_activity(request, uid)
    require_change(request, activity)
    data = request.POST if request.method == "POST" else None
    initial = ActivityForm.initial_of(activity)
    form = ActivityForm(data, user=request.user, drive=activity.drive, activity=activity, initial=initial)
    if form.is_valid():
        try:
            entry = services.edit_activity(activity=activity, actor=request.user, order=form.order, **form.cleaned_data)
        except OrderBroken as broken:
            form.ask(broken)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": form.cleaned_data["name"]}, undo=entry)
            return done_here(request, _activity(activity), events=MOVED)
    return _activity_form(request, form, activity.drive, activity.label, _activity(activity))


def _activity_form(request: StaffRequest, form: ActivityForm, drive: Drive, title: str, back: str) -> HttpResponse:
    context = {"title": title, "drive": drive, "back": back}
    return form_page(request, "campaigns/activities/activity_form.html", context, form=form)


@requires(Action.DRIVES)
def activity_days(request: StaffRequest, uid: UUID) -> HttpResponse:
    """To other days, by the form or by dragging. When others would have to move, it asks: a dialog over the calendar."""
    activity = find_activity(request, uid)
    require_change(request, activity)
    initial = {name: _day(request.GET.get(name, "")) or getattr(activity, name) for name in ("starts_on", "due_on")}
    form = DatesForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        days = {name: form.cleaned_data[name] for name in ("starts_on", "due_on")}
        try:
            entry = services.move_days(activity=activity, actor=request.user, order=form.order, **days)
        except OrderBroken as broken:
            if "drag" in request.POST:
                return _ask(request, activity, days)
            form.ask(broken)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s was moved.") % {"name": activity.label}, undo=entry)
            return done_here(request, _activity(activity), events=MOVED)
    elif form.is_bound and "drag" in request.POST:
        raise Invalid(_("These days cannot be read. Nothing was moved."))
    foreseen = None
    if not form.is_bound and initial["due_on"] >= initial["starts_on"]:
        foreseen = services.foresee(activity, (initial["starts_on"], initial["due_on"]))
    context = {
        "title": _("Move: %(name)s") % {"name": activity.label},
        "activity": activity,
        "broken": form.broken or foreseen,
        "back": _activity(activity),
    }
    return form_page(request, "campaigns/activities/days_form.html", context, form=form)


@requires(Action.DRIVES)
def activity_after(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One more that it waits for: by the form, or dragged onto it in the calendar."""
    activity = find_activity(request, uid)
    require_change(request, activity)
    data = request.POST if request.method == "POST" else None
    form = AfterForm(data, user=request.user, activity=activity, initial={"before": request.GET.get("before", "")})
    is_drag = "drag" in request.POST
    if form.is_valid():
        before = form.cleaned_data["before"]
        try:
            entry = services.wait_for(activity=activity, before=before, actor=request.user, order=form.order)
        except OrderBroken as broken:
            if is_drag:
                return _ask(request, activity, {"before": before.uid}, route="activity_after")
            form.ask(broken)
        except DomainError as error:
            if is_drag:
                raise
            refused(form, error)
        else:
            words = _("“%(name)s” waits for “%(before)s”.") % {"name": activity.label, "before": before.label}
            toast(request, words, undo=entry)
            return done_here(request, _activity(activity), events=MOVED)
    elif form.is_bound and is_drag:
        raise Invalid(_("It waits for that one already, or cannot. Nothing was changed."))
    context = {
        "title": _("What does “%(name)s” wait for?") % {"name": activity.label},
        "activity": activity,
        "broken": form.broken,
        "back": _activity(activity),
    }
    return form_page(request, "campaigns/activities/after_form.html", context, form=form)


def _ask(
    request: StaffRequest, activity: Activity, values: dict[str, Any], *, route: str = "activity_days"
) -> HttpResponse:
    """The dialog that puts the choice, over the page on which it was dragged."""
    url = f"{reverse(route, args=[activity.uid])}?{urlencode(values)}"
    if not getattr(request, "htmx", False):
        return done(request, url)
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"openModal": {"url": url}})})


@requires(Action.DRIVES, Action.LOG)
@require_POST
def activity_state(request: StaffRequest, uid: UUID) -> HttpResponse:
    activity = find_activity(request, uid)
    form = StateForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("There is no such state. Nothing was changed."))
    to = State(form.cleaned_data["state"])
    entry = services.move_state(activity=activity, actor=request.user, to=to)
    if entry is not None:
        toast(request, _("%(name)s: %(state)s.") % {"name": activity.label, "state": to.label}, undo=entry)
    back = reverse("drive_board", args=[activity.drive.uid]) if "board" in request.POST else _activity(activity)
    return done_here(request, back, events=MOVED)


@requires(Action.DRIVES)
@require_POST
def activity_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    activity = find_activity(request, uid)
    require_change(request, activity)
    entry = services.archive_activity(activity=activity, actor=request.user)
    toast(request, _("%(name)s is taken out of the plan.") % {"name": activity.label}, undo=entry)
    return done(request, reverse("drive_board", args=[activity.drive.uid]))


def _activity(activity: Activity) -> str:
    return reverse("drive_activity", args=[activity.uid])


def _day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None
