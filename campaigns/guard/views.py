"""The guard of an institution, its quiet dates, and whom the guards hold back from a mailing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.guard import services
from campaigns.guard.forms import GuardForm, HoldForm, OverrideForm, OwnerForm, QuietForm
from campaigns.guard.mailings import Held, held_back, overridden
from campaigns.guard.models import ContactGuard, QuietDates
from campaigns.mailings.models import Mailing
from campaigns.todo.forms import officers
from contacts.directory.bulk_jobs import chosen, outcome
from contacts.directory.models import Organization
from contacts.directory.views.access import editable, page_url
from contacts.directory.views.bulk import selection_of, way_back
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui import formats
from crm.ui.responses import done, form_page
from crm.ui.shell import base_template
from crm.ui.toasts import toast


@requires(Action.EDIT_DIRECTORY)
def guard_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization: Organization = editable(request, Organization.objects, uid)
    guard = ContactGuard.objects.filter(organization=organization).select_related("owner").first()
    form = GuardForm(request.POST if request.method == "POST" else None, initial=GuardForm.initial_of(guard))
    if form.is_valid():
        try:
            entry = services.set_guard(organization=organization, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            if entry:
                toast(request, _("Saved."), undo=entry)
            return done(request, page_url(organization))
    return _form(request, form, organization, _("Who looks after it, and what holds us back"))


@requires(Action.BULK)
@require_POST
def owner_bulk(request: StaffRequest) -> HttpResponse:
    """Who looks after many institutions. Each post carries the selection on: first it asks who, then how many that would be."""
    picked, query = selection_of(request)
    rows = chosen(request.user, "organization", picked=picked, query=query)
    back = way_back(request, reverse("organization_list"))
    form = OwnerForm(request.POST if "owner" in request.POST else None)
    context: dict[str, Any] = {
        "form": form, "back": back, "count": rows.order_by().count(),
        "kept": [("pick", uid) for uid in picked] or [("all", "1"), ("query", query)],
    }  # fmt: skip
    if not form.is_valid():
        return render(request, "campaigns/guard/owner_bulk.html", context, status=422 if form.is_bound else 200)
    owner = form.cleaned_data["owner"]
    if "confirm" not in request.POST:
        same = Q(contact_guard__owner=owner) if owner else Q(contact_guard__owner=None)
        already = rows.filter(same).order_by().count()
        context |= {"owner": owner, "is_asked": True, "already": already, "will": context["count"] - already}
        return render(request, "campaigns/guard/owner_bulk.html", context)
    changed, entry = services.set_owner_of_many(rows=rows, owner=owner, actor=request.user)
    toast(request, outcome(changed) if changed else _("All of them are so already; nothing was changed."), undo=entry)
    return redirect(back)


@requires(Action.EDIT_DIRECTORY)
def quiet_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization: Organization = editable(request, Organization.objects, uid)
    form = QuietForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.add_quiet_dates(organization=organization, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Left alone on these days: mailings skip it, and the log asks for a reason."))
            return done(request, page_url(organization))
    return _form(request, form, organization, _("Quiet dates"))


def _form(request: StaffRequest, form: Any, organization: Organization, title: str) -> HttpResponse:
    context = {
        "base": base_template(request),
        "title": title,
        "organization": organization,
        "back": page_url(organization),
    }
    return form_page(request, "campaigns/guard/guard_form.html", context, form=form)


def _refused(form: Any, error: DomainError) -> None:
    if isinstance(error, NotAllowed):
        raise error
    form.add_error(error.code if error.code in form.fields else None, error.message)


@requires(Action.EDIT_DIRECTORY)
@require_POST
def quiet_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    seen = Organization.objects.visible_to(request.user)
    quiet = get_object_or_404(QuietDates.objects.filter(organization__in=seen).select_related("organization"), uid=uid)
    entry = services.remove_quiet_dates(quiet=quiet, actor=request.user)
    toast(request, _("These quiet dates are gone."), undo=entry)
    return done(request, page_url(quiet.organization))


# --- a mailing ----------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def mailing_guard(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Institutions that the mailing leaves out because of their guards; each can be written to all the same, with a reason."""
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user), uid=uid)
    return render(request, "campaigns/guard/mailing_guard.html", _context(request, mailing))


def _context(request: StaffRequest, mailing: Mailing, form: Any = None, failed: str = "") -> dict[str, Any]:
    may = (
        mailing.state in services.BEFORE_APPROVAL
        and Mailing.objects.visible_to(request.user, Action.WRITE).filter(pk=mailing.pk).exists()
    )
    back = reverse("mailing_preflight", args=[mailing.uid])
    holds = list(services.holds_of(mailing).select_related("organization", "assignee").order_by("due_on", "pk"))
    held_until = {task.organization_id: task for task in holds}
    return {
        "mailing": mailing,
        "held": [
            {"one": one, "task": held_until.get(one.organization.pk), "until": _possible(one)}
            for one in held_back(mailing, user=request.user)
        ],
        "officers": list(officers(Action.LOG)) if may else [],
        "overridden": overridden(mailing, request.user),
        "may_override": may,
        "form": form or OverrideForm(),
        "failed": failed,
        "crumbs": [(mailing.label, reverse("mailing_detail", args=[mailing.uid])), (_("Pre-flight"), back)],
    }


@requires(Action.WRITE)
@require_POST
def mailing_guard_override(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user), uid=uid)
    if not Mailing.objects.visible_to(request.user, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    organization = _posted_organization(request)
    form = OverrideForm(request.POST)
    if not form.is_valid() or organization is None:
        context = _context(request, mailing, form, str(organization.uid) if organization else "")
        return render(request, "campaigns/guard/mailing_guard.html", context, status=422)
    entry = services.override_for_mailing(
        mailing=mailing, organization=organization, reason=form.cleaned_data["reason"], actor=request.user
    )
    toast(request, _("%(name)s gets it all the same.") % {"name": organization.label}, undo=entry)
    return done(request, reverse("mailing_guard", args=[mailing.uid]))


def _possible(held: Held) -> date:
    """The first day on which nothing with an end holds it back any more; else in a month."""
    ends = [each.until for each in held.conflicts if each.until]
    return max(ends) if ends else timezone.localdate() + timedelta(days=30)


@requires(Action.WRITE)
@require_POST
def mailing_guard_hold(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Skip it now, and have somebody turn to it on a day."""
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user), uid=uid)
    organization = _posted_organization(request)
    form = HoldForm(request.POST)
    if form.is_valid() and organization is not None:
        try:
            task = services.hold_for_mailing(
                mailing=mailing, organization=organization, actor=request.user, **form.cleaned_data
            )
        except DomainError as error:
            _refused(form, error)
        else:
            words = _("%(name)s is held: %(who)s turns to it on %(day)s.")
            values = {"name": organization.label, "who": task.assignee.name, "day": formats.day(task.due_on)}
            toast(request, words % values)
            return done(request, reverse("mailing_guard", args=[mailing.uid]))
    context = _context(request, mailing) | {
        "hold_form": form,
        "hold_failed": str(organization.uid) if organization else "",
    }
    return render(request, "campaigns/guard/mailing_guard.html", context, status=422)


def _posted_organization(request: StaffRequest) -> Organization | None:
    try:
        uid = UUID(request.POST.get("organization", ""))
    except ValueError:
        return None
    return Organization.objects.visible_to(request.user).filter(uid=uid).first()
