"""What every htmx answer needs: messages as an event, and caches that keep pages and fragments apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from crm.ui import toasts

LEAVES_PAGE = ("HX-Redirect", "HX-Refresh", "HX-Location", "Location")


def _is_bare(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a person's browser would get an empty page."""
    wants_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
    return wants_page and not getattr(request, "htmx", False) and not response.streaming and not response.content


class FragmentMiddleware:
    """Sits below the session, message and django-htmx middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and _is_bare(request, response):
            allowed = response.get("Allow", "")
            response = render(request, "405.html", status=405)
            response["Allow"] = allowed
        patch_vary_headers(response, ["HX-Request", "X-Modal"])
        if not getattr(request, "htmx", False):
            return response
        if not any(name in response for name in LEAVES_PAGE):
            self._announce(request, response)
        return response

    def _announce(self, request: HttpRequest, response: HttpResponse) -> None:
        shown = [toasts.describe(message) for message in get_messages(request)]
        if not shown:
            return
        events: dict[str, Any] = {"toast": shown}
        if held := response.get("HX-Trigger"):
            events |= json.loads(held) if held.startswith("{") else {name.strip(): "" for name in held.split(",")}
        response["HX-Trigger"] = json.dumps(events)
