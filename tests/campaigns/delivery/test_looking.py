"""A message whose answer nobody heard is uncertain while evidence is looked for; then the mailing's policy decides."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.delivery.doubt import LOOKING
from campaigns.delivery.evidence import Trace
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryEvidence, DeliveryRetry
from campaigns.delivery.queries import counts, quick_counts
from campaigns.delivery.settling import Word, apply_told, hear_event, settle_by_log, settle_uncertain
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.engagement.models import EngagementDay
from campaigns.mailings.services import cancel, pause
from contacts.consent.services import withdraw_consent
from contacts.directory.models import Person
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = uuid.UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff")
LONG_AGO = timedelta(minutes=1)


@pytest.fixture
def one(mailing, sink):
    """A mailing to one person, in flight with a worker that is dead."""
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    dies(mailing)
    return mailing


def dies(mailing, *, held_by: str = "chunk") -> None:
    """A worker intended it and was killed; its lease is over. held_by: what of it the worker held."""
    then = timezone.now() - LONG_AGO
    Delivery.objects.filter(mailing_id=mailing.pk).update(state="in_flight", attempts=1, first_attempt_at=then)
    chunks = DeliveryChunk.objects.filter(mailing_id=mailing.pk)
    if held_by == "chunk":
        chunks.update(token=DEAD, lease_until=then)
    else:
        chunks.update(is_done=True, token=None, lease_until=None, counts={"in_flight": 1})
        DeliveryRetry.objects.create(mailing_id=mailing.pk, seq=1, due_at=then, token=DEAD, lease_until=then)


def look_is_over() -> None:
    DeliveryRetry.objects.filter(token=LOOKING).update(lease_until=timezone.now() - LONG_AGO)


def state(mailing) -> str:
    return Delivery.objects.get(mailing_id=mailing.pk).state


def log_says(mailing, status: str = "sent") -> dict[str, int]:
    return settle_by_log(traces={(mailing.uid, 1): Trace(status, "2.0.0", "250 ok")})


@pytest.mark.parametrize("held_by", ["chunk", "retry"])
def test_what_a_dead_worker_left_is_uncertain_and_then_sent_again(mailing, sink, held_by):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    dies(mailing, held_by=held_by)

    sweep()
    deliver(mailing.pk)

    assert (state(mailing), sink.recipients) == ("uncertain", [])
    assert quick_counts([mailing.pk])[mailing.pk]["uncertain"] == 1
    retry = DeliveryRetry.objects.get()
    assert (retry.token, retry.lease_until > timezone.now()) == (LOOKING, True)
    mailing.refresh_from_db()
    assert mailing.state == "sending"

    look_is_over()
    sweep()
    assert (state(mailing), quick_counts([mailing.pk])[mailing.pk]["deferred"]) == ("deferred", 1)
    deliver(mailing.pk)

    assert sink.recipients == ["p1@people.test"]
    mailing.refresh_from_db()
    assert (mailing.state, counts(mailing.pk)["accepted"]) == ("finished", 1)
    assert list(EngagementDay.objects.values_list("mailed", flat=True)) == [1]


@pytest.mark.parametrize("held_by", ["chunk", "retry"])
def test_nobody_looks_where_the_policy_is_a_person_and_the_mailing_finishes(mailing, sink, held_by):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    mailing.resends_uncertain = False
    to_sending(mailing)
    dies(mailing, held_by=held_by)

    sweep()
    sweep()

    mailing.refresh_from_db()
    assert (state(mailing), mailing.state, DeliveryRetry.objects.count()) == ("uncertain", "finished", 0)
    assert quick_counts([mailing.pk])[mailing.pk]["uncertain"] == 1


@pytest.mark.parametrize("seconds", [0, 10])
def test_what_was_said_before_the_worker_died_settles_it(one, sink, settings, seconds):
    """The log is read, or the service tells, while it is in flight: whoever finds it left behind knows."""
    settings.DELIVERY_EVIDENCE_SECONDS = seconds

    assert log_says(one) == {}
    assert state(one) == "in_flight"  # its answer may come yet
    sweep()
    deliver(one.pk)

    row = Delivery.objects.get(mailing_id=one.pk)
    assert (row.state, row.reply_text) == ("accepted", "mail server’s log: sent 250 ok")
    assert sink.recipients == []
    assert not DeliveryEvidence.objects.exists()
    one.refresh_from_db()
    assert one.state == "finished"


def test_answer_that_comes_after_all_stands_and_the_evidence_is_let_go(one, sink):
    Delivery.objects.filter(mailing_id=one.pk).update(state="pending", attempts=0)
    DeliveryChunk.objects.filter(mailing_id=one.pk).update(token=None, lease_until=None)
    row = Delivery.objects.get(mailing_id=one.pk)
    row.state = "in_flight"  # as it was when the event was read
    assert hear_event(delivery=row, kind="delivered") is False  # never tried: somebody tells of another's
    deliver(one.pk)
    Delivery.objects.filter(mailing_id=one.pk).update(state="in_flight")
    assert hear_event(delivery=row, kind="delivered") is True
    Delivery.objects.filter(mailing_id=one.pk).update(state="accepted", reply_text="250 ok")

    assert apply_told() == 0

    assert Delivery.objects.get(mailing_id=one.pk).reply_text == "250 ok"
    assert not DeliveryEvidence.objects.exists()


@pytest.mark.parametrize("told_by", ["log", "service"])
def test_what_is_said_while_it_is_looked_for_settles_it(one, sink, told_by):
    sweep()
    if told_by == "log":
        assert log_says(one, "bounced") == {"bounced": 1}
    else:
        assert hear_event(delivery=Delivery.objects.get(mailing_id=one.pk), kind="delivered")
        assert apply_told() == 1
    sweep()

    one.refresh_from_db()
    assert (state(one), one.state, sink.recipients) == ("accepted", "finished", [])
    assert not DeliveryRetry.objects.exists()
    assert list(EngagementDay.objects.values_list("mailed", flat=True)) == [1]


@pytest.mark.parametrize("seconds", [0, 10])
def test_what_is_said_while_it_waits_to_be_sent_again_settles_it(one, sink, settings, seconds):
    settings.DELIVERY_EVIDENCE_SECONDS = seconds
    sweep()
    look_is_over()
    sweep()
    assert state(one) == ("deferred" if seconds else "pending")

    assert log_says(one) == {"sent": 1}
    deliver(one.pk)

    one.refresh_from_db()
    assert (state(one), one.state, sink.recipients) == ("accepted", "finished", [])
    assert not DeliveryRetry.objects.exists()
    assert list(EngagementDay.objects.values_list("mailed", flat=True)) == [1]


def test_what_was_never_tried_is_settled_by_nobody(mailing, sink):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)

    assert log_says(mailing) == {}

    assert (state(mailing), DeliveryEvidence.objects.count()) == ("pending", 0)


def test_person_settles_what_is_looked_for_and_nothing_waits_any_more(one, sink, planner):
    sweep()

    assert settle_uncertain(mailing=one, actor=planner, word=Word.AGAIN) == 1
    assert not DeliveryRetry.objects.exists()
    deliver(one.pk)

    one.refresh_from_db()
    assert (one.state, sink.recipients) == ("finished", ["p1@people.test"])


def test_who_withdraws_while_it_is_looked_for_gets_no_second_copy(one, sink):
    sweep()
    person = Person.objects.get(pk=Delivery.objects.get(mailing_id=one.pk).person_id)
    withdraw_consent(subject=person, topic=one.topic, source="test")

    look_is_over()
    sweep()
    deliver(one.pk)

    one.refresh_from_db()
    assert (state(one), one.state, sink.recipients) == ("uncertain", "finished", [])


@pytest.mark.parametrize(("verb", "then"), [(pause, "deferred"), (cancel, "uncertain")])
def test_mailing_that_is_stopped_while_it_is_looked_for(one, sink, planner, verb, then):
    sweep()
    verb(mailing=one, actor=planner)

    look_is_over()
    sweep()
    deliver(one.pk)

    assert (state(one), sink.recipients) == (then, [])
    assert DeliveryRetry.objects.count() == (then == "deferred")


def test_a_row_waits_for_its_countrys_hours_when_its_time_to_be_looked_for_ends(one):
    sweep()
    opens = timezone.now() + timedelta(hours=9)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_deliverychunk SET slot = 1, is_open = false WHERE mailing_id = %s", [one.pk])
        cursor.execute(
            "INSERT INTO campaigns_deliveryslot (mailing_id, number, country_code, zone, due_at, state, people)"
            " VALUES (%s, 1, 'ZM', 'Africa/Lusaka', %s, 'waiting', 1)",
            [one.pk, opens],
        )

    look_is_over()
    sweep()

    assert (state(one), DeliveryRetry.objects.get().due_at) == ("deferred", opens)
