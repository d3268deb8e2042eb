"""The queue's page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from campaigns.outreach.tabs import outreach_tabs
from campaigns.queue.building import queue_of
from campaigns.todo.views import later_choices
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires


@requires(Action.SEE)
@require_safe
def outreach_queue(request: StaffRequest) -> HttpResponse:
    """Whom to turn to today, and why."""
    queue = queue_of(request.user)
    context = {
        "queue": queue,
        "tabs": outreach_tabs(request.user, "outreach_queue"),
        "may_log": request.user.may(Action.LOG),
        "later": later_choices(),
    }
    return render(request, "campaigns/queue/queue.html", context)
