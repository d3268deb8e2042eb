"""One's weekly mail as it would leave now, and the page on which it is turned off without signing in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.digest.building import digest_of
from campaigns.digest.mailing import choose, is_on, user_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.limits import allow_from
from crm.ui.public import by_link, language_of, public_page
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


@by_link
def digest_off(request: HttpRequest, token: str) -> HttpResponse:
    """A GET changes nothing; a POST, by the button or by a mail program (RFC 8058), turns the weekly mail off."""
    user = user_of(token)
    with translation.override(language_of(request, user.language if user else "")):
        if user is None:
            answer = public_page(request, "campaigns/digest/public/over.html", status=404)
        elif request.method == "POST" and not allow_from("digest", request, limit=60, seconds=3600):
            answer = HttpResponse(status=429)
            answer["Retry-After"] = "3600"
        else:
            if request.method == "POST":
                choose(user=user, is_off=request.POST.get("on") != "1", actor=None)
            answer = public_page(request, "campaigns/digest/public/off.html", is_on=is_on(user))
    return answer
