"""A large mailing makes room for a small one that comes while it is being sent, and keeps its worker while nobody else waits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.delivery import engine, replies
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import deliver, send_some
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import pause, resume
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_freezing, to_sending, use
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import MailingFactory, SegmentFactory

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 40


@pytest.fixture
def slow_sink(monkeypatch):
    """A run is looked at every twentieth of a second, and a message takes as long: forty by two connections take twenty looks."""
    monkeypatch.setattr(engine, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(engine, "BEAT_SECONDS", 0.05)
    with running_sink(delay=0.05) as sink:
        yield sink


@pytest.fixture
def large(mailing, slow_sink):
    for number in range(PEOPLE):
        subscriber(mailing.topic, number + 1)
    use(mailing, slow_sink)
    return to_sending(mailing)


def small_one(large):
    return MailingFactory(
        segment=SegmentFactory(tree=EVERYBODY), topic=large.topic, transport=large.transport, contact_guard_days=0
    )


def test_a_large_mailing_ends_its_run_for_one_that_waits_and_goes_on_behind_it(large, no_wake_ups):
    small = to_sending(small_one(large))
    no_wake_ups.clear()

    deliver(large.pk)

    after = counts(large.pk)
    assert 0 < after["accepted"] < PEOPLE
    assert after["accepted"] + after["pending"] == PEOPLE
    assert no_wake_ups == [("campaigns.delivery.deliver", (large.pk,))]
    assert not DeliveryChunk.objects.filter(mailing_id=large.pk, token__isnull=False).exists()
    assert counts(small.pk)["pending"] == PEOPLE


def test_a_silent_server_is_not_waited_for_as_long_while_another_mailing_waits(large, slow_sink, monkeypatch):
    """Ten minutes are no time that a small mailing can wait for the worker; a tenth of them is the most that it does."""
    monkeypatch.setattr(replies, "HURRY", 10_000)
    slow_sink.behaviour.delay = 600.0
    to_sending(small_one(large))

    outcomes = send_some(large.pk)

    assert outcomes and outcomes.out_of_time and not outcomes.is_closed
    assert outcomes.counts == {"deferred": large.transport.max_connections}
    said = Delivery.objects.filter(mailing_id=large.pk, state="deferred").values_list("reply_text", flat=True)
    assert all("did not answer within" in text for text in said)


def test_one_that_is_due_to_be_frozen_counts_too(large):
    to_freezing(small_one(large))

    outcomes = send_some(large.pk)

    assert outcomes.out_of_time
    assert counts(large.pk)["pending"] > 0


def test_one_that_somebody_resumed_counts_however_long_it_was_paused(large, planner):
    small = pause(mailing=to_sending(small_one(large)), actor=planner)
    DeliveryChunk.objects.filter(mailing_id=small.pk).update(due_at=timezone.now() - timedelta(hours=1))
    resume(mailing=small, actor=planner)

    outcomes = send_some(large.pk)

    assert outcomes.out_of_time
    assert counts(large.pk)["pending"] > 0


@pytest.mark.parametrize("other", ["nobody", "somebody is at it", "held back for long"])
def test_a_run_is_not_cut_short_for(large, other):
    if other != "nobody":
        small = to_sending(small_one(large))
        held = {"token": small.uid, "lease_until": timezone.now() + timedelta(minutes=1)}
        long_ago = {"due_at": timezone.now() - timedelta(hours=1)}
        DeliveryChunk.objects.filter(mailing_id=small.pk).update(**(held if "at it" in other else long_ago))

    send_some(large.pk)

    assert counts(large.pk)["accepted"] == PEOPLE
    assert Mailing.objects.get(pk=large.pk).state == "sending"
