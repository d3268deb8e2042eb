"""A worker that slept past its lease hands its results in late: they change nothing that is another worker's by now. What was accepted
is believed all the same."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from campaigns.delivery.claims import Retry
from campaigns.delivery.ledger import Ledger
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.queries import quick_counts
from campaigns.delivery.retrying import ACCEPTED, Verdict, failed
from campaigns.engagement.models import EngagementDay
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


def hand_in(mailing, state: str, verdict: Verdict, *, attempts: int = 1, claim=None, beside: str = "") -> None:
    """Claim the only delivery, let it stand in `state` meanwhile, after so many attempts, then hand `verdict` in for what the first of
    them had in flight. beside: what somebody else has written and commits a moment later."""
    dsn = {name: value for name, value in connection.get_connection_params().items() if name not in {"cursor_factory", "context", "prepare_threshold"}}  # fmt: skip

    async def work() -> None:
        ledger = Ledger(mailing.pk, uuid4(), 60, dsn)
        await ledger.open()
        [(_chunk, [item])] = await ledger.claim_chunks()
        item.claim = claim or item.claim
        await asyncio.to_thread(_stand, mailing, state, attempts)
        async with await psycopg.AsyncConnection.connect(**dsn) as other:
            if beside:
                await other.execute(beside)
            ledger.settle(item, verdict)
            handed_in = asyncio.create_task(ledger.flush())
            await asyncio.wait({handed_in}, timeout=0.3 if beside else None)
        await handed_in
        await ledger.close()

    asyncio.run(work())


def _stand(mailing, state: str, attempts: int) -> None:
    Delivery.objects.filter(mailing_id=mailing.pk).update(
        state=state, attempts=attempts, last_attempt_at=timezone.now()
    )
    connection.close()


def state_of(mailing) -> tuple[str, int]:
    row = Delivery.objects.get(mailing_id=mailing.pk)
    return row.state, row.attempts


@pytest.fixture
def one(mailing, sink):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    return to_sending(mailing)


@pytest.mark.parametrize("state", ["pending", "accepted"])
def test_late_deferral_plans_no_try_for_a_row_that_is_not_deferred(one, state: str) -> None:
    hand_in(one, state, Verdict("deferred", 451, "later", wait=timedelta(seconds=1)))

    assert Delivery.objects.get(mailing_id=one.pk).state == state
    assert not DeliveryRetry.objects.exists()


def test_late_failure_does_not_take_the_next_try_of_a_deferred_row(one) -> None:
    retry = DeliveryRetry.objects.create(mailing_id=one.pk, seq=1, due_at=timezone.now())

    hand_in(one, "deferred", failed("too late"), claim=Retry(retry.pk))

    assert Delivery.objects.get(mailing_id=one.pk).state == "deferred"
    assert DeliveryRetry.objects.filter(pk=retry.pk).exists()


def test_retry_that_is_accepted_while_its_chunk_ends_counts_for_its_people(one) -> None:
    """Whoever ends the chunk does not see it yet, so it must not believe that the chunk is still open."""
    retry = DeliveryRetry.objects.create(mailing_id=one.pk, seq=1, due_at=timezone.now())

    ends = "UPDATE campaigns_deliverychunk SET is_done = true, token = NULL, lease_until = NULL"
    hand_in(one, "in_flight", Verdict(ACCEPTED, 250, "ok"), claim=Retry(retry.pk), beside=ends)

    assert Delivery.objects.get(mailing_id=one.pk).state == "accepted"
    assert list(EngagementDay.objects.values_list("mailed", flat=True)) == [1]


@pytest.mark.parametrize("late", [Verdict("deferred", 451, "later"), failed("too late")], ids=["deferred", "failed"])
def test_late_result_does_not_settle_what_another_worker_has_in_flight(one, late: Verdict) -> None:
    hand_in(one, "in_flight", late, attempts=2)

    assert state_of(one) == ("in_flight", 2)
    assert not DeliveryRetry.objects.exists()


@pytest.mark.parametrize("attempts", [1, 2])
def test_late_deferral_does_not_take_the_try_that_another_worker_holds(one, attempts: int) -> None:
    now = timezone.now()
    retry = DeliveryRetry.objects.create(mailing_id=one.pk, seq=1, due_at=now, token=uuid4(), lease_until=now)

    hand_in(one, "deferred", Verdict("deferred", 451, "later", wait=timedelta(hours=1)), attempts=attempts)

    kept = DeliveryRetry.objects.get()
    assert (kept.token, kept.due_at) == (retry.token, retry.due_at)


@pytest.mark.parametrize("state", ["pending", "in_flight", "deferred", "uncertain", "cancelled"])
def test_late_answer_that_it_was_accepted_is_believed_whoever_has_the_row_by_now(one, state: str) -> None:
    DeliveryRetry.objects.create(mailing_id=one.pk, seq=1, due_at=timezone.now())

    hand_in(one, state, Verdict(ACCEPTED, 250, "ok"), attempts=2)

    assert state_of(one) == (ACCEPTED, 2)
    assert Delivery.objects.get(mailing_id=one.pk).reply_code == 250
    assert not DeliveryRetry.objects.exists()


def test_late_answer_counts_for_its_people_when_its_chunk_is_done(one) -> None:
    done = "UPDATE campaigns_deliverychunk SET is_done = true, token = NULL, lease_until = NULL, counts = '{\"uncertain\": 1}'"

    hand_in(one, "uncertain", Verdict(ACCEPTED, 250, "ok"), beside=done)

    assert DeliveryChunk.objects.get(mailing_id=one.pk).is_done
    assert quick_counts([one.pk])[one.pk]["accepted"] == 1
    assert list(EngagementDay.objects.values_list("mailed", flat=True)) == [1]


def test_late_answer_does_not_change_what_has_failed(one) -> None:
    hand_in(one, "failed", Verdict(ACCEPTED, 250, "ok"))

    assert state_of(one) == ("failed", 1)
