"""Below /api/ nobody ever gets a page: what Django itself answers as HTML (a bad host, a crash) becomes a problem."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from crm.api.problems import CONTENT_TYPE, KINDS, Problem


class ApiErrorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        kind = response.get("Content-Type", "")
        if response.status_code < 400 or not request.path.startswith("/api/") or kind.startswith(CONTENT_TYPE):
            return response
        status = response.status_code if response.status_code in KINDS else 500
        problem = Problem(status, str(KINDS[status][2]).replace("`", ""))
        return HttpResponse(json.dumps(problem.body()), status=response.status_code, content_type=CONTENT_TYPE)
