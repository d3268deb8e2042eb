"""What every request gets: the viewer's time zone, and domain errors turned into pages or fragments once."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from crm.errors import DomainError

GetResponse = Callable[[HttpRequest], HttpResponse]


class ViewerMiddleware:
    """Times show in the signed-in viewer's zone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(request.user.time_zone)):
            return self.get_response(request)


class DomainErrorMiddleware:
    """A service's refusal becomes a sentence on a page, or an alert fragment for htmx, with its own status."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        template = "errors/_domain_error.html" if getattr(request, "htmx", False) else "errors/domain_error.html"
        response = render(request, template, {"error": exception}, status=exception.status)
        if getattr(request, "htmx", False):
            response["HX-Retarget"] = "#modal-alerts" if request.headers.get("X-Modal") else "#gs-alerts"
            response["HX-Reswap"] = "innerHTML"
        return response
