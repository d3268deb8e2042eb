"""What Prometheus reads is what is in the tables, and nobody else reads it."""

import os
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from campaigns.delivery.models import DeliveryChunk, DeliveryRetry
from campaigns.delivery.tasks import sweep
from campaigns.engagement import alive as tracker
from campaigns.esp.models import ServiceEvent
from campaigns.outreach.models import InboundMessage
from contacts.consent.models import Erasure
from crm.accounts.models import Installation
from crm.audit.models import OutboxEvent
from crm.ids import new_uid
from crm.jobs.models import Job
from crm.metrics import registry
from tests.factories import MailingFactory, TransportFactory

TOKEN = "Zk3vQ9pLw7Tn2bXe8sYd4mHc6rJf1gUa5"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def token(settings) -> None:  # type: ignore[no-untyped-def]
    settings.METRICS_TOKEN = TOKEN


def read() -> Samples:
    """(name without its prefix, values of the labels by name) → value."""
    response = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("groundswell_"), tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
def test_without_the_token_there_is_no_such_page(db: None, token: None, given: str) -> None:
    assert Client().get("/metrics", headers={"Authorization": given} if given else {}).status_code == 404


@pytest.mark.parametrize("given", ["Bearer ", "Bearer None", f"Bearer {TOKEN}"])
def test_without_a_setting_nobody_reads_it(db: None, settings, given: str) -> None:  # type: ignore[no-untyped-def]
    settings.METRICS_TOKEN = ""

    assert Client().get("/metrics", headers={"Authorization": given}).status_code == 404


def test_delivery_is_counted_from_the_chunks_of_what_is_being_sent(db: None, token: None) -> None:
    now = timezone.now()
    sending, paused = MailingFactory(state="sending"), MailingFactory(state="paused")
    rows = [
        (sending, 1, {"pending": 40, "accepted": 60}, now - timedelta(seconds=90), None),
        (sending, 101, {"pending": 5, "in_flight": 2, "deferred": 3}, now + timedelta(hours=1), None),
        (sending, 201, {"pending": 1}, now - timedelta(hours=1), new_uid()),  # a worker has it
        (paused, 1, {"pending": 1000}, now - timedelta(hours=2), None),
    ]
    for mailing, first, counts, due, claim in rows:
        DeliveryChunk.objects.create(
            mailing_id=mailing.pk, first_seq=first, last_seq=first + 99, counts=counts, due_at=due, token=claim
        )
    for seq in (1, 2):
        DeliveryRetry.objects.create(mailing_id=sending.pk, seq=seq, due_at=now)

    found = read()

    states = ("pending", "in_flight", "deferred")
    assert {state: found["deliveries_open", (state,)] for state in states} == {
        "pending": 46,
        "in_flight": 2,
        "deferred": 3,
    }
    assert 90 <= found["chunk_due_age_seconds", ()] < 3600
    assert found["retries_waiting", ()] == 2


def test_everything_else_that_waits_is_counted(db: None, token: None, settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    now = timezone.now()
    TransportFactory(open_until=now + timedelta(minutes=1))
    TransportFactory(open_until=now - timedelta(minutes=1))
    TransportFactory()
    for state in ("new", "new", "handled"):
        InboundMessage.objects.create(
            digest=str(new_uid()), recipient="a@b.test", raw=b"", received_at=now, state=state
        )
    Job.objects.create(kind="test", title="Waits")
    Job.objects.create(kind="test", title="Failed", state="failed", error="It did.", finished_at=now)
    OutboxEvent.objects.all().delete()
    OutboxEvent.objects.create(type="x", object_uid=new_uid(), at=now)
    OutboxEvent.objects.create(type="x", object_uid=new_uid(), at=now, seq=1)
    for finished in (None, now):
        uid = new_uid()
        Erasure.objects.create(person_uid=uid, uids=[uid], reason="request", logged_at=now, finished_at=finished)
    service = TransportFactory(kind="service", service="postmark")
    for number, state in enumerate(("new", "failed", "failed", "handled")):
        ServiceEvent.objects.create(
            transport=service, event_id=str(number), kind="bounced", at=now, state=state,
            handled_at=None if state == "new" else now,
        )  # fmt: skip
    settings.SPOOL_DIR = tmp_path
    tracker.sign(tmp_path)
    then = now.timestamp() - 70
    os.utime(tmp_path / tracker.NAME, (then, then))
    (tmp_path / "hits").mkdir()
    for name in ("a.ready", "b.ready", "c.open"):
        (tmp_path / "hits" / name).touch()

    found = read()

    assert {
        name: found[name, ()] for name in ("transports_open_breaker", "inbound_unhandled", "outbox_unpublished")
    } == {
        "transports_open_breaker": 1,
        "inbound_unhandled": 2,
        "outbox_unpublished": 1,
    }
    assert {state: found["service_events", (state,)] for state in ("new", "failed")} == {"new": 1, "failed": 2}
    assert 70 <= found["track_age_seconds", ()] < 700
    assert {state: found["jobs", (state,)] for state in Job.State.values} == {
        "queued": 1,
        "running": 0,
        "done": 0,
        "failed": 1,
        "cancelled": 0,
    }
    assert found["erasures_pending", ()] == 1
    assert (found["spool_files", ("hits",)], found["spool_files", ("inbound",)]) == (2, 0)
    assert found["database_bytes", ()] > 1_000_000
    assert found["scrape_failures", ()] == 0


def test_queues_are_counted_in_the_broker(db: None, token: None, settings) -> None:  # type: ignore[no-untyped-def]
    from redis import Redis

    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    with Redis.from_url(settings.REDIS_URL) as valkey:
        valkey.delete(*(f"{prefix}{queue}" for queue in ("default", "delivery", "jobs")))
        valkey.rpush(f"{prefix}delivery", "1", "2", "3")
        try:
            found = read()
        finally:
            valkey.delete(f"{prefix}delivery")

    assert {queue: found["queue_length", (queue,)] for queue in ("default", "delivery", "jobs")} == {
        "default": 0,
        "delivery": 3,
        "jobs": 0,
    }


def test_the_sweeper_leaves_a_sign_of_life(db: None, token: None) -> None:
    cache.delete("heartbeat:sweep")
    assert ("sweep_age_seconds", ()) not in read()

    sweep()

    assert 0 <= read()["sweep_age_seconds", ()] < 3600


def test_the_age_of_the_last_backup_is_told(db: None, token: None) -> None:
    Installation.current()
    assert ("backup_age_seconds", ()) not in read()

    Installation.objects.update(backed_up_at=timezone.now() - timedelta(hours=40))

    assert 40 * 3600 <= read()["backup_age_seconds", ()] < 41 * 3600


def test_one_that_cannot_be_read_hides_no_other(db: None, token: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> dict[str, float]:
        raise OSError("gone")

    monkeypatch.setitem(registry._gauges, "jobs", registry.Gauge("jobs", "Jobs", breaks, label="state"))

    found = read()

    assert found["scrape_failures", ()] == 1
    assert ("jobs", ("queued",)) not in found
    assert ("retries_waiting", ()) in found


def test_requests_are_counted_by_route_not_by_path(db: None, token: None) -> None:
    labels = ("GET", "account_login", "200")
    before = read()
    Client().get("/accounts/login/")
    Client().get("/accounts/login/?next=/anything/")
    Client().generic("INVENTED", "/no/such/page/")
    after = read()

    assert after["requests_total", labels] - before.get(("requests_total", labels), 0) == 2
    assert (
        after["request_seconds_count", ("account_login",)]
        - before.get(("request_seconds_count", ("account_login",)), 0)
        == 2
    )
    assert (
        after["requests_total", ("other", "none", "404")] - before.get(("requests_total", ("other", "none", "404")), 0)
        == 1
    )
    assert not [key for key in after if "such" in "".join(key[1])]
