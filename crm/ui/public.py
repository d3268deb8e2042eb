"""Public pages: no account, no cookie, no JavaScript needed, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from crm.accounts.models import Installation
from crm.accounts.rules import public

LANGUAGES = dict(settings.LANGUAGES)
METHODS = ("GET", "HEAD", "POST")


def by_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page whose signed link is the credential. GET shows, POST changes, and nothing else is understood; no cookie is looked at, so
    there is nothing that another site could ride on.
    The page is private."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in METHODS:
            answer = view(request, *args, **kwargs)
        else:
            answer = HttpResponse(status=204 if request.method == "OPTIONS" else 405)
            answer["Allow"] = ", ".join([*METHODS, "OPTIONS"])
        return private(answer)

    return public(csrf_exempt(opened))


def private(answer: HttpResponse) -> HttpResponse:
    """Nobody keeps it, finds it by a search, or learns its address from a link on it."""
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def language_of(request: HttpRequest, known: str = "") -> str:
    """?lang=, else the language `known` to be theirs, else the browser's, of those that public pages have."""
    for wish in (request.GET.get("lang", ""), known):
        code = wish.lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return translation.get_language_from_request(request)


def with_languages(request: HttpRequest) -> list[tuple[str, str, str]]:
    """(code, name, address) of this page in each language."""
    query = request.GET.copy()
    query.pop("lang", None)
    return [
        (code, text, f"{request.path}?{urlencode([*query.items(), ('lang', code)])}")
        for code, text in LANGUAGES.items()
    ]


def public_page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A public page with its language links and the installation's name."""
    installation = Installation.current()
    answer = render(
        request,
        template,
        {
            "languages": with_languages(request),
            "organization": str(installation),
            "postal_address": installation.postal_address,
            "page_url": request.get_full_path(),
            **context,
        },
        status=status,
    )
    answer["Content-Language"] = translation.get_language() or "en"
    return answer
