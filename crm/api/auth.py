"""`Authorization: Bearer gsw_…`: the request acts as the token's user, with the grants cut down to the token's scopes."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from crm.accounts.models import User
from crm.api.models import ApiToken
from crm.api.problems import Problem
from crm.api.scopes import actions_of
from crm.api.services import find_token, note_use
from crm.limits import allow_from

FAILURES, PER_SECONDS = 60, 60  # wrong tokens from one address


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken]:
        text = _bearer(request)
        token = find_token(text) if text else None
        now = timezone.now()
        if token is None:
            _count_failure(request, bool(text))
            raise _refused(_("No token was sent, or there is no such token."))
        if token.revoked_at is not None:
            raise _refused(_("This token was revoked."), "token_revoked")
        if token.is_expired:
            raise _refused(_("This token has expired."), "token_expired")
        if not token.user.is_active:
            raise _refused(_("The user of this token cannot sign in any more."), "user_inactive")
        note_use(token, now)
        token.user.limited_to = actions_of(token.scopes)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Groundswell"'


def _bearer(request: Request) -> str:
    scheme, _space, text = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _count_failure(request: Request, was_tried: bool) -> None:
    if was_tried and not allow_from("api-auth", request._request, limit=FAILURES, seconds=PER_SECONDS):
        raise Problem(429, _("Too many wrong tokens from this address."), headers={"Retry-After": str(PER_SECONDS)})


def _refused(sentence: str, code: str = "") -> Problem:
    return Problem(401, sentence, code=code, headers={"WWW-Authenticate": 'Bearer realm="Groundswell"'})
