"""Undo of one audit entry, from the toast or from a list of changes."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, signed_in
from crm.audit import services
from crm.audit.jobs import AT_ONCE, outcome_of, start_undo
from crm.audit.models import AuditEntry
from crm.ui.responses import done
from crm.ui.toasts import toast


@signed_in
@require_POST
def undo(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Put back what one entry changed. One's own changes; an administrator may undo anybody's."""
    entries = AuditEntry.objects.all()
    if not request.user.may(Action.ADMINISTER):
        entries = entries.filter(actor=request.user)
    entry = get_object_or_404(entries, uid=uid)
    if services.is_of_many(entry) and entry.changes.count() > AT_ONCE:
        job = start_undo(entry=entry, actor=request.user)
        return done(request, reverse("job_detail", args=[job.uid]))
    toast(request, outcome_of(services.undo(entry=entry, actor=request.user)))
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    back = request.META.get("HTTP_REFERER", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else "today")
