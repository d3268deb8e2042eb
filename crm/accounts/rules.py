"""Who may do what: the role × action table of docs/architecture.md, scopes, and the rule that every route carries.

A view says `@requires(Action.X)`, `@signed_in` or `@public`; `tests/crm/accounts/test_routes.py` walks all routes for all
roles and fails for a view that says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from crm.errors import NotAllowed


class Role(TextChoices):
    ADMIN = "admin", _("Administrator")
    PLANNER = "planner", _("Planner")
    EDITOR = "editor", _("Editor")
    APPROVER = "approver", _("Approver")
    OUTREACH = "outreach", _("Outreach officer")
    VIEWER = "viewer", _("Viewer")


class Action(TextChoices):
    SEE = "see", _("see directory, drives, reports")
    EDIT_DIRECTORY = "edit_directory", _("edit people and institutions")
    BULK = "bulk", _("import, bulk edit")
    EXPORT = "export", _("export personal data (logged)")
    SEGMENTS = "segments", _("segments, lists")
    SEGMENTS_OWN = "segments_own", _("one's own segments, lists")
    WRITE = "write", _("write mailings, test-send to oneself")
    APPROVE = "approve", _("approve, release held")
    SEND = "send", _("send, resume, cancel what is approved")
    PAUSE = "pause", _("pause a mailing")
    DRIVES = "drives", _("drives")
    LOG = "log", _("log contacts, handle replies and tasks, record positions and commitments")
    ADMINISTER = "administer", _("users, topics, senders, transports, erase, retention")


_EVERYONE = {Action.SEE}
TABLE: dict[Role, frozenset[Action]] = {
    Role.ADMIN: frozenset(Action),
    Role.PLANNER: frozenset(set(Action) - {Action.APPROVE, Action.ADMINISTER}),
    Role.EDITOR: frozenset(_EVERYONE | {Action.SEGMENTS, Action.SEGMENTS_OWN, Action.WRITE, Action.SEND, Action.PAUSE}),
    Role.APPROVER: frozenset(_EVERYONE | {Action.APPROVE, Action.PAUSE}),
    Role.OUTREACH: frozenset(_EVERYONE | {Action.EDIT_DIRECTORY, Action.SEGMENTS_OWN, Action.LOG}),
    Role.VIEWER: frozenset(_EVERYONE),
}


class GrantLike(Protocol):
    role: str
    is_everywhere: bool
    campaigns: list[UUID]
    countries: list[str]


@dataclass(frozen=True)
class Pair:
    """One grant's reach. An empty set means "all of them"."""

    countries: frozenset[str] = frozenset()
    campaigns: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Scope:
    """The union of some grants' reaches; falsy when there are none."""

    pairs: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @property
    def is_everything(self) -> bool:
        return any(not pair.countries and not pair.campaigns for pair in self.pairs)

    @property
    def countries(self) -> frozenset[str] | None:
        """ISO codes that the directory is limited to; None for all, an empty set for nothing."""
        if any(not pair.countries for pair in self.pairs):
            return None
        return frozenset().union(*(pair.countries for pair in self.pairs)) if self.pairs else frozenset()


def scope_of(action: Action, grants: Iterable[GrantLike]) -> Scope:
    return Scope(
        tuple(
            Pair(frozenset(grant.countries), frozenset(grant.campaigns))
            for grant in grants
            if action in TABLE[Role(grant.role)]
        )
    )


# --- routes -----------------------------------------------------------------------------------------------------
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
PUBLIC = "public"
SIGNED_IN = "signed in"
PARTNER = "partner"
TOKEN = "token"  # noqa: S105  routes of the API: a bearer token, and the rules of crm/api/views.py
# Routes of libraries, whose views we do not decorate: the first prefix that fits. allauth's own pages are for visitors.
LIBRARY_RULES: dict[str, str] = {
    "account_": PUBLIC,
    "mfa_authenticate": PUBLIC,
    "mfa_login_webauthn": PUBLIC,
    "mfa_": SIGNED_IN,
}


# of the libraries' routes, those that a partner's account may use; all others are refused by `middleware.PartnerMiddleware`
PARTNER_ROUTES = {
    "account_login",
    "account_logout",
    "account_request_login_code",
    "account_confirm_login_code",
    "mfa_login_webauthn",
}


SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def _sign_in(request: HttpRequest, door: str | None = None) -> HttpResponse:
    """To the sign-in page, and from there back to the page: an address that takes only what a form sends is none to come back to.

    htmx gets HX-Redirect, or it would paste that page into a table. What it sends from a form is refused with a sentence instead,
    so that the page, and what was typed into it, stays.
    """
    from django.contrib.auth.views import redirect_to_login

    url = resolve_url(door) if door else None
    if request.method in SAFE:
        target = request.headers.get("HX-Current-URL", resolve_url("today")) if getattr(request, "htmx", False) else ""
        answer = redirect_to_login(target or request.get_full_path(), url)
        if target:
            held = json.dumps(_said(redirect_to_login(resolve_url("today"), url).headers["Location"]))
            # ended.js stays, and says so, where something was typed that leaving would lose
            return HttpResponse(
                status=204, headers={"HX-Redirect": answer.headers["Location"], "X-Session-Ended": held}
            )
        return answer
    if getattr(request, "htmx", False):
        said = _said(redirect_to_login(resolve_url("today"), url).headers["Location"])
        events = {"toast": [said], "session-ended": said}
        return HttpResponse(status=401, headers={"HX-Trigger": json.dumps(events)})
    answer = redirect_to_login(f"{_page_of(request)}#typed", url)  # the page puts back what was typed (ended.js)
    if door is None:
        answer["Location"] += "&ended=1"  # its sign-in page says so
    return answer


def _page_of(request: HttpRequest) -> str:
    """Where the form stood, if that is a page of ours; else Today."""
    page = urlsplit(request.headers.get("Referer", ""))
    ours = url_has_allowed_host_and_scheme(page.geturl(), {request.get_host()}, require_https=request.is_secure())
    return page._replace(scheme="", netloc="", fragment="").geturl() if ours and page.path else resolve_url("today")


def _said(url: str) -> dict[str, Any]:
    """As toasts.js shows it."""
    return {
        "text": str(_("Your session has ended, so nothing was saved. What you typed is still here: sign in, come back, and send it again.")),
        "level": "error", "link": url, "link_text": str(_("Sign in in a new tab")), "new_tab": True,
    }  # fmt: skip


def requires(*actions: Action) -> Callable[[View], View]:
    """The view is for users who may do at least one of `actions` somewhere; its rows are narrowed by `visible_to`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in(request)
            if not any(request.user.may(action) for action in actions):
                raise NotAllowed(
                    str(_("Your role does not allow this. An administrator can change it.")),
                    needed=[a.value for a in actions],
                )
            return view(request, *args, **kwargs)

        guarded.access = actions  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def signed_in(view: View) -> View:
    """The view is for every member of staff."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in(request)
        if getattr(request.user, "is_partner", False):
            raise NotAllowed(str(_("This page is for members of staff.")))
        return view(request, *args, **kwargs)

    guarded.access = SIGNED_IN  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def partner(view: View) -> View:
    """The view is for partners who have an account; staff have pages of their own, and see here that they do."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in(request, "account_request_login_code")
        if not request.user.is_partner:
            raise NotAllowed(str(_("This page is for partners. You are signed in as a member of staff.")))
        return view(request, *args, **kwargs)

    guarded.access = PARTNER  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def public(view: View) -> View:
    """The view is for anybody: signed links, health checks, sign-in."""
    view.access = PUBLIC  # type: ignore[attr-defined]
    return view
