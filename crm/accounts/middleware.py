"""What a signed-in request is checked and noted for."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from crm.accounts import browser_sessions, two_step
from crm.accounts.models import User

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
