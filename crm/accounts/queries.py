"""Questions asked of users and invitations."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from crm.accounts.models import Grant, Invitation, User
from crm.accounts.session_models import BrowserSession


def users_with_grants() -> QuerySet[User]:
    """All members of staff, active ones first, their grants with them, and whether they have two-step sign-in."""
    grants = Prefetch("grants", queryset=Grant.objects.order_by("role", "id"))
    means = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    people = User.objects.staff().annotate(has_two_step=Exists(means)).prefetch_related(grants)
    return people.order_by("-is_active", "name", "id")


def live_sessions(user: User) -> QuerySet[BrowserSession]:
    """Where `user` is signed in now, the latest used first."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    return BrowserSession.objects.filter(Exists(alive), user=user).order_by("-last_seen_at", "-id")


def open_invitations() -> QuerySet[Invitation]:
    """Neither accepted nor taken back, newest first; expired ones are among them, to be sent again."""
    return (
        Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)
        .select_related("invited_by")
        .order_by("-created_at")
    )


def is_expired(invitation: Invitation) -> bool:
    return invitation.expires_at <= timezone.now()
