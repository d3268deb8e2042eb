"""One's weekly mail as it would leave now, and the page on which it is turned off without signing in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from campaigns.digest.building import digest_of
from campaigns.digest.mailing import choose, is_on, user_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires
from crm.limits import allow_from
from crm.ui.public import language_of, public_page
from crm.ui.responses import done
from crm.ui.toasts import toast


@requires(Action.SEE)
def digest(request: StaffRequest) -> HttpResponse:
    """What it says this week; a POST turns it on or off."""
    if request.method == "POST":
        is_off = request.POST.get("is_off") == "1"
        entry = choose(user=request.user, is_off=is_off, actor=request.user)
        words = _("You get no weekly mail any more.") if is_off else _("You get the weekly mail from next Monday on.")
        toast(request, words, undo=entry)
        return done(request, request.path)
    context = {"digest": digest_of(request.user), "is_on": is_on(request.user)}
    return render(request, "campaigns/digest/digest.html", context)


@public
@csrf_exempt  # the signed token is the credential; there is no cookie that another site could ride on
def digest_off(request: HttpRequest, token: str) -> HttpResponse:
    """A GET changes nothing; a POST, by the button or by a mail program (RFC 8058), turns the weekly mail off."""
    user = user_of(token)
    with translation.override(language_of(request, user.language if user else "")):
        if request.method not in {"GET", "HEAD", "POST"}:
            answer = HttpResponse(status=204 if request.method == "OPTIONS" else 405)
            answer["Allow"] = "GET, HEAD, POST, OPTIONS"
        elif user is None:
            answer = public_page(request, "campaigns/digest/public/over.html", status=404)
        elif request.method == "POST" and not allow_from("digest", request, limit=60, seconds=3600):
            answer = HttpResponse(status=429)
            answer["Retry-After"] = "3600"
        else:
            if request.method == "POST":
                choose(user=user, is_off=request.POST.get("on") != "1", actor=None)
            answer = public_page(request, "campaigns/digest/public/off.html", is_on=is_on(user))
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer
