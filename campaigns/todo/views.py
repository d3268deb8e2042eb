"""Tasks: the list, one to give or change, and the buttons done, later, drop; who is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.outreach.tabs import outreach_tabs
from campaigns.todo import absences, services
from campaigns.todo.forms import AbsenceForm, TaskForm
from campaigns.todo.lists import SOURCE, TABS
from campaigns.todo.models import Absence, Task
from contacts.directory.views.access import back_or
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed, StaleEdit
from crm.ui import formats
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.toasts import toast

LATER = {"1": 1, "3": 3, "7": 7, "30": 30}  # days


@requires(Action.SEE)
@require_safe
def task_list(request: StaffRequest) -> HttpResponseBase:
    table = build(SOURCE, request)
    tab = request.GET.get("tab", "")
    return list_page(
        request,
        "campaigns/todo/task_list.html",
        table=table,
        filters=table.filters,
        tabs=outreach_tabs(request.user, "task_list"),
        kinds=_kinds(tab if tab in TABS else "mine"),
        away=list(Absence.objects.on(timezone.localdate()).select_related("user", "deputy").order_by("ends_on")),
        may_give=request.user.may(Action.LOG),
        later=later_choices(),
    )


def _kinds(current: str) -> list[dict[str, Any]]:
    labels = {"mine": (_("Mine"), "user"), "all": (_("Everybody’s"), "users"), "done": (_("Done"), "circle-check")}
    own = reverse("task_list")
    return [
        {
            "label": label,
            "icon": icon,
            "url": own if name == "mine" else f"{own}?tab={name}",
            "current": name == current,
        }
        for name, (label, icon) in labels.items()
    ]


def later_choices() -> list[tuple[str, str]]:
    return [("1", _("Tomorrow")), ("3", _("In three days")), ("7", _("In a week")), ("30", _("In a month"))]


# --- one task -----------------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def task_create(request: StaffRequest) -> HttpResponse:
    """`?organization=<uid>` or `?person=<uid>` says what it is about."""
    form = TaskForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method != "POST":
        form.prefill([f"{kind}:{request.GET[kind]}" for kind in ("organization", "person") if kind in request.GET])
    elif form.is_valid():
        try:
            task = services.add_task(actor=request.user, **form.values())
        except DomainError as error:
            _refused(form, error)
        else:
            toast(
                request,
                _("Task for %(who)s, by %(day)s.") % {"who": task.assignee.name, "day": formats.day(task.due_on)},
            )
            return done(request, back_or(request, reverse("task_list")))
    context = {"base": base_template(request), "title": _("New task"), "back": reverse("task_list")}
    return form_page(request, "campaigns/todo/task_form.html", context, form=form)


def _refused(form: Any, error: DomainError) -> None:
    if isinstance(error, NotAllowed):
        raise error
    if isinstance(error, StaleEdit):
        form.take_as_seen(error.data["field"], error.data["current"])
    form.add_error(error.code if error.code in form.fields else None, error.message)


def _changeable(request: StaffRequest, uid: UUID) -> Task:
    rows = Task.objects.visible_to(request.user).select_related("assignee", "person", "organization")
    task: Task = get_object_or_404(rows, uid=uid)
    if not services.may_change(task, request.user):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return task


@requires(Action.LOG)
def task_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    task = _changeable(request, uid)
    form = TaskForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=TaskForm.initial_of(task)
    )
    if request.method != "POST":
        about = [f"person:{task.person.uid}"] if task.person else []
        form.prefill([*about, *([f"organization:{task.organization.uid}"] if task.organization else [])])
    elif form.is_valid():
        try:
            entry = services.edit_task(task=task, actor=request.user, seen=form.seen_values(), **form.values())
        except DomainError as error:
            _refused(form, error)
        else:
            if entry:
                toast(request, _("Saved."), undo=entry)
            return done(request, back_or(request, reverse("task_list")))
    context = {
        "base": base_template(request),
        "title": _("Change the task"),
        "back": reverse("task_list"),
        "task": task,
    }
    return form_page(request, "campaigns/todo/task_form.html", context, form=form)


@requires(Action.LOG)
@require_POST
def task_done(request: StaffRequest, uid: UUID) -> HttpResponse:
    task = _changeable(request, uid)
    entry = services.complete_task(task=task, actor=request.user)
    toast(request, _("Done: %(title)s") % {"title": task.title[:80]}, undo=entry)
    return done(request, back_or(request, reverse("task_list")))


@requires(Action.LOG)
@require_POST
def task_postpone(request: StaffRequest, uid: UUID) -> HttpResponse:
    """`days` from today, or one `until`."""
    task = _changeable(request, uid)
    until = timezone.localdate() + timedelta(days=LATER.get(request.POST.get("days", ""), 1))
    entry = services.postpone_task(task=task, actor=request.user, until=until)
    toast(request, _("Put off to %(day)s.") % {"day": formats.day(until)}, undo=entry)
    return done(request, back_or(request, reverse("task_list")))


@requires(Action.LOG)
@require_POST
def task_drop(request: StaffRequest, uid: UUID) -> HttpResponse:
    task = _changeable(request, uid)
    entry = services.drop_task(task=task, actor=request.user)
    toast(request, _("Dropped: it is not to be done any more."), undo=entry)
    return done(request, back_or(request, reverse("task_list")))


# --- away ---------------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def absence_list(request: StaffRequest) -> HttpResponse:
    today = timezone.localdate()
    rows = (
        Absence.objects.visible_to(request.user)
        .standing()
        .filter(ends_on__gte=today)
        .select_related("user", "deputy")
        .order_by("starts_on", "pk")
    )
    absent = [
        {"row": row, "may_set": absences.may_set(request.user, row.user), "is_now": row.starts_on <= today}
        for row in rows
    ]
    context = {
        "absent": absent,
        "tabs": outreach_tabs(request.user, "absence_list"),
        "may_add": request.user.may(Action.SEE),
    }
    return render(request, "campaigns/todo/absence_list.html", context)


@requires(Action.SEE)
def absence_create(request: StaffRequest) -> HttpResponse:
    form = AbsenceForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        try:
            absence = absences.add_absence(actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            said = _("%(deputy)s stands in for %(who)s until %(day)s.")
            toast(
                request,
                said % {"deputy": absence.deputy.name, "who": absence.user.name, "day": formats.day(absence.ends_on)},
            )
            return done(request, reverse("absence_list"))
    return form_page(request, "campaigns/todo/absence_form.html", {"base": base_template(request)}, form=form)


@requires(Action.SEE)
@require_POST
def absence_cancel(request: StaffRequest, uid: UUID) -> HttpResponse:
    absence = get_object_or_404(Absence.objects.visible_to(request.user).standing(), uid=uid)
    entry = absences.cancel_absence(absence=absence, actor=request.user)
    toast(request, _("%(who)s is here: the work is theirs again.") % {"who": absence.user.name}, undo=entry)
    return done(request, reverse("absence_list"))
