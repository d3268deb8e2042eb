"""Settings: how long things are kept, what would go now, and what each night did."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Conflict, Invalid
from crm.retention import services
from crm.retention.forms import RetentionForm
from crm.retention.models import RetentionRun
from crm.retention.registry import KINDS
from crm.ui.responses import form_page
from crm.ui.toasts import toast

COUNTED = 100_000  # the preview counts no further
SHOWN = 14  # nights


@requires(Action.ADMINISTER)
def retention(request: StaffRequest) -> HttpResponse:
    standings = services.standings()
    form = RetentionForm(request.POST or None, standings=standings)
    if form.is_valid():
        try:
            services.set_rules(days=form.days(), actor=request.user)
        except Invalid as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("Saved. It holds from the next night on."))
            return redirect("retention")
    counts = services.preview(limit=COUNTED)
    runs = list(
        RetentionRun.objects.select_related("asked_by").prefetch_related("steps").order_by("-started_at")[:SHOWN]
    )
    for run in runs:
        run.shown = [  # type: ignore[attr-defined]
            {"label": KINDS[step.kind].label if step.kind in KINDS else step.kind, "step": step}
            for step in run.steps.all()
            if step.rows or step.error or not step.is_done
        ]
    context = {
        "rows": [
            {
                "kind": standing.kind,
                "field": form[standing.kind.code],
                "count": min(counts[standing.kind.code], COUNTED),
                "is_more": counts[standing.kind.code] > COUNTED,
                "days": standing.days,
            }
            for standing in standings
        ],
        "runs": runs,
        "is_open": any(run.finished_at is None for run in runs),
        "hour": services.HOUR,
        "crumbs": [(_("Settings"), reverse("settings"))],
    }
    return form_page(request, "crm/retention/retention.html", context, form=form)


@requires(Action.ADMINISTER)
@require_POST
def retention_run(request: StaffRequest) -> HttpResponse:
    """Do it now, not in the night."""
    try:
        services.start_run(actor=request.user)
    except Conflict as error:
        toast(request, error.message, level="info")
    else:
        toast(request, _("It starts within a minute; what it did will stand here."))
    return redirect("retention")
