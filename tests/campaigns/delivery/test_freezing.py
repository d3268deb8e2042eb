"""Freeze: once, what was approved, in time, or held with its reason."""

import datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns.delivery import partitions
from campaigns.delivery.freezing import begin_due, differs, freeze
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.delivery.partitions import ensure_partitions, partition_of
from campaigns.delivery.queries import counts, skip_counts
from campaigns.delivery.sweeping import sweep
from campaigns.mailings.services import move, send_now
from campaigns.mailings.states import State
from crm.errors import Unavailable
from tests.campaigns.delivery.building import subscriber, to_freezing
from tests.factories import MailingFactory, PersonFactory

pytestmark = pytest.mark.django_db


def test_freeze_writes_the_whole_audience_and_its_chunks(mailing):
    subscriber(mailing.topic, 1)
    PersonFactory()
    to_freezing(mailing)

    assert freeze(mailing_id=mailing.pk)

    mailing.refresh_from_db()
    assert (mailing.state, mailing.audience_count) == ("sending", 2)
    assert sum(counts(mailing.pk).values()) == 2
    assert skip_counts(mailing.pk) == {"no_address": 1}
    skipped = Delivery.objects.get(mailing_id=mailing.pk, state="skipped")
    assert (skipped.address_key, skipped.skip_reason, skipped.skip_also) == (None, "no_address", ["no_permission"])
    (chunk,) = DeliveryChunk.objects.all()
    assert (chunk.first_seq, chunk.last_seq, chunk.counts) == (1, 2, {"pending": 1, "skipped": 1})


def test_freeze_twice_changes_nothing(mailing):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)

    assert [freeze(mailing_id=mailing.pk), freeze(mailing_id=mailing.pk)] == [True, False]
    assert Delivery.objects.count() == 1


def test_content_that_is_not_what_was_approved_is_held(mailing):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)
    mailing.variants.update(subject="Something else")

    assert not freeze(mailing_id=mailing.pk)

    mailing.refresh_from_db()
    assert mailing.state == "held"
    assert "subject" in mailing.state_reason
    assert not Delivery.objects.exists()


def test_an_audience_that_is_not_the_approved_one_is_held(mailing):
    for number in range(1, 4):
        subscriber(mailing.topic, number)
    to_freezing(mailing, count=30)

    assert not freeze(mailing_id=mailing.pk)

    mailing.refresh_from_db()
    assert mailing.state == "held"
    assert "3 people would get it, 30 when it was approved" in mailing.state_reason
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("approved", "now", "held"),
    [(100, 126, True), (100, 125, False), (1000, 1100, False), (1000, 1101, True), (300, 274, False)],
)
def test_both_a_tenth_and_25_people_make_a_difference(approved, now, held):
    assert differs(approved, now) is held


def test_a_mailing_that_is_too_late_is_held(mailing):
    to_freezing(mailing)
    mailing.state, mailing.send_at = "scheduled", timezone.now() - datetime.timedelta(hours=5)
    mailing.save()

    assert begin_due() == []

    mailing.refresh_from_db()
    assert mailing.state == "held"
    assert "5 hours" in mailing.state_reason


def test_nothing_is_frozen_before_the_window_to_stop_is_over(mailing, planner, no_wake_ups):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)
    mailing.state, mailing.send_at = "approved", None
    mailing.save()
    send_now(mailing=mailing, actor=planner)

    now = timezone.now()
    assert begin_due(now=now + datetime.timedelta(seconds=29)) == []
    assert begin_due(now=now + datetime.timedelta(seconds=31)) == [mailing.pk]


def test_a_mailing_without_a_partition_waits_for_it(mailing, monkeypatch):
    to_freezing(mailing)
    monkeypatch.setattr("campaigns.delivery.partitions.partition_of", lambda mailing_id: None)

    with pytest.raises(Unavailable):
        freeze(mailing_id=mailing.pk)

    mailing.refresh_from_db()
    assert mailing.state == "freezing"


def test_a_mailing_cancelled_while_it_is_frozen_has_no_deliveries(mailing, monkeypatch):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)

    def late(mailing_id, content):
        move(mailing=mailing, to=State.CANCELLED)

    monkeypatch.setattr("campaigns.delivery.freezing._keep_links", late)

    assert not freeze(mailing_id=mailing.pk)
    assert not Delivery.objects.exists()


def test_partitions_are_made_ahead_checked_and_attached(db):
    width = partitions.WIDTH
    newest = MailingFactory(pk=100 * width + 5).pk

    assert len(ensure_partitions()) == 3
    assert ensure_partitions() == []
    assert partition_of(newest) and partition_of(newest + 2 * width) and not partition_of(newest + 4 * width)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [partition_of(newest)])
        assert "fillfactor=60" in cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM pg_partitioned_table WHERE partdefid <> 0 AND partrelid::regclass::text LIKE 'delivery%'"
        )
        assert cursor.fetchone()[0] == 0


@pytest.mark.django_db(transaction=True)
def test_a_second_freeze_beside_the_first_does_nothing(mailing):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7101, %s)", [mailing.pk])

        import threading

        found = []

        def other() -> None:
            found.append(freeze(mailing_id=mailing.pk))
            connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert found == [False]


def test_sweep_asks_again_for_a_freeze_that_got_stuck(mailing, no_wake_ups):
    to_freezing(mailing)

    sweep()

    assert ("campaigns.delivery.freeze", (mailing.pk,)) in no_wake_ups
