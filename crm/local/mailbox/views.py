"""The web inbox. Everything that came in a message is shown as text, or inside a sandboxed frame with a policy of its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from crm.local.mailbox import letters
from crm.local.mailbox.characters import character
from crm.local.mailbox.store import Store, Stored

PAGE = 50
# inside the frame nothing runs and nothing is fetched; a link opens a tab of its own, outside of the sandbox
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:{images}; font-src 'none'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
TABS = {"html": _("As it looks"), "text": _("Text"), "headers": _("Headers"), "source": _("Source")}
CHARACTERS = [
    ("bounce+…", _("accepts, then sends a bounce")),
    ("softbounce+…", _("accepts, then says that it is full")),
    ("defer+…", _("says “later” twice, then accepts")),
    ("reject+…", _("refuses")),
    ("reply+…", _("answers, as a person would")),
    ("vacation+…", _("answers automatically")),
    ("complain+…", _("marks it as spam")),
    ("scanner+…", _("follows every link, as security scanners do")),
]


class Opened:
    """The one mailbox of this process; the server sets it."""

    store: Store


def inbox(request: HttpRequest) -> HttpResponse:
    """All messages, newest first; the list renews itself while it shows the newest."""
    return render(request, _template(request), _listing(request))


def message(request: HttpRequest, id: int) -> HttpResponse:
    """One message beside the list, in one of four forms."""
    found = _get(id)
    tab = request.GET.get("tab", "")
    has_html = found.message.get_body(("html",)) is not None
    if tab not in TABS:
        tab = "html" if has_html else "text"
    context = _listing(request) | {
        "found": found,
        "at": datetime.fromtimestamp(found.received_at, UTC),
        "to": str(found.message.get("To", "")),
        "acts": dict(_acts()).get(character(found.recipient), ""),
        "tab": tab,
        "tabs": [(name, label) for name, label in TABS.items() if has_html or name != "html"],
        "images": request.GET.get("images") == "1",
        "text": _part(found, "plain") if tab == "text" else "",
        "headers": [(name, str(value)) for name, value in found.message.items()] if tab == "headers" else [],
        "source": found.raw.decode("utf-8", "replace")[:400_000] if tab == "source" else "",
    }
    return render(request, "mailbox/message.html", context)


@xframe_options_sameorigin
def frame(request: HttpRequest, id: int) -> HttpResponse:
    """The HTML part, for the frame only. Remote images (and so the open pixel) load when the reader asks for them."""
    html = _part(_get(id), "html")
    base = '<base target="_blank">'
    head = re.search(r"<head[^>]*>", html, re.IGNORECASE)
    html = html[: head.end()] + base + html[head.end() :] if head else base + html
    response = HttpResponse(html, content_type="text/html; charset=utf-8")
    images = " http: https:" if request.GET.get("images") == "1" else ""
    response["Content-Security-Policy"] = FRAME_POLICY.format(images=images)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def clear(request: HttpRequest) -> HttpResponse:
    """Empty the mailbox."""
    Opened.store.clear()
    return redirect("mailbox_inbox")


def health(request: HttpRequest) -> HttpResponse:
    """For the supervisor."""
    return HttpResponse(f"ok {Opened.store.count()}\n", content_type="text/plain")


def _template(request: HttpRequest) -> str:
    return "mailbox/_list.html" if getattr(request, "htmx", False) else "mailbox/inbox.html"


def _listing(request: HttpRequest) -> dict[str, Any]:
    search = request.GET.get("q", "")[:200].strip()
    try:
        before = int(request.GET["before"])
    except (KeyError, ValueError):
        before = None
    rows = Opened.store.page(search=search, before=before, size=PAGE + 1)
    more = rows[PAGE - 1].id if len(rows) > PAGE else None
    return {
        "rows": [(row, datetime.fromtimestamp(row.received_at, UTC)) for row in rows[:PAGE]],
        "total": Opened.store.count(),
        "q": search,
        "query": urlencode({"q": search}) if search else "",
        "before": before,
        "older": more,
        "characters": CHARACTERS,
    }


def _acts() -> list[tuple[str, object]]:
    known = {*letters.WRITERS, "defer", "reject", "scanner"}
    return [(name.partition("+")[0], says) for name, says in CHARACTERS if name.partition("+")[0] in known]


def _get(id: int) -> Stored:
    found = Opened.store.get(id)
    if found is None:
        raise Http404("This message is gone: the mailbox keeps the newest only, or it was emptied.")
    return found


def _part(found: Stored, kind: str) -> str:
    """A part's text; a message that breaks its own rules is shown as far as it can be read."""
    try:
        part = found.message.get_body((kind,))
        return str(part.get_content()) if part else ""
    except (LookupError, ValueError, AttributeError) as error:
        return escape(f"This part cannot be read ({error}). Its bytes are under Source.")
