"""Signed links of networks: the one that confirms an application, a vote, and a member's own page, for the member or one of its
representatives. The first ends; a representative's ends with them."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from crm.keyring import seal, unseal

CONFIRM, MEMBER, FORM = "network-confirm", "network-member", "network-form"
REPRESENTATIVE, VOTE = "network-representative", "network-vote"


def confirm_url(application_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_confirm", args=[seal(CONFIRM, application_uid.bytes)])


def member_url(member_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_membership", args=[seal(MEMBER, member_uid.bytes)])


def representative_url(representative_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_membership", args=[seal(REPRESENTATIVE, representative_uid.bytes)])


def vote_url(vote_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_vote", args=[seal(VOTE, vote_uid.bytes)])


def read_uid(purpose: str, text: str) -> UUID | None:
    body = unseal(purpose, text)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None
