"""A worker that slept past its lease hands its results in late: they change nothing that is another worker's by now."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from campaigns.delivery.claims import Retry
from campaigns.delivery.ledger import Ledger
from campaigns.delivery.models import Delivery, DeliveryRetry
from campaigns.delivery.retrying import ACCEPTED, Verdict, failed
from campaigns.engagement.models import EngagementDay
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


def hand_in(mailing, state: str, verdict: Verdict, *, claim=None, beside: str = "") -> None:
    """Claim the only delivery, let it stand in `state` meanwhile, then hand `verdict` in for what was in flight. beside: what somebody
    else has written and commits a moment later."""
    dsn = {name: value for name, value in connection.get_connection_params().items() if name not in {"cursor_factory", "context", "prepare_threshold"}}  # fmt: skip

    async def work() -> None:
        ledger = Ledger(mailing.pk, uuid4(), 60, dsn)
        await ledger.open()
        [(_chunk, [item])] = await ledger.claim_chunks()
        item.claim = claim or item.claim
        await asyncio.to_thread(_stand, mailing, state)
        async with await psycopg.AsyncConnection.connect(**dsn) as other:
            if beside:
                await other.execute(beside)
            ledger.settle(item, verdict)
            handed_in = asyncio.create_task(ledger.flush())
            await asyncio.wait({handed_in}, timeout=0.3 if beside else None)
        await handed_in
        await ledger.close()

    asyncio.run(work())


def _stand(mailing, state: str) -> None:
    Delivery.objects.filter(mailing_id=mailing.pk).update(state=state)
    connection.close()


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
