"""Who the session's user is: one query that also says whether two-step is on and which roles must have it."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest

from crm.accounts.demo_users import PASSWORD as DEMO_PASSWORD
from crm.accounts.models import Installation, User


class SignInBackend(AuthenticationBackend):
    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """As allauth; but the demo's password, which is printed for everybody, opens nothing outside a laptop."""
        if not settings.LOCAL and credentials.get("password") == DEMO_PASSWORD:
            return None
        return super().authenticate(request, **credentials)

    def get_user(self, user_id: Any) -> User | None:
        """The user with `has_two_step`, and with `two_step_roles` where a role must have it: no page pays a query more."""
        means = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
        roles = Installation.objects.values("two_step_roles")[:1]
        user = User.objects.annotate(has_two_step=Exists(means), two_step_roles=Subquery(roles)).filter(pk=user_id)
        found = user.first()
        return found if found is not None and self.user_can_authenticate(found) else None
