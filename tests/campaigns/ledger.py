"""Rows of the delivery ledger for tests, without the engine."""

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from campaigns.delivery.models import Delivery, DeliveryChunk, Feedback
from campaigns.delivery.partitions import ensure_partitions
from contacts.consent.addresses import address_hash
from tests.factories import ContactPointFactory, MailingFactory, PersonFactory


def sent_mailing(**kwargs):
    mailing = MailingFactory(state="finished", **kwargs)
    ensure_partitions()
    return mailing


def delivery(mailing, *, person=None, state="accepted", address="", at=None, **kwargs):
    """One row; an accepted one has a person with that address, unless it is told otherwise."""
    seq = (
        kwargs.pop("seq", None)
        or (Delivery.objects.filter(mailing_id=mailing.pk).order_by("-seq").values_list("seq", flat=True).first() or 0)
        + 1
    )
    at = at or timezone.now()
    if person is None and "person_id" not in kwargs:
        person = PersonFactory()
    address = address or f"p{mailing.pk}.{seq}@example.org"
    point = None
    if state != "skipped":
        point = ContactPointFactory(person=person, value=address) if person else None
        kwargs.setdefault("address_key", address)
        kwargs.setdefault("address_hash", address_hash(kwargs["address_key"]))
        kwargs.setdefault("contact_point_id", point.pk if point else None)
    else:
        kwargs.setdefault("skip_reason", "no_permission")
    if state in ("accepted", "failed"):
        kwargs.setdefault("settled_at", at)
    kwargs.setdefault("person_id", person.pk if person else None)
    Delivery.objects.bulk_create([Delivery(mailing_id=mailing.pk, seq=seq, state=state, address=address, **kwargs)])
    return Delivery.objects.get(mailing_id=mailing.pk, seq=seq)


def feedback(row, kind="hard_bounce", reason="550 5.1.1 No such mailbox", status="5.1.1"):
    return Feedback.objects.create(
        mailing_id=row.mailing_id, seq=row.seq, kind=kind, reason=reason, status=status, at=timezone.now()
    )


def finish(mailing):
    """What the engine leaves behind: the audience's size, and a chunk with its counts."""
    states = list(Delivery.objects.filter(mailing_id=mailing.pk).values_list("state", flat=True))
    mailing.audience_count = len(states)
    mailing.started_at = mailing.started_at or timezone.now() - timedelta(hours=2)
    mailing.finished_at = mailing.finished_at or timezone.now() - timedelta(hours=1)
    mailing.save()
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).delete()
    DeliveryChunk.objects.create(
        mailing_id=mailing.pk, first_seq=1, last_seq=max(len(states), 1), due_at=timezone.now(), is_done=True,
        counts=dict(Counter(states)),
    )  # fmt: skip
    return mailing
