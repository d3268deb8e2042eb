"""A long import holds the rows of people whom a mailing is sent to: chunks cannot be ended, and nothing else is kept waiting."""

import threading

import psycopg
import pytest
from django.db import connection

from campaigns.delivery.ledger import Ledger
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.delivery.queries import counts
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import send_some
from campaigns.engagement.models import EngagementDay
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient(monkeypatch):
    """What is waited for in production for most of a minute."""
    monkeypatch.setattr("campaigns.delivery.lines._LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr("campaigns.delivery.lines._RETRY_SECONDS", 0.1)


@pytest.fixture
def could_not_end(monkeypatch):
    """Set when the end of a chunk was given up."""
    given_up, finish = threading.Event(), Ledger.finish_chunk

    async def finish_or_tell(self, chunk, **values):
        try:
            return await finish(self, chunk, **values)
        except psycopg.Error:
            given_up.set()
            raise

    monkeypatch.setattr(Ledger, "finish_chunk", finish_or_tell)
    return given_up


def test_chunk_that_cannot_be_ended_loses_no_answer_and_is_ended_later(
    mailing, sink, monkeypatch, impatient, could_not_end
):
    monkeypatch.setattr("campaigns.delivery.freezing.CHUNK", 4)
    for number in range(1, 13):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    record = sink.sink.record

    def keep(message: bytes, recipient: str) -> None:
        if len(sink.messages) >= 4:  # those of the first chunk have left
            assert could_not_end.wait(20)
        record(message, recipient)

    sink.sink.record = keep
    person = Delivery.objects.get(mailing_id=mailing.pk, seq=1).person_id
    names = {name: value for name, value in connection.get_connection_params().items() if name not in {"cursor_factory", "context", "prepare_threshold"}}  # fmt: skip
    with psycopg.connect(**names) as importing:
        importing.execute("SELECT 1 FROM contacts_person WHERE id = %s FOR UPDATE", [person])

        send_some(mailing.pk)

        assert counts(mailing.pk)["accepted"] == len(sink.messages) == 12
    assert DeliveryChunk.objects.filter(mailing_id=mailing.pk, is_done=False).exists()
    DeliveryChunk.objects.update(lease_until=mailing.frozen_at)
    sweep()

    mailing.refresh_from_db()
    assert mailing.state == "finished"
    assert sum(EngagementDay.objects.values_list("mailed", flat=True)) == 12
    assert len(sink.messages) == 12
