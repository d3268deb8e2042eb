"""The letter that says no to an offer, in the language of whoever offered. It waits a few minutes: until it left, undo takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.networks.links import member_url, representative_url
from campaigns.networks.models import Member
from campaigns.offers.models import CommitmentOffer, OfferLetter
from contacts.consent import letters as lane
from crm.accounts.models import Installation

WAIT = timedelta(minutes=5)  # as long as the notice with “Undo” may be thought about


def queue(offer: CommitmentOffer) -> OfferLetter:
    return OfferLetter.objects.create(offer=offer, due_at=timezone.now() + WAIT)


def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Send what is due; returns how many went."""
    letters = OfferLetter.objects.select_related("offer__organization", "offer__offered_by")
    return lane.mail_due(letters, _written, limit=limit, now=now)


@dataclass(frozen=True)
class Reader:
    """Whoever offered; the institution itself where that is not known any more. own_page: empty for who acts for it no longer."""

    address: str
    name: str
    language: str
    own_page: str = ""


def reader_of(offer: CommitmentOffer) -> Reader:
    person, organization = offer.offered_by, offer.organization
    if person is not None and (point := person.contact_points.best()):
        language = person.language or organization.language or "en"
        return Reader(point.value, person.label, language, _own_page(offer))
    point = organization.contact_points.best()
    return Reader(point.value if point else "", "", organization.language or "en")


def _own_page(offer: CommitmentOffer) -> str:
    members = Member.objects.filter(
        organization=offer.organization, network__campaign=offer.campaign_id, left_at__isnull=True
    )
    for member in members.select_related("contact").order_by("pk"):
        acting = member.representatives.current().filter(person=offer.offered_by).first()
        if acting is not None:
            return representative_url(acting.uid)
        if member.contact_id == offer.offered_by_id:
            return member_url(member)
    return ""


def _written(letter: OfferLetter) -> lane.Written:
    reader = reader_of(letter.offer)
    return lane.Written(reader.address, lambda: _message(letter.offer, reader))


def _message(offer: CommitmentOffer, reader: Reader) -> EmailMessage:
    with translation.override(reader.language):
        context = {
            "offer": offer, "name": reader.name, "own_page": reader.own_page, "organization": Installation.current()
        }  # fmt: skip
        return EmailMessage(
            subject=_("What you offered to do"),
            body=render_to_string("campaigns/offers/mail/declined.txt", context),
            to=[reader.address],
            headers={"Auto-Submitted": "auto-generated", "Content-Language": reader.language},
        )
