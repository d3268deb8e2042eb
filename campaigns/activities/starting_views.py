"""Templates to begin a drive from, copies for other countries, and what their texts still say of the old ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.activities import starting
from campaigns.activities.blueprints import BLUEPRINTS, Blueprint
from campaigns.activities.leftovers import keep, leftovers_of, proposed_start
from campaigns.activities.reaching import find_drive, may_plan, page, require_change
from campaigns.activities.starting_forms import BeginForm, CopyForm
from campaigns.planning.forms import refused
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.audit.models import AuditEntry
from crm.errors import DomainError
from crm.ui import formats
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


@requires(Action.DRIVES)
def template_list(request: StaffRequest) -> HttpResponse:
    """What a drive can begin from, with its steps. `?drive=` goes on with that one instead of a new one."""
    drive = None
    if asked := request.GET.get("drive", ""):
        try:
            drive = find_drive(request, UUID(asked))
        except ValueError as error:
            raise Http404 from error
    context = {"blueprints": BLUEPRINTS.values(), "drive": drive}
    return render(request, "campaigns/activities/template_list.html", context)


@requires(Action.DRIVES)
def plan_begin(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Put a template into a drive: from which day, and who does whose work. Without one: choose it first."""
    drive = find_drive(request, uid)
    require_change(request, drive)
    blueprint = BLUEPRINTS.get(request.GET.get("template", ""))
    if blueprint is None:
        return done(request, f"{reverse('template_list')}?drive={drive.uid}")
    initial = {"starts_on": max(drive.starts_on, timezone.localdate())}
    data = request.POST if request.method == "POST" else None
    form = BeginForm(data, drive=drive, roles=starting.roles_of(blueprint), initial=initial)
    back = reverse("drive_plan", args=[drive.uid])
    if form.is_valid():
        try:
            _begin(request, form, drive, blueprint)
        except DomainError as error:
            refused(form, error)
        else:
            return done(request, back)
    title = _("Begin from: %(name)s") % {"name": blueprint.label}
    context = {"title": title, "drive": drive, "back": back, "blueprint": blueprint}
    return form_page(request, "campaigns/activities/begin_form.html", context, form=form)


def _begin(request: StaffRequest, form: BeginForm, drive: Any, blueprint: Blueprint) -> None:
    day, owners = form.cleaned_data["starts_on"], form.owners
    entry = starting.begin_from(actor=request.user, drive=drive, blueprint=blueprint, starts_on=day, owners=owners)
    count = entry.changes.filter(object_type="activity").count()
    words = ngettext("%(n)s activity is planned.", "%(n)s activities are planned.", count)
    toast(request, words % {"n": formats.number(count)}, undo=entry)


@requires(Action.DRIVES)
def drive_copy(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The same drive in other countries; then to what its texts still say of the old ones."""
    source = find_drive(request, uid)
    require_change(request, source)
    name = _("%(name)s (copy)") % {"name": source.name}
    initial = {"name": name, "starts_on": proposed_start(source, timezone.localdate())}
    data: Any = request.POST if request.method == "POST" else None
    form = CopyForm(data, user=request.user, source=source, initial=initial)
    if form.is_valid():
        values = {key: form.cleaned_data[key] for key in ("name", "starts_on", "pattern")}
        countries = list(form.cleaned_data["countries"])
        try:
            drive = starting.copy_drive(actor=request.user, source=source, countries=countries, **values)
        except DomainError as error:
            refused(form, error)
        else:
            made = AuditEntry.objects.filter(object_uid=drive.uid, verb="drive.created").first()
            toast(request, _("%(name)s is planned.") % {"name": drive.name}, undo=made)
            return done(request, reverse("drive_leftovers", args=[drive.uid]))
    context = {
        "title": _("Copy to other countries"),
        "drive": source,
        "back": reverse("drive_plan", args=[source.uid]),
    }
    return form_page(request, "campaigns/activities/copy_form.html", context, form=form)


@requires(Action.SEE)
def drive_leftovers(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Names of the old countries, dates and links in a copy's texts, each with the way to mend it."""
    drive = find_drive(request, uid)
    context = page(drive, "drive_plan", leftovers=leftovers_of(drive), may_plan=may_plan(request, drive))
    return render(request, "campaigns/activities/leftovers.html", context)


@requires(Action.DRIVES)
@require_POST
def leftover_keep(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = find_drive(request, uid)
    require_change(request, drive)
    entry = keep(drive=drive, actor=request.user, key=request.POST.get("key", "")[:32])
    toast(request, _("It stays as it is."), undo=entry)
    return done(request, reverse("drive_leftovers", args=[drive.uid]))
