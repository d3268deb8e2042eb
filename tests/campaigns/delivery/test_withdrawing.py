"""Who withdraws a topic gets nothing more on it: not what waits, nor what a freeze wrote beside the withdrawal, nor another try of what
was on its way just then."""

import threading

import pytest
from django.db import connection, transaction

from campaigns.delivery.freezing import freeze
from campaigns.delivery.models import Delivery, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.engagement.services import unsubscribe
from campaigns.mailings.services import pause
from contacts.consent.services import grant_consent, stop_everything, withdraw_consent
from contacts.consent.subjects import Subject
from tests.campaigns.delivery.building import subscriber, to_freezing, to_sending
from tests.factories import TopicFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(mailing):
    return [subscriber(mailing.topic, number) for number in (1, 2, 3)]


def state_of(mailing, person):
    row = Delivery.objects.get(mailing_id=mailing.pk, person_id=person.pk)
    return row.state, row.reply_text


def test_what_waits_is_cancelled_with_the_withdrawal(mailing, people):
    to_sending(mailing)
    first, second, _third = people
    seq = Delivery.objects.get(mailing_id=mailing.pk, person_id=second.pk).seq
    Delivery.objects.filter(mailing_id=mailing.pk, seq=seq).update(state="deferred")
    DeliveryRetry.objects.create(mailing_id=mailing.pk, seq=seq, due_at=mailing.frozen_at)

    withdraw_consent(subject=first, topic=mailing.topic, source="officer")
    unsubscribe(mailing_id=mailing.pk, seq=seq)

    assert state_of(mailing, first) == state_of(mailing, second) == ("cancelled", "unsubscribed")
    assert not DeliveryRetry.objects.exists()
    assert (counts(mailing.pk)["pending"], counts(mailing.pk)["cancelled"]) == (1, 2)


def test_another_topic_and_what_has_left_stay(mailing, people):
    to_sending(mailing)
    first, second, third = people
    other = TopicFactory()
    grant_consent(subject=first, topic=other, lawful_basis="consent", source="test")
    Delivery.objects.filter(mailing_id=mailing.pk, person_id=second.pk).update(state="accepted")

    withdraw_consent(subject=first, topic=other, source="officer")
    withdraw_consent(subject=second, topic=mailing.topic, source="officer")

    assert [state_of(mailing, person)[0] for person in people] == ["pending", "accepted", "pending"]
    pause(mailing=mailing)
    stop_everything(subject=Subject.of(third))
    assert state_of(mailing, third)[0] == "cancelled"


def test_withdrawal_beside_a_freeze_is_seen_when_it_ends(mailing, people, monkeypatch):
    """In its own transaction: a process that is killed right behind it leaves nobody to look again."""
    to_freezing(mailing)

    def late(mailing_id, content):
        """As if it were committed while the rows were written: nothing of them was to be seen from there."""
        monkeypatch.setattr("contacts.consent.services.ledger._WITHDRAWN", [])
        withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")

    monkeypatch.setattr("campaigns.delivery.freezing._keep_links", late)

    assert freeze(mailing_id=mailing.pk)

    assert [state_of(mailing, person)[0] for person in people] == ["cancelled", "pending", "pending"]
    assert sum(counts(mailing.pk).values()) == 3


def waits(kind: str) -> bool:
    """Whether somebody waits for the lock that withdrawals share with the end of a freeze."""
    with connection.cursor() as cursor:
        for _number in range(400):
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 7102 AND mode = %s AND NOT granted)",
                [kind],
            )
            if cursor.fetchone()[0]:
                return True
            threading.Event().wait(0.05)
    return False


def beside(work):
    """Run in a thread, on a connection of its own."""

    def run() -> None:
        work()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_freeze_waits_for_a_withdrawal_that_is_not_committed_yet(mailing, people):
    to_freezing(mailing)

    with transaction.atomic():
        withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")
        freezing = beside(lambda: freeze(mailing_id=mailing.pk))
        assert waits("ExclusiveLock")
    freezing.join(20)

    assert [state_of(mailing, person)[0] for person in people] == ["cancelled", "pending", "pending"]


@pytest.mark.django_db(transaction=True)
def test_withdrawal_waits_for_a_freeze_that_ends_and_finds_its_rows(mailing, people):
    to_freezing(mailing)

    with transaction.atomic():
        assert freeze(mailing_id=mailing.pk)
        withdrawing = beside(lambda: withdraw_consent(subject=people[0], topic=mailing.topic, source="officer"))
        assert waits("ShareLock")
    withdrawing.join(20)

    assert [state_of(mailing, person)[0] for person in people] == ["cancelled", "pending", "pending"]
