"""Signed links of networks: the one that confirms an application, a vote, and a member's own page, for the member or one of its
representatives. The first ends; a representative's ends with them, an institution's own when somebody else becomes its contact, and a
vote's when its holder no longer acts for the institution."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from crm.keyring import seal, unseal

if TYPE_CHECKING:
    from campaigns.networks.models import Member
    from contacts.directory.models import Person

CONFIRM, MEMBER, FORM = "network-confirm", "network-member", "network-form"
REPRESENTATIVE, VOTE = "network-representative", "network-vote"


def confirm_url(application_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_confirm", args=[seal(CONFIRM, application_uid.bytes)])


def member_url(member: Member) -> str:
    """For an institution the link is its contact's, and is over when somebody else is the contact."""
    contact = member.contact.uid.bytes if member.organization_id and member.contact else b""
    return settings.BASE_URL + reverse("network_membership", args=[seal(MEMBER, member.uid.bytes + contact)])


def read_member(text: str) -> tuple[UUID, UUID | None] | None:
    """(the member, the contact whose link it is); None when we did not make it."""
    return _read_pair(MEMBER, text)


def _read_pair(purpose: str, text: str) -> tuple[UUID, UUID | None] | None:
    body = unseal(purpose, text)
    if body is None or len(body) not in {16, 32}:
        return None
    return UUID(bytes=body[:16]), UUID(bytes=body[16:]) if len(body) == 32 else None


def own_page_url(member: Member) -> str:
    """The page of who joined, for letters and pages of their application; empty when they act for the institution no longer.

    Whoever the institution named later has a typed address: a former contact never gets the link of the one who followed.
    """
    people = member.representatives
    joined = people.filter(email="", named_by=None, person__isnull=False).order_by("pk").first()
    if joined is not None:
        return representative_url(joined.uid) if joined.state == joined.State.CURRENT else ""
    return "" if people.exists() else member_url(member)


def representative_url(representative_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_membership", args=[seal(REPRESENTATIVE, representative_uid.bytes)])


def vote_url(vote_uid: UUID, person: Person | None) -> str:
    """A member's vote in the hands of one person: for an individual themself, for an institution somebody who acts for it."""
    whose = person.uid.bytes if person else b""
    return settings.BASE_URL + reverse("network_vote", args=[seal(VOTE, vote_uid.bytes + whose)])


def read_vote(text: str) -> tuple[UUID, UUID | None] | None:
    """(the vote, the person whose link it is; None in links of old, which named nobody)."""
    return _read_pair(VOTE, text)


def read_uid(purpose: str, text: str) -> UUID | None:
    body = unseal(purpose, text)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None
