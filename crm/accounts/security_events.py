"""What happens at sign-in and to its means, in the audit trail. allauth tells of it by its own signals."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.accounts import browser_sessions
from crm.accounts.models import User
from crm.accounts.session_models import device
from crm.addresses import client_address
from crm.audit.models import AuditEntry
from crm.audit.services import record

BETWEEN = " · "  # between the parts of what is said; retention cuts there
# the verbs, in the words of the list on the account page
VERBS = {
    "sign_in.done": gettext_noop("Signed in"),
    "sign_in.failed": gettext_noop("Wrong password"),
    "two_step.failed": gettext_noop("Wrong code"),
    "password.changed": gettext_noop("Password changed"),
    "password.reset": gettext_noop("Password changed by a mailed link"),
    "password.link_made": gettext_noop("An administrator made a password link"),
    "two_step.added": gettext_noop("Added"),
    "two_step.removed": gettext_noop("Removed"),
    "two_step.renamed": gettext_noop("Renamed"),
    "two_step.reset": gettext_noop("An administrator reset two-step sign-in"),
    "recovery_codes.made": gettext_noop("New recovery codes"),
    "recovery_code.used": gettext_noop("Recovery code used"),
    "session.ended": gettext_noop("Signed out elsewhere"),
}


def recent(user: User, *, limit: int = 12) -> list[tuple[str, AuditEntry]]:
    """(words, entry) of what lately happened to this account's sign-in, newest first."""
    found = AuditEntry.objects.filter(object_uid=user.uid, verb__in=VERBS).select_related("actor").order_by("-at")
    return [(_(VERBS[entry.verb]), entry) for entry in found[:limit]]


def _where(request: HttpRequest | None) -> str:
    if request is None:
        return ""
    return f"{client_address(request)}{BETWEEN}{device(request.META.get('HTTP_USER_AGENT', ''))}"


def _said(request: HttpRequest | None, *words: Any) -> str:
    return BETWEEN.join(str(word) for word in [*words, _where(request)] if word)


def _name(authenticator: Authenticator) -> str:
    kind = {
        Authenticator.Type.TOTP: _("authenticator app"),
        Authenticator.Type.RECOVERY_CODES: _("recovery codes"),
    }.get(authenticator.type)
    return kind or _("passkey “%(name)s”") % {"name": authenticator.data.get("name", "")}


def _noted(verb: str, user: User, request: HttpRequest | None, *words: Any) -> None:
    record(verb=verb, target=user, actor=user, summary=_said(request, *words))


def _on_session(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Every way in, also by invitation: Django's own signal, sent when the session has its new key."""
    if isinstance(user, User) and hasattr(request, "session"):
        browser_sessions.forget_ended(user)
        browser_sessions.note(request, user)


def _on_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    records = get_authentication_records(request, user)
    words = {
        "password": _("password"),
        "totp": _("code"),
        "webauthn": _("passkey"),
        "recovery_codes": _("recovery code"),
    }
    used = [words.get(str(one.get("type") or one.get("method")), "") for one in records]
    _noted("sign_in.done", user, request, " + ".join(filter(None, used)))


def _on_wrong_password(sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
    """For accounts that exist; allauth's limits keep somebody from filling the trail with these."""
    user = User.objects.filter(email__iexact=str(credentials.get("email", "")).strip()).first()
    if user is not None:
        record(verb="sign_in.failed", target=user, summary=_said(request), door="screen")


def _on_wrong_code(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    record(verb="two_step.failed", target=user, summary=_said(request, _name(authenticator)), door="screen")


def _on_password_changed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    _noted("password.changed", user, request)
    browser_sessions.end_others(request, user, why=_("All others, after a new password"))


def _on_password_reset(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    _noted("password.reset", user, request)
    browser_sessions.end_others(request, user, why=_("All, after a new password"))


def _on_added(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    verb = "recovery_codes.made" if authenticator.type == Authenticator.Type.RECOVERY_CODES else "two_step.added"
    _noted(verb, user, request, _name(authenticator))


def _on_removed(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _noted("two_step.removed", user, request, _name(authenticator))


def _on_new_codes(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _noted("recovery_codes.made", user, request)


def _on_used(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        left = len(authenticator.wrap().get_unused_codes())
        _noted("recovery_code.used", user, request, _("%(left)s left") % {"left": left})


def connect() -> None:
    """Once, when accounts are registered."""
    for signal, receiver in [
        (auth.user_logged_in, _on_session),
        (auth.user_login_failed, _on_wrong_password),
        (account.user_logged_in, _on_sign_in),
        (account.password_changed, _on_password_changed),
        (account.password_reset, _on_password_reset),
        (mfa.authenticator_added, _on_added),
        (mfa.authenticator_removed, _on_removed),
        (mfa.authenticator_reset, _on_new_codes),
        (mfa.authenticator_used, _on_used),
        (mfa.authentication_failed, _on_wrong_code),
    ]:
        signal.connect(receiver, dispatch_uid=f"accounts.{receiver.__name__}")
