"""Who the session's user is: one query that also says what they may do, whether two-step is on and which roles must have it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest

from crm.accounts.demo_users import PASSWORD as DEMO_PASSWORD
from crm.accounts.models import Grant, Installation, User

_NAMES = ("id", "role", "is_everywhere", "campaigns", "countries", "created_at")
_GRANTS = ArraySubquery(
    Grant.objects.filter(user=OuterRef("pk")).order_by("pk").values(found=JSONObject(**{name: name for name in _NAMES}))
)


class SignInBackend(AuthenticationBackend):
    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """As allauth; but the demo's password, which is printed for everybody, opens nothing outside a laptop."""
        if not settings.LOCAL and credentials.get("password") == DEMO_PASSWORD:
            return None
        return super().authenticate(request, **credentials)

    def get_user(self, user_id: Any) -> User | None:
        """The user with `grant_rows`, `has_two_step`, and `two_step_roles` where a role must have it: no page pays a query more."""
        means = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
        roles = Installation.objects.values("two_step_roles")[:1]
        rows = User.objects.annotate(has_two_step=Exists(means), two_step_roles=Subquery(roles), granted=_GRANTS)
        found = rows.filter(pk=user_id).first()
        if found is None or not self.user_can_authenticate(found):
            return None
        granted = vars(found).pop("granted")
        if not found.is_partner:
            vars(found)["grant_rows"] = [_grant(found, values) for values in granted]
        return found


def _grant(user: User, values: dict[str, Any]) -> Grant:
    campaigns, since = [UUID(uid) for uid in values["campaigns"]], datetime.fromisoformat(values["created_at"])
    return Grant(**{**values, "user": user, "campaigns": campaigns, "created_at": since})
