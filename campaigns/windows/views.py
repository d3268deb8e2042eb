"""The list of policy windows, one of them, and taking them in from a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.activities.reaching import find_drive
from campaigns.planning.forms import refused
from campaigns.planning.models import Drive
from campaigns.planning.tabs import tabs_of
from campaigns.windows import services
from campaigns.windows.forms import ImportForm, WindowForm
from campaigns.windows.models import PolicyWindow
from campaigns.windows.reading import Read, read
from contacts.directory.lists import uids_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid, NotAllowed
from crm.ui import formats
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

WRONG_SHOWN = 100


@requires(Action.SEE)
def drive_windows(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The list, narrowed to the countries of one drive and to what lies ahead."""
    drive = find_drive(request, uid)
    return HttpResponseRedirect(f"{reverse('window_list')}?{urlencode({'drive': str(drive.uid), 'when': 'ahead'})}")


@requires(Action.SEE)
def window_list(request: StaffRequest) -> HttpResponseBase:
    """All of one's countries; with one drive chosen it is a page of that drive."""
    table = build("policy_windows", request)
    chosen = uids_of(request.GET.getlist("drive"))
    drive = None
    if len(chosen) == 1:
        drive = Drive.objects.visible_to(request.user).select_related("campaign").filter(uid=chosen[0]).first()
    return list_page(
        request,
        "campaigns/windows/window_list.html",
        table=table,
        filters=table.filters,
        may_plan=request.user.may(Action.DRIVES),
        drive=drive,
        tabs=tabs_of(drive, "drive_windows") if drive else [],
    )


def _find(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> PolicyWindow:
    rows = PolicyWindow.objects.visible_to(request.user).select_related("country", "owner")
    window: PolicyWindow = get_object_or_404(rows, uid=uid)
    if action != Action.SEE and not PolicyWindow.objects.visible_to(request.user, action).filter(pk=window.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it."))
    return window


@requires(Action.SEE)
def window_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    window = _find(request, uid)
    today = timezone.localdate()
    context = {
        "window": window,
        "leads": window.leads.select_related("task__assignee"),
        "days": window.days_until(today),
        "is_past": window.ends_on < today,
        "may_change": PolicyWindow.objects.visible_to(request.user, Action.DRIVES).filter(pk=window.pk).exists(),
    }
    return render(request, "campaigns/windows/window_detail.html", context)


@requires(Action.DRIVES)
def window_create(request: StaffRequest) -> HttpResponse:
    """`?country=` and `?on=` fill it in."""
    initial = {"country": request.GET.get("country", ""), "starts_on": request.GET.get("on", ""), "kind": "budget"}
    form = WindowForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    back = reverse("window_list")
    if form.is_valid():
        try:
            window = services.create_window(actor=request.user, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is noted.") % {"name": window.name})
            return done(request, reverse("window_detail", args=[window.uid]))
    return form_page(
        request, "campaigns/windows/window_form.html", {"title": _("New policy window"), "back": back}, form=form
    )


@requires(Action.DRIVES)
def window_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    window = _find(request, uid, Action.DRIVES)
    form = WindowForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=WindowForm.initial_of(window)
    )
    back = reverse("window_detail", args=[window.uid])
    if form.is_valid():
        try:
            entry = services.edit_window(
                window=window, actor=request.user, seen_at=form.cleaned_data.get("seen_at"), **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("Saved."), undo=entry)
            return done(request, back)
    return form_page(request, "campaigns/windows/window_form.html", {"title": window.label, "back": back}, form=form)


@requires(Action.DRIVES)
@require_POST
def window_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    window = _find(request, uid, Action.DRIVES)
    entry = services.archive_window(window=window, actor=request.user)
    toast(request, _("%(name)s is taken out.") % {"name": window.label}, undo=entry)
    return done(request, reverse("window_list"))


# --- files ------------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def window_import(request: StaffRequest) -> HttpResponse:
    """Pasted or uploaded. While a line is wrong nothing is taken, unless one says to take the right ones; the others stay in the field."""
    form = ImportForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        user=request.user,
    )
    found: Read | None = None
    if form.is_valid():
        data = form.cleaned_data
        try:
            found = read(data["text"], country=data["country"], kind=data["kind"], today=timezone.localdate())
            if not found.wrong or (found.found and request.POST.get("take") == "right"):
                _take_in(request, form, found)
                if not found.wrong:
                    return done(request, f"{reverse('window_list')}?when=ahead")
                form.put_text(found.rest)
                found.found = []
        except DomainError as error:
            _refuse(form, error)
    if found is not None and found.wrong:
        form.add_error(None, _wrong_words(found))
    context = {
        "title": _("Take in policy windows"),
        "wrong": found.wrong[:WRONG_SHOWN] if found else [],
        "right": len(found.found) if found else 0,
    }
    return form_page(request, "campaigns/windows/import_form.html", context, form=form)


def _refuse(form: ImportForm, error: DomainError) -> None:
    field = error.data.get("field") if isinstance(error, Invalid) else None
    form.add_error(field if field in form.fields else None, error.message)


def _wrong_words(found: Read) -> str:
    count = len(found.wrong)
    words = ngettext("%(n)s could not be read and stands in the field below.", "%(n)s could not be read and stand in the field below.", count)  # fmt: skip
    return words % {"n": formats.number(count)}


def _take_in(request: StaffRequest, form: Any, found: Read) -> None:
    data = form.cleaned_data
    taken = services.take_in(
        actor=request.user, found=found.found, origin=found.origin, owner=data["owner"], leads=form.given_leads
    )
    parts = [ngettext("%(n)s window added", "%(n)s windows added", taken.added) % {"n": formats.number(taken.added)}]
    if taken.moved:
        parts.append(ngettext("%(n)s moved", "%(n)s moved", taken.moved) % {"n": formats.number(taken.moved)})
    if taken.known:
        parts.append(_("%(n)s there already") % {"n": formats.number(taken.known)})
    toast(request, f"{formats.listing(parts)}.", undo=taken.entry)
