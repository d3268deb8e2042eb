"""An engine whose connections all wait for a silent server leaves what it has not begun to another worker, and sends nothing twice."""

import threading
import time

import pytest
from django.db import connection

from campaigns.delivery import engine
from campaigns.delivery.auditing import audit
from campaigns.delivery.models import DeliveryChunk, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import deliver, send_some
from campaigns.engagement.models import EngagementDay
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, CONNECTIONS = 20, 2


def wait_for(found, seconds=20.0):
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_another_worker_goes_on_while_the_first_waits_for_answers(mailing, monkeypatch):
    monkeypatch.setattr(engine, "STALLED_SECONDS", 0.3)
    monkeypatch.setattr(engine, "BEAT_SECONDS", 0.05)
    for number in range(PEOPLE):
        subscriber(mailing.topic, number + 1)
    with running_sink() as quick, running_sink(delay=2.5) as silent:
        use(mailing, silent)
        to_sending(mailing)
        outcomes = []

        def first():
            try:
                outcomes.append(send_some(mailing.pk, seconds=2))
            finally:
                connection.close()

        worker = threading.Thread(target=first)
        worker.start()
        wait_for(lambda: len(silent.messages) == CONNECTIONS)
        chunk = DeliveryChunk.objects.get(mailing_id=mailing.pk)
        wait_for(lambda: not DeliveryChunk.objects.filter(pk=chunk.pk, token__isnull=False).exists())
        assert DeliveryRetry.objects.filter(token__isnull=False).count() == CONNECTIONS

        use(mailing, quick)  # as if the name had led there: the second worker is lucky
        deliver(mailing.pk)

        assert worker.is_alive()
        assert len(quick.messages) == PEOPLE - CONNECTIONS
        assert counts(mailing.pk)["in_flight"] == CONNECTIONS
        mailing.refresh_from_db()
        assert mailing.state == "sending"  # two have no answer yet
        worker.join(20)

        assert sorted([*quick.recipients, *silent.recipients]) == sorted(f"p{n + 1}@people.test" for n in range(PEOPLE))
    assert counts(mailing.pk)["accepted"] == PEOPLE
    assert outcomes[0].counts["accepted"] == CONNECTIONS and not outcomes[0].down
    deliver(mailing.pk)
    mailing.refresh_from_db()
    assert (mailing.state, DeliveryRetry.objects.count()) == ("finished", 0)
    assert EngagementDay.objects.count() == PEOPLE
    assert audit(mailing).problems == []
