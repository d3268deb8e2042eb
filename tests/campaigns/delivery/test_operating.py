"""The Sending page: figures from the chunks, deferred mail by domain, and signs of life that can be dead."""

import os
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import operating, sweeping
from campaigns.delivery.effects import stop_deliveries
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.engagement import alive as tracker
from campaigns.esp.models import ServiceEvent
from campaigns.mailings.states import State
from campaigns.outreach.models import InboundMessage
from contacts.consent.services import withdraw_consent
from contacts.directory.models import Person
from crm import broker, heartbeat
from crm.accounts.rules import Role
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.factories import CountryFactory, GrantFactory, MailingFactory, TransportFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def planner():
    user = UserFactory()
    GrantFactory(user=user, role=Role.PLANNER)
    return user


@pytest.fixture
def alive(settings, tmp_path):
    """Everything that mail needs has just given a sign."""
    heartbeat.beat("sweep")
    settings.SPOOL_DIR = tmp_path / "seen from elsewhere"
    broker.sign_of_life("delivery@here")
    yield
    broker.sign_off("delivery@here")


def send_to(mailing, *addresses: str):
    for address in addresses:
        subscriber(mailing.topic, name=address).contact_points.update(value=address, address_key=address)
    return to_sending(mailing)


def defer(mailing, domain: str, *, code: int, reply: str, attempts: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET state = 'deferred', reply_code = %s, reply_text = %s, attempts = %s, first_attempt_at = now(),"
            " last_attempt_at = now() WHERE mailing_id = %s AND address_key LIKE %s RETURNING seq",
            [code, reply, attempts, mailing.pk, f"%@{domain}"],
        )
        for (seq,) in cursor.fetchall():
            DeliveryRetry.objects.create(mailing_id=mailing.pk, seq=seq, due_at=timezone.now() + timedelta(minutes=5))


def sign(found: list[operating.Sign], title: str) -> operating.Sign:
    return next(one for one in found if one.title == title)


def test_deferred_mail_stands_by_domain_with_what_most_servers_said(mailing, planner) -> None:
    send_to(mailing, "a@big.test", "b@big.test", "c@big.test", "d@small.test", "e@taken.test")
    defer(mailing, "big.test", code=451, reply="greylisted, come back", attempts=3)
    defer(mailing, "small.test", code=452, reply="mailbox full")

    found = operating.sending_now(planner).deferred

    assert [(row.domain, row.count, row.attempts, row.code, row.reply) for row in found] == [
        ("big.test", 3, 3, 451, "greylisted, come back"),
        ("small.test", 1, 1, 452, "mailbox full"),
    ]


def test_what_is_left_and_the_rate_add_up_by_transport(mailing, planner) -> None:
    send_to(mailing, "a@one.test", "b@one.test", "c@one.test")
    chunk = DeliveryChunk.objects.get(mailing_id=mailing.pk)
    chunk.counts = {"pending": 1, "accepted": 2}
    chunk.save()
    mailing.started_at = timezone.now() - timedelta(seconds=10)
    mailing.save()

    found = operating.sending_now(planner)

    (one,) = found.going
    assert one.mailing == mailing and one.progress.left == 1 and one.progress.counts["accepted"] == 2
    road = next(road for road in found.roads if road.transport == mailing.transport)
    assert (road.mailings, road.queue, road.is_open) == (1, 1, False)
    assert road.per_second == pytest.approx(0.2, rel=0.2)


def test_a_mailing_out_of_reach_and_its_deferred_mail_are_not_there(mailing) -> None:
    send_to(mailing, "a@big.test")
    defer(mailing, "big.test", code=451, reply="later")
    stranger = UserFactory()
    GrantFactory(user=stranger, role=Role.PLANNER, is_everywhere=False, countries=[CountryFactory(code="PE").code])

    found = operating.sending_now(stranger)

    assert found.going == [] and found.deferred == []


def test_signs_say_what_fell_silent(alive, monkeypatch) -> None:
    assert [one.kind for one in operating.signs()] == ["ok"] * 5

    monkeypatch.setattr(operating, "LATE_SECONDS", -1)
    monkeypatch.setattr(operating, "SILENT_SECONDS", -1)
    found = operating.signs()

    assert sign(found, "Scheduler").kind == "bad" and "beat" in sign(found, "Scheduler").why
    assert sign(found, "Workers").kind == "bad" and sign(found, "Workers").words == "none answers"


def test_one_silent_worker_among_others_is_named(alive) -> None:
    with broker._connect() as valkey:
        now = int(valkey.time()[0])
        valkey.hset(broker._workers_key(), mapping={"worker@gone": now - 120, "worker@forgotten": now - 90_000})
    try:
        found = sign(operating.signs(), "Workers")
        assert (found.kind, found.words, found.why) == (
            "warn",
            "1 listens",
            "Silent without having ended: worker@gone (2 min).",
        )
        assert set(broker.workers()) == {"delivery@here", "worker@gone"}
    finally:
        broker.sign_off("worker@gone")


def test_valkey_away_is_a_sign_and_not_an_error(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    found = sign(operating.signs(), "Workers")

    assert found.kind == "bad" and found.why.startswith("Valkey does not answer")


def test_work_that_nobody_takes_and_mail_that_nobody_reads_are_told(mailing, alive) -> None:
    send_to(mailing, "a@one.test")
    DeliveryChunk.objects.update(due_at=timezone.now() - timedelta(seconds=110))
    InboundMessage.objects.create(
        digest="0" * 64, recipient="x@test", raw=b"", received_at=timezone.now() - timedelta(minutes=10)
    )

    found = operating.signs()

    assert (sign(found, "Work that is due").kind, sign(found, "Work that is due").words) == (
        "warn",
        "the oldest waits 2 min",
    )
    assert (sign(found, "Inbox").kind, sign(found, "Inbox").words) == ("bad", "1 waits, since 10 min")


def test_hits_that_wait_on_disk_are_counted_from_the_oldest(settings, tmp_path, alive) -> None:
    settings.SPOOL_DIR = tmp_path
    assert sign(operating.signs(), "Tracker").words == "not seen from here"
    (tmp_path / "hits").mkdir()
    track_was_there(tmp_path)
    assert sign(operating.signs(), "Tracker").words == "nothing waits"
    for number, age in enumerate([5, 70]):
        file = tmp_path / "hits" / f"{number}.ready"
        file.touch()
        os.utime(file, (time.time() - age, time.time() - age))

    found = sign(operating.signs(), "Tracker")

    assert (found.kind, found.words) == ("warn", "2 wait, the oldest since 1 min")


def track_was_there(folder, *, seconds_ago: float = 0) -> None:
    then = time.time() - seconds_ago
    tracker.sign(folder)
    os.utime(folder / tracker.NAME, (then, then))


def test_tracker_that_is_dead_does_not_read_as_nothing_waits(settings, tmp_path, alive) -> None:
    settings.SPOOL_DIR = tmp_path
    track_was_there(tmp_path, seconds_ago=20)
    assert (sign(operating.signs(), "Tracker").kind, sign(operating.signs(), "Tracker").words) == (
        "ok",
        "nothing waits",
    )

    track_was_there(tmp_path, seconds_ago=125)
    found = sign(operating.signs(), "Tracker")
    assert (found.kind, found.words) == ("bad", "silent for 2 min")
    assert "one-click unsubscribes are not taken" in found.why

    (tmp_path / "track.alive").unlink()
    (tmp_path / "hits").mkdir()
    assert sign(operating.signs(), "Tracker").words == "gives no sign"


def test_events_of_services_that_wait_or_failed_are_told_where_there_is_a_service(alive) -> None:
    assert "Events of mailing services" not in [one.title for one in operating.signs()]
    service = TransportFactory(kind="service", service="postmark")

    def told(number, **values):
        row = ServiceEvent.objects.create(
            transport=service, event_id=str(number), kind="bounced", at=timezone.now(), **values
        )
        ServiceEvent.objects.filter(pk=row.pk).update(received_at=timezone.now() - timedelta(minutes=10))

    title = "Events of mailing services"
    assert sign(operating.signs(), title).words == "nothing waits"
    told(1, state="failed", handled_at=timezone.now(), note="broke")
    told(2, state="handled", handled_at=timezone.now())
    found = sign(operating.signs(), title)
    assert (found.kind, found.words) == ("warn", "1 could not be handled")
    told(3)
    assert (sign(operating.signs(), title).kind, sign(operating.signs(), title).words) == (
        "bad",
        "1 waits, since 10 min",
    )


def test_page_shows_it_with_as_many_queries_for_three_mailings_as_for_one(
    mailing, planner, alive, client, django_assert_num_queries
) -> None:
    send_to(mailing, "a@big.test")
    defer(mailing, "big.test", code=451, reply="later, <b>please</b>")
    client.force_login(planner)
    client.get(reverse("sending"))
    with CaptureQueriesContext(
        connection,
    ) as one:
        page = client.get(reverse("sending")).content.decode()
    for number in range(2):
        MailingFactory(
            name=f"More {number}", state=State.HELD, state_reason="Its time passed.", transport=mailing.transport
        )

    with django_assert_num_queries(len(one)):
        more = client.get(reverse("sending")).content.decode()

    assert mailing.name in page and "big<wbr>.test" in page and "later, &lt;b&gt;please&lt;/b&gt;" in page
    assert "More 0" in more and "Its time passed." in more and "not begun" in more


def test_who_may_not_pause_does_not_see_it(client) -> None:
    viewer = UserFactory()
    GrantFactory(user=viewer, role=Role.VIEWER)
    client.force_login(viewer)

    assert client.get(reverse("sending")).status_code == 403
    assert reverse("sending") not in client.get(reverse("today")).content.decode()


@pytest.mark.parametrize("stops", ["withdrawal", "suppression"])
def test_bar_follows_a_withdrawal_of_what_was_deferred_in_a_chunk_that_is_done(mailing, planner, alive, stops) -> None:
    send_to(mailing, "a@big.test", "b@one.test")
    defer(mailing, "big.test", code=451, reply="later")
    Delivery.objects.filter(mailing_id=mailing.pk, state="pending").update(state="accepted")
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(is_done=True, counts={"deferred": 1, "accepted": 1})

    row = Delivery.objects.get(mailing_id=mailing.pk, state="deferred")
    if stops == "withdrawal":
        withdraw_consent(subject=Person.objects.get(pk=row.person_id), topic=mailing.topic, source="test")
    else:
        stop_deliveries(address_keys=[], address_hashes=[bytes(row.address_hash)], at=timezone.now())
    assert sweeping.recount_over() == 1
    assert sweeping.recount_over() == 0

    (one,) = operating.sending_now(planner).going
    assert (one.progress.counts["deferred"], one.progress.counts["cancelled"], one.progress.counts["accepted"]) == (
        0,
        1,
        1,
    )
