"""Signed links of delegations: who names, and a delegate's own page. A nominator's carries the edition of the link: a new one ends it."""

from __future__ import annotations

import struct
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from campaigns.delegations.models import Nomination, Nominator
from crm.keyring import seal, unseal

NOMINATE, DELEGATE = "delegation-nominate", "delegation-delegate"


def nominate_url(nominator: Nominator) -> str:
    body = nominator.uid.bytes + struct.pack(">I", nominator.edition)
    return settings.BASE_URL + reverse("delegation_nominate", args=[seal(NOMINATE, body)])


def delegate_token(nomination: Nomination) -> str:
    return seal(DELEGATE, nomination.uid.bytes)


def delegate_url(nomination: Nomination) -> str:
    return settings.BASE_URL + reverse("delegate_page", args=[delegate_token(nomination)])


def is_ours(token: str) -> bool:
    return any(unseal(purpose, token) is not None for purpose in (NOMINATE, DELEGATE))


def read_nominator(token: str) -> Nominator | None:
    """None for a forged link, for one that was revoked or replaced by a new one, and when the event is over."""
    body = unseal(NOMINATE, token)
    if body is None or len(body) != 20:
        return None
    row = (
        Nominator.objects.live()
        .filter(uid=UUID(bytes=body[:16]), edition=struct.unpack(">I", body[16:])[0])
        .select_related(
            "delegation__event__composition", "delegation__event__drive__campaign", "delegation__event__country", "delegation__country",
            "delegation__organization", "organization", "constituency",
        )
        .first()
    )  # fmt: skip
    return None if row is None or row.delegation.event.is_over else row


def read_delegate(token: str) -> Nomination | None:
    """None for a forged link, and for who is no longer of the delegation."""
    body = unseal(DELEGATE, token)
    if body is None or len(body) != 16:
        return None
    rows = Nomination.objects.accepted().filter(uid=UUID(bytes=body), delegation__left_out_at=None)
    return rows.select_related(
        "delegation__event__composition__sender", "delegation__event__drive__campaign", "delegation__event__country",
        "delegation__country", "delegation__organization", "organization", "constituency", "registration", "person",
    ).first()  # fmt: skip
