"""Questions asked of users and invitations."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from crm.accounts.models import Grant, Invitation, User


def users_with_grants() -> QuerySet[User]:
    """All users, active ones first, their grants with them."""
    grants = Prefetch("grants", queryset=Grant.objects.order_by("role", "id"))
    return User.objects.prefetch_related(grants).order_by("-is_active", "name", "id")


def open_invitations() -> QuerySet[Invitation]:
    """Neither accepted nor taken back, newest first; expired ones are among them, to be sent again."""
    return (
        Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)
        .select_related("invited_by")
        .order_by("-created_at")
    )


def is_expired(invitation: Invitation) -> bool:
    return invitation.expires_at <= timezone.now()
