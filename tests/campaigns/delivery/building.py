"""Bring a mailing to where a test begins."""

from django.utils import timezone

from campaigns.delivery.audience import audience_summary
from campaigns.delivery.freezing import freeze
from campaigns.delivery.partitions import ensure_partitions
from campaigns.mailings.approval import hash_of, snapshot
from campaigns.mailings.models import Approval, Mailing
from campaigns.mailings.states import State
from contacts.consent.services import grant_consent
from tests.campaigns.delivery.sinks import RunningSink
from tests.factories import ContactPointFactory, PersonFactory

EVERYBODY = {"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": ["ZM"]}]}


def subscriber(topic, number: int = 0, **person):  # type: ignore[no-untyped-def]
    """A person with an address and permission for the topic."""
    row = PersonFactory(**person)
    ContactPointFactory(person=row, **({"value": f"p{number}@people.test"} if number else {}))
    grant_consent(subject=row, topic=topic, lawful_basis="consent", source="test")
    return row


def to_freezing(mailing: Mailing, *, count: int | None = None) -> Mailing:
    """As if approved just now for `count` people (default: as many as there are)."""
    ensure_partitions()
    snap = snapshot(mailing)
    mailing.approval = Approval.objects.create(
        mailing=mailing,
        content_hash=hash_of(snap),
        snapshot=snap,
        audience_count=audience_summary(mailing).will_get if count is None else count,
    )
    mailing.state, mailing.send_at = State.FREEZING, timezone.now()
    mailing.save()
    return mailing


def to_sending(mailing: Mailing) -> Mailing:
    assert freeze(mailing_id=to_freezing(mailing).pk)
    mailing.refresh_from_db()
    assert mailing.state == State.SENDING
    return mailing


def use(mailing: Mailing, sink: RunningSink) -> None:
    mailing.transport.url = sink.url
    mailing.transport.save()
