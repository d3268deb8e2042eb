"""Export a list: the dialog, one's files, and the download."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires, signed_in
from crm.errors import Invalid
from crm.exports import services
from crm.exports.forms import ExportForm
from crm.exports.models import ExportFile
from crm.ui import sources
from crm.ui.paging import paginate
from crm.ui.responses import form_page
from crm.ui.tables import AT_ONCE
from crm.ui.toasts import toast


def _asked(request: StaffRequest) -> tuple[str, dict[str, str], str]:
    """Which list, with which arguments, in which state: from the link on its page."""
    try:
        arguments = json.loads(request.GET.get("arguments") or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict) or not all(isinstance(value, str) for value in arguments.values()):
        raise Http404("not a link of ours")
    return request.GET.get("list", ""), arguments, request.GET.get("query", "")


@requires(Action.EXPORT)
def export_new(request: StaffRequest) -> HttpResponse:
    """Choose format and columns; small lists come at once, large ones as a job."""
    source, arguments, query = _asked(request)
    if source not in sources.SOURCES:
        raise Http404("no such list")
    draft = ExportFile(source=source, arguments=arguments, query=query, format="csv")
    try:
        table = services.table_of(draft, request.user)
    except TypeError as error:  # arguments that the list does not take
        raise Http404("not a link of ours") from error
    form = ExportForm(request.POST if request.method == "POST" else None, table=table)
    if form.is_valid():
        try:
            export = services.request_export(
                actor=request.user, source=source, arguments=arguments, query=query, **form.cleaned_data
            )
        except Invalid as refusal:
            form.add_error("format", refusal.message)
        else:
            if export.job is not None:
                toast(request, _("The file is being written. You can close this tab; it waits for you here."))
                return redirect("export_list")
            return redirect("export_file", uid=export.uid)
    count = table.page.total
    return form_page(
        request, "crm/exports/export_new.html",
        {"table": table, "label": sources.find(source).label, "count": count, "is_large": count.count > AT_ONCE},
        form=form,
    )  # fmt: skip


@signed_in
@never_cache
@require_safe
def export_list(request: StaffRequest) -> HttpResponse:
    """One's files, newest first."""
    page = paginate(
        request, ExportFile.objects.filter(owner=request.user).select_related("job"), sort=["-created_at"], size=20
    )
    return render(request, "crm/exports/export_list.html", {"page": page})


@signed_in
@never_cache
@require_safe
def export_file(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """The file itself: for whoever asked for it, nobody else, while it is kept."""
    export = get_object_or_404(_mine(request), uid=uid)
    if not export.is_ready or not default_storage.exists(export.file.name or ""):
        raise Http404("removed, or not whole yet")
    return FileResponse(export.file.open("rb"), as_attachment=True, filename=export.download_name)


@signed_in
@require_POST
def export_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    export = get_object_or_404(_mine(request), uid=uid)
    if export.is_ready:
        services.remove_file(export=export)
    toast(request, _("The file is removed."))
    return redirect("export_list")


def _mine(request: StaffRequest) -> Any:
    return ExportFile.objects.filter(owner=request.user)
