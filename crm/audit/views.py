"""Undo of one audit entry, from the toast or from a list of changes."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, signed_in
from crm.audit import services
from crm.audit.models import AuditEntry
from crm.ui.toasts import toast


@signed_in
@require_POST
def undo(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Put back what one entry changed. One's own changes; an administrator may undo anybody's."""
    entries = AuditEntry.objects.all()
    if not request.user.may(Action.ADMINISTER):
        entries = entries.filter(actor=request.user)
    entry = get_object_or_404(entries, uid=uid)
    services.undo(entry=entry, actor=request.user)
    toast(request, _("Undone: it is as it was before."))
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    back = request.META.get("HTTP_REFERER", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else "today")
