"""Who withdraws while a message to them is on its way may still get that one, and no further try of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.queries import counts, quick_counts
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Mailing
from contacts.consent.services import grant_consent, withdraw_consent
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(mailing, sink):
    use(mailing, sink)
    return [subscriber(mailing.topic, number) for number in (1, 2)]


def stand(mailing, state: str, attempts: int = 1) -> None:
    """As if each had been begun so often."""
    now = timezone.now()
    rows = Delivery.objects.filter(mailing_id=mailing.pk)
    rows.update(state=state, attempts=attempts, first_attempt_at=now, last_attempt_at=now)


def gone(mailing) -> list[tuple[str, str]]:
    return list(Delivery.objects.filter(mailing_id=mailing.pk, state="cancelled").values_list("address", "reply_text"))


def test_message_in_flight_at_the_withdrawal_is_not_sent_again_when_its_worker_is_gone(mailing, people, sink):
    to_sending(mailing)
    stand(mailing, "in_flight")
    withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")
    stand(mailing, "pending")

    deliver(mailing.pk)

    assert sink.recipients == ["p2@people.test"]
    assert gone(mailing) == [("p1@people.test", "unsubscribed")]
    mailing.refresh_from_db()
    assert mailing.state == "finished"


def test_message_in_flight_at_the_withdrawal_is_not_tried_again_when_it_was_deferred(mailing, people, sink):
    to_sending(mailing)
    stand(mailing, "in_flight")
    withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")
    stand(mailing, "deferred")
    for seq in (1, 2):
        DeliveryRetry.objects.create(mailing_id=mailing.pk, seq=seq, due_at=timezone.now() - timedelta(seconds=1))
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(is_done=True, counts={"deferred": 2})

    deliver(mailing.pk)

    assert sink.recipients == ["p2@people.test"]
    assert gone(mailing) == [("p1@people.test", "unsubscribed")]
    assert not DeliveryRetry.objects.exists()
    assert quick_counts([mailing.pk])[mailing.pk] == counts(mailing.pk)
    mailing.refresh_from_db()
    assert mailing.state == "finished"


def test_who_came_back_is_written_to(mailing, people, sink):
    to_sending(mailing)
    stand(mailing, "in_flight")
    withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")
    grant_consent(subject=people[0], topic=mailing.topic, lawful_basis="consent", source="test")
    stand(mailing, "pending")

    deliver(mailing.pk)

    assert sink.recipients == ["p1@people.test", "p2@people.test"]


def test_first_tries_ask_nothing_of_the_ledger_of_permissions(mailing, people, sink, monkeypatch):
    async def never(*args):
        raise AssertionError("it was asked")

    monkeypatch.setattr("campaigns.delivery.ledger.cancel_withdrawn", never)
    to_sending(mailing)

    deliver(mailing.pk)

    assert len(sink.recipients) == 2


# --- the audit --------------------------------------------------------------------------------------------------------
@pytest.fixture
def sent(mailing, people):
    """One is written to, who withdraws a moment later, as if that was an hour ago."""
    to_sending(mailing)
    deliver(mailing.pk)
    assert withdraw_consent(subject=people[0], topic=mailing.topic, source="officer")
    with connection.cursor() as cursor:
        for row in ("delivery SET last_attempt_at = last_attempt_at", "campaigns_mailing SET frozen_at = frozen_at"):
            cursor.execute(f"UPDATE {row} - interval '1 hour'")  # noqa: S608
    Mailing.objects.filter(pk=mailing.pk).update(finished_at=timezone.now() + timedelta(hours=1))
    return mailing


def tried(mailing, *, after: timedelta) -> None:
    Delivery.objects.filter(mailing_id=mailing.pk).update(last_attempt_at=timezone.now() + after)


def test_audit_says_nothing_of_what_left_before_the_withdrawal(sent):
    assert (audit(sent).figures["withdrawn_and_sent"], audit(sent).problems) == (0, [])


def test_audit_tells_of_what_was_sent_after_the_withdrawal(sent):
    tried(sent, after=timedelta(minutes=1))

    found = audit(sent)

    assert found.figures["withdrawn_and_sent"] == 1
    assert found.problems == ["1 people were written to after they had unsubscribed."]


def test_audit_goes_by_when_a_withdrawal_was_written_down(mailing, people):
    to_sending(mailing)
    deliver(mailing.pk)
    long_ago = timezone.now() - timedelta(days=1)
    withdraw_consent(subject=people[0], topic=mailing.topic, source="officer", at=long_ago + timedelta(hours=23))

    assert audit(mailing).figures["withdrawn_and_sent"] == 0


def test_attempt_counts_from_when_it_was_begun_and_not_from_its_answer(mailing, people, sink):
    """Else whoever withdraws while a slow server takes its time would be told of as written to."""
    to_sending(mailing)

    deliver(mailing.pk)

    for row in Delivery.objects.filter(mailing_id=mailing.pk):
        assert row.last_attempt_at < row.settled_at
