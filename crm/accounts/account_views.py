"""One's own sessions; and what administrators set and reset of two-step sign-in."""

from __future__ import annotations

from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import browser_sessions, queries, two_step, two_step_services
from crm.accounts.forms import SignInPolicyForm
from crm.accounts.models import Installation, User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires, signed_in
from crm.accounts.session_models import BrowserSession
from crm.ui.responses import form_page
from crm.ui.toasts import toast


@public
@never_cache
@require_safe
def fresh_token(request: HttpRequest) -> HttpResponse:
    """The CSRF token of a session that was begun in another tab, for a page that is still open; nothing for a visitor."""
    if not request.user.is_authenticated or getattr(request.user, "is_partner", False):
        return HttpResponse(status=204)
    return JsonResponse({"token": get_token(request)})


@signed_in
@never_cache
@require_safe
def session_list(request: StaffRequest) -> HttpResponse:
    sessions = list(queries.live_sessions(request.user))
    return render(request, "accounts/sessions.html", {"sessions": sessions, "tab": "sessions"})


@signed_in
@require_POST
def session_end(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Sign one browser out. Twice is once: a row that is gone by now is as wished."""
    one = BrowserSession.objects.filter(uid=uid).exclude(session_key=request.session.session_key or "")
    browser_sessions.end(sessions=one, user=request.user, actor=request.user)
    toast(request, _("That browser is signed out."))
    return redirect("session_list")


@signed_in
@require_POST
def sessions_end_others(request: StaffRequest) -> HttpResponse:
    ended = browser_sessions.end_others(request, request.user)
    said = ngettext("%(n)s other browser is signed out.", "%(n)s other browsers are signed out.", ended)
    toast(request, said % {"n": ended})
    return redirect("session_list")


@requires(Action.ADMINISTER)
@require_POST
@reauthentication_required
def user_reset_two_step(request: StaffRequest, uid: UUID) -> HttpResponse:
    user = get_object_or_404(User, uid=uid)
    two_step_services.reset_two_step(user=user, actor=request.user)
    get_adapter().send_notification_mail("accounts/mail/two_step_reset", user)
    toast(request, _("Two-step sign-in of %(name)s is reset, and every browser signed out.") % {"name": user.name})
    return redirect("user_detail", uid=user.uid)


@requires(Action.ADMINISTER)
@never_cache
def sign_in_policy(request: StaffRequest) -> HttpResponse:
    """Which roles must have two-step sign-in, and who has it."""
    rule = Installation.current()
    initial = {"roles": rule.two_step_roles, "grace_days": rule.two_step_grace_days}
    form = SignInPolicyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        two_step_services.set_policy(actor=request.user, **form.cleaned_data)
        toast(request, _("The rule for sign-in is saved."))
        return redirect("sign_in_policy")
    people = [person for person in queries.users_with_grants() if person.is_active]
    until = two_step.deadlines(people)
    for person in people:
        person.must_until = until.get(person.pk)  # type: ignore[attr-defined]
    crumbs = [(_("Settings"), reverse("settings"))]
    return form_page(request, "accounts/sign_in_policy.html", {"people": people, "crumbs": crumbs}, form=form)
