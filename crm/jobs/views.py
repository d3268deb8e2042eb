"""One's jobs, one job (also as the fragment that asks for itself every second), and its stop button."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import signed_in
from crm.jobs import services
from crm.jobs.queries import jobs_visible_to
from crm.ui.paging import paginate


@signed_in
@require_safe
def job_list(request: StaffRequest) -> HttpResponse:
    page = paginate(request, jobs_visible_to(request.user), sort=["-created_at"])
    return render(request, "crm/jobs/job_list.html", {"page": page})


@signed_in
@never_cache
@require_safe
def job_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    job = get_object_or_404(jobs_visible_to(request.user), uid=uid)
    template = "crm/jobs/_job.html" if getattr(request, "htmx", False) else "crm/jobs/job_detail.html"
    return render(request, template, {"job": job})


@signed_in
@require_POST
def job_cancel(request: StaffRequest, uid: UUID) -> HttpResponse:
    job = get_object_or_404(jobs_visible_to(request.user), uid=uid)
    job = services.request_cancel(job=job, actor=request.user)
    if getattr(request, "htmx", False):
        return render(request, "crm/jobs/_job.html", {"job": job})
    return redirect("job_detail", uid=job.uid)
