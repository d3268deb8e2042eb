"""What every request gets: the viewer's time zone and language, and domain errors turned into pages or fragments once."""

import zoneinfo
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django_structlog.middlewares import RequestMiddleware

from crm.addresses import client_address
from crm.errors import DomainError

LOOKS = {
    403: ("lock", _("Not for your role")),
    409: ("git-merge", _("This changed in the meantime")),
    503: ("plug-connected-x", _("Something that is needed does not answer")),
}
GetResponse = Callable[[HttpRequest], HttpResponse]


class LoggedRequestMiddleware(RequestMiddleware):
    """One line per request, with the client's address as TRUSTED_HOPS says and not as the client says."""

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))


class PrivacyMiddleware:
    """Pages of somebody signed in are kept by no shared cache and asked for anew; and no page uses camera, place and the like, but
    for one that says so itself: the door of an event opens the camera."""

    POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", self.POLICY)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


class ViewerMiddleware:
    """Times show in the signed-in viewer's zone, words in the viewer's language.

    A browser's Accept-Language is for public pages, which ask for it themselves: staff pages are in English for now, and a
    mixture of that with another language's dates and direction would be worse than either.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = zoneinfo.ZoneInfo(user.time_zone) if user.is_authenticated else timezone.get_default_timezone()
        language = user.language if user.is_authenticated else settings.LANGUAGE_CODE
        with timezone.override(zone), translation.override(language):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response


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
        symbol, heading = LOOKS.get(exception.status, ("alert-circle", _("That did not work")))
        context = {"error": exception, "symbol": symbol, "heading": heading}
        response = render(request, template, context, status=exception.status)
        if getattr(request, "htmx", False):
            response["HX-Retarget"] = "#modal-alerts" if request.headers.get("X-Modal") else "#gs-alerts"
            response["HX-Reswap"] = "innerHTML"
        return response
