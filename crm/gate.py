"""A gate before what strangers send in public: so many at once in each web process, and whoever comes on top is told to try again.

A rush of sign-ups would else take every thread, and then nobody could even read the page. It stands before Django, so that a
refusal costs a few microseconds: a rush that is refused dearly is as bad as one that is let in.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

RETRY_SECONDS = 5
IN_MEMORY = 64 * 1024  # bytes of a body; a longer one waits in a temporary file
MOST = 64 * 2**20  # of a longer one nobody waits for the end: Django refuses it
PAGE = """<!doctype html><html lang="{language}" dir="{direction}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><h1>{title}</h1><p>{words}</p></html>"""
PREFIXES: list[str] = []

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def guard(prefix: str) -> None:
    """POSTs to paths that begin so pass as far as there is room. Called from a feature's registration."""
    if prefix not in PREFIXES:
        PREFIXES.append(prefix)


class Gate:
    """WSGI around WSGI. GET always passes."""

    def __init__(self, app: App, permits: int) -> None:
        self.app = app
        self.permits = threading.BoundedSemaphore(permits)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or not environ.get("PATH_INFO", "").startswith(tuple(PREFIXES)):
            return self.app(environ, start_response)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            # read first: a phone that takes a minute to send must not hold a permit for so long
            _copy(environ, body)
            if not self.permits.acquire(blocking=False):
                return try_later(environ, start_response)
            try:
                return self.app(environ, start_response)  # Django has rendered the whole answer when it returns
            finally:
                self.permits.release()


def _copy(environ: dict[str, Any], body: Any) -> None:
    """Put what the client sends into `body`, and `body` where Django reads."""
    try:
        left = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return
    if not 0 < left <= MOST:
        return
    while left > 0 and (chunk := environ["wsgi.input"].read(min(left, IN_MEMORY))):
        body.write(chunk)
        left -= len(chunk)
    body.seek(0)
    environ["wsgi.input"] = body


def try_later(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """503 with Retry-After: nothing was taken, and the browser still has what was typed."""
    with translation.override(_language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))):
        title = _("Many people are answering just now")
        words = _("Nothing was sent yet. Please go back, wait a few seconds, and press the button again; what you wrote is still there.")  # fmt: skip
        page = PAGE.format(
            language=translation.get_language(),
            direction="rtl" if translation.get_language_bidi() else "ltr",
            title=title,
            words=words,
        ).encode()
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(page))),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors *"),
        ("Retry-After", str(RETRY_SECONDS)),
        ("Cache-Control", "no-store"),
    ]
    start_response("503 Service Unavailable", headers)
    return [page]


def _language(accepted: str) -> str:
    for code, _share in parse_accept_lang_header(accepted[:200].lower()):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
