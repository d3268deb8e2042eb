"""Settings: sending somebody to a service to say yes, and taking in its answer.

The answer comes as a GET, which changes nothing: the page shows whose yes it is, and a button keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from campaigns.mailings.models import Transport
from campaigns.mailings.transports import check
from campaigns.oauth import consent
from campaigns.oauth.models import Grant, SignsIn
from campaigns.outreach.inboxes import try_inbox
from campaigns.outreach.models import Inbox
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid
from crm.ui.responses import done
from crm.ui.toasts import toast


@dataclass(frozen=True)
class Place:
    """What can sign in by a token. back: where its row stands; attempt: signs in and says what was found."""

    model: type[SignsIn]
    back: str
    label: Callable[[], str]
    attempt: Callable[[Any], str]


PLACES = {
    "transport": Place(Transport, "transport_list", lambda: _("Transports"), check),
    "inbox": Place(Inbox, "returned_mail", lambda: _("Mail that comes back"), try_inbox),
}


def _found(kind: str, uid: UUID | str) -> tuple[Place, SignsIn]:
    if kind not in PLACES:
        raise Http404
    place = PLACES[kind]
    row = get_object_or_404(place.model, uid=uid, sign_in=SignsIn.SignIn.TOKEN)
    return place, row


def _crumbs(place: Place) -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("settings")), (place.label(), reverse(place.back))]


def _session(request: StaffRequest) -> str:
    return f"{request.user.pk}:{request.session.session_key}"


@requires(Action.ADMINISTER)
@require_safe
@never_cache
def consent_page(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """What will be asked at the service, and the way there."""
    place, row = _found(kind, uid)
    session = _session(request)
    context = {
        "row": row,
        "kind": kind,
        "crumbs": _crumbs(place),
        "back": reverse(place.back),
        "redirect_uri": consent.redirect_uri(),
        "is_program": row.token_grant == Grant.PROGRAM,
        "address": "" if row.token_grant == Grant.PROGRAM
        else consent.consent_address(row, consent.new_state(kind, str(uid), session=session), session=session),
        "host": consent.host_of(row.consent_url or row.token_url),
        "minutes": consent.MINUTES,
    }  # fmt: skip
    return render(request, "campaigns/oauth/consent.html", context)


@requires(Action.ADMINISTER)
@require_safe
@never_cache
def consent_back(request: StaffRequest) -> HttpResponse:
    """Somebody comes back from the service, with a code or a refusal."""
    state, code, refused = (request.GET.get(name, "") for name in ("state", "code", "error"))
    try:
        asked = consent.read_state(state, session=_session(request))
    except Invalid as error:
        problem = {"problem": error.message, "crumbs": [(_("Settings"), reverse("settings"))]}
        return render(request, "campaigns/oauth/consent_back.html", problem, status=422)
    place, row = _found(asked.kind, asked.uid)
    context: dict[str, Any] = {
        "row": row,
        "kind": asked.kind,
        "crumbs": _crumbs(place),
        "host": consent.host_of(row.consent_url or row.token_url),
    }
    if refused or not code:
        said = " ".join((request.GET.get("error_description") or refused or "–").split())[:200]
        return render(request, "campaigns/oauth/consent_back.html", context | {"said": said}, status=422)
    return render(request, "campaigns/oauth/consent_back.html", context | {"code": code, "state": state})


@requires(Action.ADMINISTER)
@require_POST
def consent_keep(request: StaffRequest) -> HttpResponse:
    """Exchange the code, keep what came, and try it."""
    session = _session(request)
    try:
        asked = consent.read_state(request.POST.get("state", ""), session=session)
    except Invalid as error:
        toast(request, error.message, level="error")
        return HttpResponseRedirect(reverse("settings"))
    place, row = _found(asked.kind, asked.uid)
    try:
        code = request.POST.get("code", "")[:4000]
        consent.keep_consent(row, code=code, asked=asked, session=session, actor=request.user)
    except DomainError as error:
        toast(request, error.message, level="error")
        return HttpResponseRedirect(reverse("consent_page", args=[asked.kind, asked.uid]))
    try:
        toast(request, place.attempt(row))
    except DomainError as error:  # the yes is kept; what the mail server says is another matter
        toast(request, error.message, level="error")
    return done(request, reverse(place.back))


@requires(Action.ADMINISTER)
@require_POST
def consent_forget(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    place, row = _found(kind, uid)
    consent.forget_consent(row, actor=request.user)
    toast(request, _("Our tokens are gone. Take Groundswell off the account’s list of programs there, too."))
    return done(request, reverse(place.back))
