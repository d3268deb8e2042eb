"""What every htmx answer needs: messages as an event, and caches that keep pages and fragments apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from crm.ui import toasts

LEAVES_PAGE = ("HX-Redirect", "HX-Refresh", "HX-Location", "Location")


class FragmentMiddleware:
    """Sits below the session, message and django-htmx middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
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
