"""PostgreSQL, Valkey, the disk and the mail server fail in the middle. `make faults` runs these; each ends with the audit."""

import resource
import threading
import time

import pytest
from django.conf import settings
from django.db import connection

from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.engagement.links import MailingLinks
from campaigns.engagement.models import Engagement
from contacts.consent.services import suppress_address
from tests.campaigns.engagement.tracker import tracking
from tests.faults.ground import LEASE
from tests.faults.test_tracking import HITS, Load, everything_counts_once, paths_of, start_consumer
from tests.faults.test_tracking import mailing as clicked  # noqa: F401  a fixture

CONNECTIONS = 4
AT_ONCE = 2 * CONNECTIONS


def test_postgresql_killed_while_sending(ground):
    mailing = ground.send(5000, connections=CONNECTIONS, per_second=1000)
    for least in (500, 2000):
        ground.sent(mailing, least)
        connection.close()
        ground.pair.pg.kill9()
        time.sleep(1)
        ground.pair.pg.start()
        ground.start_scheduler()
        ground.start_worker()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= 2 * AT_ONCE
    assert found["counts"]["accepted"] == 5000


def test_postgresql_away_for_longer_than_a_lease_while_sending(ground):
    """What the workers held is free when it is back, before they have written what they know: that is believed, and they let it go."""
    mailing = ground.send(5000, connections=CONNECTIONS, per_second=1000)
    for least in (500, 2000):
        ground.sent(mailing, least)
        connection.close()
        ground.pair.pg.kill9()
        time.sleep(LEASE + 3)
        ground.pair.pg.start()
        ground.start_scheduler()
        ground.start_worker()
        ground.start_worker("another")  # takes what is free at once
    ground.finished(mailing)
    ground.end("another")

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= AT_ONCE + 2 * AT_ONCE  # of one worker, then of two
    assert found["counts"]["accepted"] == 5000


def test_valkey_stopped_while_sending(ground):
    """What is claimed goes on, slowly where there are limits; what needs a wake-up waits until Valkey is back."""
    mailing = ground.send(4000, connections=CONNECTIONS, per_second=500)
    ground.sent(mailing, 300)

    ground.pair.valkey.kill9()
    before = ground.accepted(mailing)
    ground.wait_for(lambda: ground.accepted(mailing) > before, "it goes on without Valkey", seconds=20)
    time.sleep(3)
    ground.pair.valkey.start()
    ground.finished(mailing, seconds=60)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 4000)


def test_valkey_full_while_sending(ground):
    """maxmemory reached, and nothing may be evicted: each write is refused."""
    import redis

    valkey = redis.Redis.from_url(ground.pair.redis_url)
    mailing = ground.send(4000, connections=CONNECTIONS, per_second=500)
    ground.sent(mailing, 300)
    try:
        valkey.config_set("maxmemory-policy", "noeviction")
        valkey.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            valkey.set("one more", "x")
        before = ground.accepted(mailing)
        ground.wait_for(lambda: ground.accepted(mailing) > before, "it goes on with a full Valkey", seconds=20)
        time.sleep(3)
    finally:
        valkey.config_set("maxmemory", "0")
        valkey.close()
    ground.finished(mailing, seconds=60)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 4000)


# --- the mail server ------------------------------------------------------------------------------------------------------
def test_mail_server_that_is_slow_busy_and_half_deaf(ground, sink_with):
    """50 ms for each message, 421 after 40 of a connection, and silence with half a connection at every RCPT that has a 77."""
    sink_with("--delay", "0.05", "--busy-after", "40", "--half-close", "77@")
    mailing = ground.send(1500, connections=CONNECTIONS)
    ground.finished(mailing, seconds=60)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 1500)


def test_one_domain_that_defers_everything_keeps_nobody_else_waiting(ground, sink_with):
    sink_with("--defer", "@slow.test", "--defer-times", "2")
    mailing = ground.send(1500, connections=CONNECTIONS, slow=60)
    others = 1440
    ground.sent(mailing, others)
    assert counts(mailing.pk)["accepted"] == others
    with connection.cursor() as cursor:  # it rests for a minute at first: let that be over
        for _number in range(40):
            cursor.execute("UPDATE campaigns_domainrest SET until = now() - interval '1 second'")
            cursor.execute("UPDATE campaigns_deliveryretry SET due_at = now() WHERE due_at > now() AND token IS NULL")
            cursor.execute(
                "UPDATE campaigns_deliverychunk SET due_at = now() WHERE due_at > now() AND token IS NULL AND NOT is_done"
            )
            if ground.state(mailing) == "finished":
                break
            time.sleep(1)
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 1500)


def test_poisoned_recipients_fail_alone_at_each_stage(ground, sink_with):
    """A template that cannot be rendered, an address that is refused, a message that is refused, and answers that never come."""
    poison = ("--reject", "11@", "--refuse-message", "22@", "--drop", "33@", "--half-close", "55@")
    sink_with(*poison)
    ground.kill9("sink")
    mailing = ground.send(1000, connections=CONNECTIONS)
    ground.wait_for(lambda: ground.state(mailing) == "paused", "it is paused, with all of it waiting")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET fields = '[1]' WHERE mailing_id = %s AND address_key LIKE '%%44@%%'", [mailing.pk]
        )
        assert cursor.rowcount == 10
    ground.start_sink(*poison)
    ground.finished(mailing, seconds=60)

    keys = dict(Delivery.objects.filter(mailing_id=mailing.pk).values_list("address_key", "state"))
    assert len(keys) == 1000
    ended = {
        name: {state for key, state in keys.items() if f"{name}@" in key} for name in ("11", "22", "33", "44", "55")
    }
    assert ended == {"11": {"failed"}, "22": {"failed"}, "33": {"accepted"}, "44": {"failed"}, "55": {"accepted"}}
    assert sum(state == "failed" for state in keys.values()) == 30
    found = ground.audit(mailing)
    # the sink had kept the ten whose answer it swallowed: they came twice, and are recognisable as such
    assert (found["lost"], found["duplicates"]) == (0, 10)
    assert sum(found["counts"].values()) == 1000


def test_connection_that_is_dropped_at_some_addresses_whenever_they_are_heard(ground, sink_with):
    """Ten of a thousand: each drop is a try of that one, the others leave meanwhile, and in the end the ten have failed."""
    sink_with("--half-close", "66@", "--half-close-times", "1000000")
    mailing = ground.send(1000, connections=CONNECTIONS)
    ground.sent(mailing, 990)
    for _number in range(60):
        if ground.state(mailing) == "finished":
            break
        with connection.cursor() as cursor:  # they rest longer from try to try: let that be over
            cursor.execute("UPDATE campaigns_deliveryretry SET due_at = now() WHERE due_at > now() AND token IS NULL")
        time.sleep(0.5)
    ground.finished(mailing)

    ended = Delivery.objects.filter(mailing_id=mailing.pk, address_key__contains="66@")
    assert set(ended.values_list("state", "attempts")) == {("failed", settings.DELIVERY_TRIES)}
    assert all("the connection ended at this address" in row.reply_text for row in ended)
    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 990)


# --- people who say stop ----------------------------------------------------------------------------------------------------
def test_suppressions_from_many_hands_while_sending(ground):
    mailing = ground.send(4000, connections=CONNECTIONS, per_second=600)
    ground.sent(mailing, 100)
    addresses = list(
        Delivery.objects.filter(mailing_id=mailing.pk, state="pending")
        .order_by("-seq")
        .values_list("address", flat=True)[:800]
    )

    def suppress(some):
        for address in some:
            suppress_address(address=address, reason="manual", source="test")
        connection.close()

    hands = [threading.Thread(target=suppress, args=(addresses[n::4],)) for n in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert (found["suppressed_and_sent"], found["lost"], found["duplicates"]) == (0, 0, 0)
    assert found["counts"]["cancelled"] > 400
    assert found["counts"]["cancelled"] + found["counts"]["accepted"] == 4000


def test_nobody_is_written_to_after_an_unsubscribe_was_acknowledged(ground, tmp_path):
    """One click, over HTTP, while it is sent: 200 means that nothing leaves to them from then on."""
    acknowledged = {}
    with tracking(tmp_path, DATABASE_URL=ground.pair.database_url, REDIS_URL=ground.pair.redis_url) as tracker:
        mailing = ground.send(2000, connections=CONNECTIONS, per_second=60)
        ground.sent(mailing, 20)
        waiting = Delivery.objects.filter(mailing_id=mailing.pk, state="pending").order_by("-seq")
        links = MailingLinks(mailing.pk)
        for seq, key in list(waiting.values_list("seq", "address_key")[:200]):
            status, _headers, _body = tracker.ask("POST", links.unsubscribe(seq), body="List-Unsubscribe=One-Click")
            if status == 200:
                acknowledged[key] = _recipients(ground)
            if ground.accepted(mailing) > 1500:
                break
    ground.finished(mailing)

    assert len(acknowledged) > 50, "it was over too soon to mean anything"
    kept = _recipients(ground)
    # a message in flight when the click came in may still arrive; none whose compare-and-set came later
    after = [key for key, before in acknowledged.items() if key in kept and key not in before]
    assert len(after) <= AT_ONCE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM delivery d JOIN contacts_person p ON p.id = d.person_id JOIN contacts_consentstate k"
            " ON k.subject_uid = p.uid AND k.topic_id = %s WHERE d.mailing_id = %s AND NOT k.is_granted"
            " AND d.state IN ('accepted', 'in_flight') AND d.last_attempt_at > k.at + interval '2 seconds'",
            [mailing.topic_id, mailing.pk],
        )
        assert cursor.fetchone() == (0,)
    found = ground.audit(mailing)
    assert found["counts"]["cancelled"] + found["counts"]["accepted"] == 2000
    not_yet = [key for key, before in acknowledged.items() if key not in before]
    assert found["counts"]["cancelled"] >= len(not_yet) - AT_ONCE


def _recipients(ground):
    return {line.partition(" ")[2] for line in ground.sink_log.read_text().splitlines()}


# --- the disk -----------------------------------------------------------------------------------------------------------------
def test_disk_of_the_spool_is_full(ground, tmp_path):
    """No file may grow beyond a few hits: people still get to where they wanted, and what was written counts once."""
    mailing = ground.send(20)
    ground.finished(mailing)
    links = MailingLinks(mailing.pk)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))  # the tracker inherits it
    try:
        with tracking(tmp_path, DATABASE_URL=ground.pair.database_url, REDIS_URL=ground.pair.redis_url) as tracker:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            answers = [tracker.ask("GET", links.click(n % 20 + 1, 1, "https://campaign.test/guide")) for n in range(60)]
            stopped = tracker.ask("POST", links.unsubscribe(1), body="List-Unsubscribe=One-Click")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert {(status, headers["location"]) for status, headers, _body in answers} == {
        (302, "https://campaign.test/guide")
    }
    assert stopped[0] == 200, "an unsubscribe needs no spool"
    from campaigns.engagement.drain import drain

    drain(tmp_path / "hits")
    written = Engagement.objects.filter(mailing_id=mailing.pk)
    assert 0 < written.count() <= 60
    assert written.count() == written.values("hit_id").distinct().count()
    assert ground.audit(mailing)["counts"]["accepted"] == 20


def test_postgresql_away_for_a_minute_while_people_click(ground, clicked, tmp_path):  # noqa: F811  the fixture
    with tracking(tmp_path, DATABASE_URL=ground.pair.database_url, REDIS_URL=ground.pair.redis_url) as tracker:
        start_consumer(ground, tmp_path)
        load = Load(tracker.port, paths_of(clicked), pause=3.4)
        load.start()
        ground.wait_for(lambda: load.answered >= 200, "people click")
        connection.close()
        ground.pair.pg.kill9()
        away = time.monotonic()
        load.join(90)
        assert (load.problem, load.answered) == (None, HITS), "nobody waits for what is away"
        time.sleep(max(0.0, 60 - (time.monotonic() - away)))
        ground.pair.pg.start()
        everything_counts_once(ground, clicked, tmp_path)
