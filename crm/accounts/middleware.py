"""What a signed-in request is checked and noted for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from crm.accounts import browser_sessions, two_step
from crm.accounts.models import User
from crm.accounts.rules import LIBRARY_RULES, PARTNER, PARTNER_ROUTES, PUBLIC

GetResponse = Callable[[HttpRequest], HttpResponse]
OPEN = ("/accounts/", "/profile/", "/healthz", "/readyz")  # what one needs to set two-step up, or to leave


class BrowserSessionMiddleware:
    """Notes, after the answer, where this session is used; by then a sign-in or a new password has its final key."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(request.user, User) and request.user.is_authenticated:
            browser_sessions.note_now_and_then(request, request.user)
        return response


class PartnerMiddleware:
    """A partner's account opens partners' pages and public ones, and nothing else, whatever a view forgets to ask."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not getattr(request.user, "is_partner", False):
            return None
        name = (request.resolver_match.url_name if request.resolver_match else "") or ""
        of_library = any(name.startswith(prefix) for prefix in LIBRARY_RULES)
        may = name in PARTNER_ROUTES if of_library else getattr(view, "access", None) in (PUBLIC, PARTNER)
        if may:
            return None
        return render(request, "accounts/partner_refused.html", status=403)


class TwoStepMiddleware:
    """Leads whoever must have two-step sign-in, and whose days of grace are over, to the page where it is set up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and user.is_authenticated and not request.path.startswith(OPEN):
            until = two_step.missing_until(user)
            if until is not None and until <= timezone.now():
                target = reverse("mfa_index")
                if getattr(request, "htmx", False):
                    return HttpResponse(status=204, headers={"HX-Redirect": target})
                return redirect(target)
        return self.get_response(request)
