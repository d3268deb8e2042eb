"""Saving, changing and deleting views."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Conflict, Invalid
from crm.saved_views import services
from crm.saved_views.bar import NONE, url_of
from crm.saved_views.forms import ViewForm
from crm.saved_views.models import DefaultView, SavedView
from crm.ui import sources
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _columns(text: str) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [str(name)[:40] for name in found[:60]] if isinstance(found, list) else []


@requires(Action.SEE)
def view_new(request: StaffRequest) -> HttpResponse:
    """Save the list as it stands under a name."""
    source = sources.SOURCES.get(request.GET.get("list", ""))
    if source is None or not source.has_views:
        raise Http404("no views of such a list")
    form = ViewForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        state: dict[str, Any] = {
            "query": request.GET.get("query", ""),
            "columns": _columns(request.GET.get("columns", "")),
        }
        try:
            view = services.save_view(actor=request.user, source=source.name, **state, **form.cleaned_data)
        except (Conflict, Invalid) as refusal:
            form.add_error("name", refusal.message)
        else:
            toast(request, _("“%(name)s” is saved.") % {"name": view.name})
            return done(request, url_of(view))
    return form_page(request, "crm/saved_views/view_form.html", {"title": _("Save this view")}, form=form)


@requires(Action.SEE)
def view_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Rename, share, and whether the list opens with it. Of another's view one can only say the last."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user), uid=uid)
    is_default = DefaultView.objects.filter(user=request.user, view=view).exists()
    initial = {"name": view.name, "is_shared": view.is_shared, "is_default": is_default}
    form = ViewForm(request.POST if request.method == "POST" else None, initial=initial)
    mine = view.owner_id == request.user.pk or request.user.may(Action.ADMINISTER)
    if not mine:
        form.fields["name"].disabled = form.fields["is_shared"].disabled = True
    if form.is_valid():
        data: dict[str, Any] = form.cleaned_data
        try:
            entry = (
                services.edit_view(view=view, actor=request.user, name=data["name"], is_shared=data["is_shared"])
                if mine
                else None
            )
        except (Conflict, Invalid) as refusal:
            form.add_error("name", refusal.message)
        else:
            if data["is_default"] != is_default:
                services.set_default(source=view.source, view=view if data["is_default"] else None, actor=request.user)
            toast(request, _("Saved."), undo=entry)
            return done(request, url_of(view))
    return form_page(request, "crm/saved_views/view_form.html", {"title": view.name, "view": view}, form=form)


@requires(Action.SEE)
@require_POST
def view_update(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The view becomes the list as it stands."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user), uid=uid)
    entry = services.edit_view(
        view=view,
        actor=request.user,
        query=request.POST.get("query", ""),
        columns=_columns(request.POST.get("columns", "")),
    )
    view.refresh_from_db()
    toast(request, _("“%(name)s” is as the list stands now.") % {"name": view.name}, undo=entry)
    return done(request, url_of(view))


@requires(Action.SEE)
@require_POST
def view_delete(request: StaffRequest, uid: UUID) -> HttpResponse:
    view = get_object_or_404(SavedView.objects.visible_to(request.user), uid=uid)
    entry = services.delete_view(view=view, actor=request.user)
    toast(request, _("“%(name)s” is deleted.") % {"name": view.name}, undo=entry)
    return done(request, f"{sources.find(view.source).url({})}?view={NONE}")
