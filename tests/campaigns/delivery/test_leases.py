"""A worker believes only as long in what it holds as the ledger says so: whoever lost a claim lets nothing leave any more."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.delivery.ledger import Ledger
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import send_some
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)
TAKEN = "UPDATE {} SET token = gen_random_uuid(), lease_until = now() + interval '1 minute' WHERE mailing_id = %s"


def holding(mailing, work: Callable[[Ledger, Callable[..., Awaitable[None]]], Awaitable[None]]) -> None:
    """Have a ledger with a lease of a minute do something. work(ledger, sql): sql(text, values) runs in PostgreSQL."""
    dsn = {name: value for name, value in connection.get_connection_params().items() if name not in {"cursor_factory", "context", "prepare_threshold"}}  # fmt: skip

    async def run() -> None:
        ledger = Ledger(mailing.pk, uuid4(), 60, dsn)
        await ledger.open()

        async def sql(text: str, values: list[object]) -> None:
            await ledger.aside(lambda line: line.execute(text, values))

        await work(ledger, sql)
        await ledger.close()

    asyncio.run(run())


@pytest.fixture
def one(mailing, sink):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    return to_sending(mailing)


@pytest.fixture
def retry(one):
    Delivery.objects.filter(mailing_id=one.pk).update(state="deferred", attempts=1)
    return DeliveryRetry.objects.create(mailing_id=one.pk, seq=1, due_at=timezone.now() - timedelta(seconds=1))


def test_heartbeat_that_finds_its_chunk_taken_lets_nothing_leave(one) -> None:
    async def work(ledger, sql) -> None:
        [(chunk, _items)] = await ledger.claim_chunks()
        assert await ledger.beat(counts=True)
        assert ledger.is_leased
        await sql(TAKEN.format("campaigns_deliverychunk"), [one.pk])

        assert await ledger.beat(counts=True)

        assert (ledger.is_lost, ledger.is_leased, chunk.is_given_back) == (True, False, True)
        assert not await ledger.finish_chunk(chunk)

    holding(one, work)
    assert DeliveryChunk.objects.get(mailing_id=one.pk).token is not None, "it is the other one's"


def test_heartbeat_that_finds_its_retry_taken_lets_nothing_leave(one, retry) -> None:
    async def work(ledger, sql) -> None:
        assert len(await ledger.claim_retries()) == 1
        await ledger.beat(counts=False)
        assert ledger.is_leased
        await sql(TAKEN.format("campaigns_deliveryretry"), [one.pk])

        await ledger.beat(counts=False)

        assert (ledger.is_lost, ledger.is_leased) == (True, False)

    holding(one, work)


def test_what_was_given_back_settled_or_cancelled_is_not_lost(one, retry) -> None:
    async def work(ledger, sql) -> None:
        [(chunk, _items)] = await ledger.claim_chunks()
        assert len(await ledger.claim_retries()) == 1
        await ledger.finish_chunk(chunk)
        await sql("DELETE FROM campaigns_deliveryretry WHERE mailing_id = %s", [one.pk])

        await ledger.beat(counts=False)

        assert (ledger.is_lost, ledger.is_leased) == (False, True)

    holding(one, work)


def test_new_claim_does_not_renew_what_was_held_before(one, retry) -> None:
    async def work(ledger, sql) -> None:
        await ledger.claim_chunks()
        ledger.leased_until = time.monotonic() - 1  # it slept

        assert len(await ledger.claim_retries()) == 1

        assert not ledger.is_leased
        await ledger.beat(counts=False)
        assert ledger.is_leased

    holding(one, work)


def test_chunk_that_was_lost_and_claimed_again_is_not_given_back_by_its_first_claim(one) -> None:
    async def work(ledger, sql) -> None:
        [(lost, _items)] = await ledger.claim_chunks()
        await sql("UPDATE campaigns_deliverychunk SET token = NULL, lease_until = NULL WHERE mailing_id = %s", [one.pk])
        [(held, _items)] = await ledger.claim_chunks()

        await ledger.finish_chunk(lost)
        await ledger.beat(counts=False)

        assert (lost.is_given_back, held.is_given_back, ledger.is_lost) == (True, False, False)

    holding(one, work)


def test_run_ends_with_what_is_on_its_way_when_its_chunk_was_taken(mailing, sink, monkeypatch) -> None:
    """Both connections wait for an answer meanwhile: what they sent is accepted, and nothing follows."""
    for number in range(1, 9):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    beat, record, noticed = Ledger.beat, sink.sink.record, threading.Event()

    async def beat_and_tell(self, *, counts):
        sending = await beat(self, counts=counts)
        if self.is_lost:
            noticed.set()
        return sending

    def take_it() -> None:
        with connection.cursor() as cursor:
            cursor.execute(TAKEN.format("campaigns_deliverychunk"), [mailing.pk])
        connection.close()

    def answer_when_it_is_noticed(message: bytes, recipient: str) -> None:
        if not noticed.is_set():
            taking = threading.Thread(target=take_it)
            taking.start()
            taking.join()
            assert noticed.wait(20)
        record(message, recipient)

    monkeypatch.setattr(Ledger, "beat", beat_and_tell)
    sink.sink.record = answer_when_it_is_noticed

    send_some(mailing.pk)

    left = len(sink.messages)
    assert 1 <= left <= 2  # a connection each
    assert (counts(mailing.pk)["accepted"], counts(mailing.pk)["pending"]) == (left, 8 - left)
    assert DeliveryChunk.objects.get(mailing_id=mailing.pk).token is not None, "it is the other one's"
