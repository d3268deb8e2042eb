"""Signed links of events: the answer to an invitation, by its delivery or by itself, and somebody's own seat. GET changes nothing behind any."""

from __future__ import annotations

import struct
import time
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from campaigns.delivery.models import Delivery
from campaigns.events.models import EventMailing, Invitation, Registration
from crm.keyring import seal, unseal

DELIVERED, INVITED, SEAT = "event-delivery", "event-invitation", "event-seat"
CONFIRM, PAGE = "event-sign-up", "event-sign-up-page"
QUICKEST, STALE = 2, 86_400  # seconds that a person needs for the form, and for which its page is good


def delivered_url(mailing_id: int, seq: int) -> str:
    """The answer link in one message of a mailing."""
    return _answer(seal(DELIVERED, struct.pack(">QI", mailing_id, seq)))


def invitation_url(invitation: Invitation) -> str:
    return _answer(seal(INVITED, invitation.uid.bytes))


def seat_url(registration: Registration) -> str:
    return settings.BASE_URL + reverse("event_seat", args=[seal(SEAT, registration.uid.bytes)])


def confirm_url(sign_up_uid: UUID) -> str:
    return settings.BASE_URL + reverse("event_sign_up_confirm", args=[seal(CONFIRM, sign_up_uid.bytes)])


def read_confirm(token: str) -> UUID | None:
    body = unseal(CONFIRM, token)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None


def page_token(event_id: int, before: str = "") -> str:
    """before: of the page that came back. It keeps its time, for who only mends a word is no program; one that is days old begins anew."""
    age = _age(before, event_id)
    at = int(time.time() - age) if age is not None and age <= STALE else int(time.time())
    return seal(PAGE, struct.pack(">QQ", event_id, at))


def took_its_time(token: str, event_id: int) -> bool:
    """Whether the form was fetched for this event some seconds ago, and not days ago."""
    age = _age(token, event_id)
    return age is not None and QUICKEST <= age <= STALE


def _age(token: str, event_id: int) -> float | None:
    body = unseal(PAGE, token) if token else None
    if body is None or len(body) != 16:
        return None
    of_event, at = struct.unpack(">QQ", body)
    return time.time() - at if of_event == event_id else None


def _answer(token: str) -> str:
    return settings.BASE_URL + reverse("event_answer", args=[token])


def is_ours(token: str) -> bool:
    return any(unseal(purpose, token) is not None for purpose in (DELIVERED, INVITED, SEAT))


def read_invitation(token: str) -> Invitation | None:
    """The invitation that a token was made for; None for a forged one, and for one that is gone."""
    rows = Invitation.objects.select_related(
        "event__drive__campaign", "event__form", "person", "organization__constituency", "event__country"
    )
    if body := unseal(INVITED, token):
        return rows.filter(uid=UUID(bytes=body)).first() if len(body) == 16 else None
    body = unseal(DELIVERED, token)
    if body is None or len(body) != 12:
        return None
    mailing_id, seq = struct.unpack(">QI", body)
    return invitation_of(mailing_id, seq)


def invitation_of(mailing_id: int, seq: int) -> Invitation | None:
    """Of whom a delivery went to: a reminder leads to the same invitation as the mail before."""
    rows = Invitation.objects.select_related(
        "event__drive__campaign", "event__form", "person", "organization__constituency", "event__country"
    )
    if row := rows.filter(mailing_id=mailing_id, seq=seq).first():
        return row
    event_id = EventMailing.objects.filter(mailing_id=mailing_id).values_list("event_id", flat=True).first()
    sent = Delivery.objects.filter(mailing_id=mailing_id, seq=seq).only("person_id", "organization_id").first()
    if event_id is None or sent is None:
        return None
    if sent.person_id:
        return rows.filter(event_id=event_id, person_id=sent.person_id).first()
    return rows.filter(event_id=event_id, organization_id=sent.organization_id or 0, person=None).first()


def read_seat(token: str) -> Registration | None:
    body = unseal(SEAT, token)
    rows = Registration.objects.select_related(
        "event__drive__campaign", "event__country", "invitation", "organization", "host"
    )
    return rows.filter(uid=UUID(bytes=body)).first() if body is not None and len(body) == 16 else None
