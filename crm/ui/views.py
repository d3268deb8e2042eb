"""Today, search, and the page that shows every component."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires, signed_in
from crm.ui import showcase, today
from crm.ui.search import search as search_everything


@signed_in
@never_cache
@require_safe
def today_page(request: StaffRequest) -> HttpResponse:
    day = today.day_of(request.user, show_all="all" in request.GET)
    return render(request, "crm/ui/today.html", {"day": day})


@signed_in
@never_cache
@require_safe
def search(request: StaffRequest) -> HttpResponse:
    """Everything that matches `q`: a page of its own, and the content of the Ctrl-K dialog."""
    query = request.GET.get("q", "")[:200]
    groups = search_everything(request.user, query)
    template = "crm/ui/_search_hits.html" if getattr(request, "htmx", False) else "crm/ui/search.html"
    return render(request, template, {"groups": groups, "query": query.strip()})


@requires(Action.ADMINISTER)
def components(request: StaffRequest) -> HttpResponse:
    """Every component in every state: for whoever builds a screen, for screenshots and for tests."""
    return render(request, "crm/ui/components.html", showcase.context(request))


# --- error pages (named in crm/urls.py) ---------------------------------------------------------------------------
def server_error(request: HttpRequest) -> HttpResponse:
    """A page that asks nothing of what may be broken: no database, no session, no context processor."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponse(get_template("500.html").render({"request_id": request_id}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
