"""Today, search, and the page that shows every component."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires, signed_in
from crm.ui import setup, showcase, today
from crm.ui.inline import inline_view
from crm.ui.responses import done, form_page, list_page
from crm.ui.search import search as search_everything
from crm.ui.toasts import toast


@signed_in
@never_cache
@require_safe
def today_page(request: StaffRequest) -> HttpResponse:
    day = today.day_of(request.user, show_all="all" in request.GET)
    return render(request, "crm/ui/today.html", {"day": day})


@requires(Action.ADMINISTER)
@never_cache
@require_safe
def setup_page(request: StaffRequest) -> HttpResponse:
    """The first-run assistant: what is done, what comes next, what was left out."""
    found = setup.setup_of(request.user)
    if not found.is_over:
        request.session[setup.SESSION] = True
    return render(request, "crm/ui/setup.html", {"setup": found})


@requires(Action.ADMINISTER)
@require_POST
def setup_skip(request: StaffRequest) -> HttpResponse:
    is_skipped = request.POST.get("is_skipped") != "false"
    setup.skip(code=request.POST.get("code", ""), is_skipped=is_skipped, actor=request.user)
    return redirect("setup")


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
def components(request: StaffRequest) -> HttpResponseBase:
    """Every component in every state: for whoever builds a screen, for screenshots and for tests."""
    filters = showcase.UserFilters(request, User.objects.prefetch_related("grants"))
    table = showcase.UserTable(request, filters.queryset, filters=filters, may_export=True)
    return list_page(request, "crm/ui/components.html", table=table, filters=filters, **showcase.context(request))


@requires(Action.ADMINISTER)
def components_form(request: StaffRequest) -> HttpResponse:
    """A form as a page and in the dialog."""
    form = showcase.SampleForm(request.POST or None, request.FILES or None, auto_id="dialog-%s")
    if form.is_valid():
        toast(request, _("Nothing was saved: this is only a sample."), level="info")
        return done(request, reverse("components"))
    return form_page(request, "crm/ui/components_form.html", {}, form=form)


@requires(Action.ADMINISTER)
@require_POST
def components_toast(request: StaffRequest, level: str) -> HttpResponse:
    toast(request, _("Moved 3 people to another list."), level=level)
    return HttpResponse(status=204) if getattr(request, "htmx", False) else redirect("components")


@requires(Action.ADMINISTER)
def components_inline(request: StaffRequest) -> HttpResponse:
    def save(data: dict[str, str]) -> None:
        request.session["sample"] = data["name"]

    field = showcase.inline_field(request)
    return inline_view(
        request,
        field=field,
        form=showcase.NameForm,
        initial={"name": field.shown},
        save=save,
        back=reverse("components"),
    )


# --- error pages (named in crm/urls.py) ---------------------------------------------------------------------------
def server_error(request: HttpRequest) -> HttpResponse:
    """A page that asks nothing of what may be broken: no database, no session, no context processor."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponse(get_template("500.html").render({"request_id": request_id}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
