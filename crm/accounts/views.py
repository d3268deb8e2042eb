"""Accounts: the way in by invitation, one's own profile, and who may do what."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib.auth import login
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from crm import broker
from crm.accounts import queries, security_events, services, two_step
from crm.accounts.forms import GrantForm, InvitationForm, JoinForm, ProfileForm
from crm.accounts.models import Grant, Invitation, User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import TABLE, Action, Role, public, requires, signed_in
from crm.errors import DomainError
from crm.ui import settings_pages
from crm.ui.toasts import toast


def _crumbs(*names: str) -> list[tuple[str, str]]:
    """The way back: Settings, then the pages named by URL name."""
    labels = {"settings": _("Settings"), "user_list": _("People and grants")}
    return [(labels[name], reverse(name)) for name in names]


AUTH_BACKEND = "crm.accounts.backends.SignInBackend"


@public
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of what stands behind it."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
@never_cache
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """PostgreSQL and Valkey (both, where the cache has its own) answer; 503 with the name of what does not."""
    problems: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:  # whatever the driver raises, the answer is "not ready"
        problems["postgresql"] = type(error).__name__
    try:
        cache.set("readyz", "1", 5)
        if settings.CACHE_URL != settings.REDIS_URL:
            broker.ping()
    except Exception as error:  # same
        problems["valkey"] = type(error).__name__
    return JsonResponse({"ready": not problems, "problems": problems}, status=503 if problems else 200)


@public
@never_cache
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the form and changes nothing; POST makes the account and signs in."""
    invitation = services.find_invitation(token)
    if invitation is None:
        return render(request, "accounts/invitation_closed.html", status=410)
    form = JoinForm(request.POST or None, initial={"name": invitation.name})
    if request.method == "POST" and form.is_valid():
        user = services.accept_invitation(token=token, **form.cleaned_data)
        login(request, user, backend=AUTH_BACKEND)
        toast(request, _("Welcome, %(name)s.") % {"name": user.name})
        return redirect("today")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/invitation_accept.html", {"form": form, "invitation": invitation}, status=status)


@signed_in
def profile(request: StaffRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        services.edit_profile(user=User.objects.get(pk=request.user.pk), **form.cleaned_data)
        toast(request, _("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "tab": "profile"}
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@requires(Action.ADMINISTER)
@require_GET
def settings_index(request: StaffRequest) -> HttpResponse:
    """All settings screens that exist, each with what it is for."""
    return render(request, "accounts/settings.html", {"pages": settings_pages.pages_for(request.user)})


@requires(Action.ADMINISTER)
@require_GET
def user_list(request: StaffRequest) -> HttpResponse:
    invitations = list(queries.open_invitations())
    return render(
        request,
        "accounts/user_list.html",
        {
            "users": queries.users_with_grants(),
            "invitations": invitations,
            "now": timezone.now(),
            "table": [(action.label, [action in TABLE[role] for role in Role]) for action in Action],
            "roles": Role.labels,
            "crumbs": _crumbs("settings"),
        },
    )


@requires(Action.ADMINISTER)
def user_invite(request: StaffRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invitation, link = services.invite(actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error("email", error.message)
        else:
            is_mailed = services.mail_invitation(invitation=invitation, link=link)
            context = {"invitation": invitation, "link": link, "is_mailed": is_mailed, "days": settings.INVITATION_DAYS}
            context["crumbs"] = _crumbs("settings", "user_list")
            return render(request, "accounts/invitation_sent.html", context)
    return render(
        request,
        "accounts/user_invite.html",
        {"form": form, "crumbs": _crumbs("settings", "user_list")},
        status=422 if form.errors else 200,
    )


@requires(Action.ADMINISTER)
@require_POST
def invitation_revoke(request: StaffRequest, uid: UUID) -> HttpResponse:
    invitation = get_object_or_404(Invitation, uid=uid)
    services.revoke_invitation(invitation=invitation, actor=request.user)
    toast(request, _("The invitation of %(email)s is taken back.") % {"email": invitation.email})
    return redirect("user_list")


@requires(Action.ADMINISTER)
def user_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    user = get_object_or_404(queries.users_with_grants(), uid=uid)
    form = GrantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_grant(user=user, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("%(name)s has a new grant.") % {"name": user.name})
            return redirect("user_detail", uid=user.uid)
    return render(
        request,
        "accounts/user_detail.html",
        {
            "person": user,
            "form": form,
            "crumbs": _crumbs("settings", "user_list"),
            "recent": security_events.recent(user),
            "must_until": two_step.missing_until(user),
        },
        status=422 if form.errors else 200,
    )


@requires(Action.ADMINISTER)
@require_POST
def grant_remove(request: StaffRequest, uid: UUID, grant_id: int) -> HttpResponse:
    grant = get_object_or_404(Grant.objects.select_related("user"), user__uid=uid, pk=grant_id)
    services.remove_grant(grant=grant, actor=request.user)
    toast(request, _("The grant is removed."))
    return redirect("user_detail", uid=uid)


@requires(Action.ADMINISTER)
@require_POST
def user_activate(request: StaffRequest, uid: UUID) -> HttpResponse:
    is_active = request.POST.get("is_active") == "true"
    user = services.set_active(user=get_object_or_404(User, uid=uid), is_active=is_active, actor=request.user)
    said = _("%(name)s can sign in again.") if is_active else _("%(name)s cannot sign in any more.")
    toast(request, said % {"name": user.name})
    return redirect("user_detail", uid=uid)


@requires(Action.ADMINISTER)
@never_cache
@require_POST
@reauthentication_required
def user_password_link(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A link to a new password, for when mail is down: shown once."""
    user = get_object_or_404(User, uid=uid)
    context = {"person": user, "link": services.password_link(user=user, actor=request.user)}
    return render(request, "accounts/password_link.html", {**context, "crumbs": _crumbs("settings", "user_list")})
