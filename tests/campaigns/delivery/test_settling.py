"""A person's word on uncertain deliveries, and a person's pause over the engine's own."""

import re
import threading

import pytest
from django.db import connection, transaction
from django.urls import reverse

from campaigns.delivery.breaker import trip, try_again
from campaigns.delivery.evidence import Trace
from campaigns.delivery.models import BreakerPause, Delivery, DeliveryChunk
from campaigns.delivery.queries import counts, quick_counts
from campaigns.delivery.rollups import ROLL_UP
from campaigns.delivery.settling import Word, settle_by_log, settle_uncertain
from campaigns.delivery.sweeping import finish_if_done
from campaigns.delivery.tasks import deliver
from campaigns.engagement.models import EngagementDay
from campaigns.feeds.models import DeliveryPlace
from campaigns.feeds.services import number_feeds
from campaigns.mailings.models import Transport
from campaigns.mailings.services import pause
from contacts.consent.services import withdraw_consent
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.errors import NotAllowed, WrongState
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def left(mailing, sink):
    """A mailing of three whose worker ended with two in flight."""
    for number in range(1, 4):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    mailing.resends_uncertain = False
    mailing.save()
    to_sending(mailing)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET state = CASE WHEN address = 'p3@people.test' THEN 'accepted' ELSE 'uncertain' END,"
            " settled_at = now() WHERE mailing_id = %s",
            [mailing.pk],
        )
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(is_done=True, counts={"accepted": 1, "uncertain": 2})
    return mailing


def test_settle_arrived_counts_them_as_accepted_once(left, planner):
    assert settle_uncertain(mailing=left, actor=planner, word=Word.ARRIVED) == 2
    assert settle_uncertain(mailing=left, actor=planner, word=Word.LOST) == 0

    assert counts(left.pk)["accepted"] == 3 == quick_counts([left.pk])[left.pk]["accepted"]
    row = Delivery.objects.get(mailing_id=left.pk, address="p1@people.test")
    assert row.reply_text == "Planner: it arrived"
    assert row.settled_at is not None
    assert AuditEntry.objects.filter(verb="mailing.uncertain_settled").count() == 1
    assert Person.objects.get(pk=row.person_id).last_mailed_at == row.settled_at


def test_settle_one_leaves_the_other(left, planner):
    one = Delivery.objects.get(mailing_id=left.pk, address="p1@people.test")

    assert settle_uncertain(mailing=left, actor=planner, word=Word.LOST, seqs=[one.seq]) == 1

    found = counts(left.pk)
    assert (found["failed"], found["uncertain"], found["accepted"]) == (1, 1, 1)


def test_settle_again_sends_them_under_the_same_message_id(left, planner, sink):
    settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN)
    deliver(left.pk)

    assert sink.recipients == ["p1@people.test", "p2@people.test"]
    assert counts(left.pk)["accepted"] == 3
    left.refresh_from_db()
    assert left.state == "finished"


def mailed(mailing):
    """How often everybody of a mailing was mailed, by their days."""
    rows = dict(EngagementDay.objects.values_list("person_id", "mailed"))
    people = Delivery.objects.filter(mailing_id=mailing.pk).order_by("address").values_list("person_id", flat=True)
    return [rows.get(person, 0) for person in people]


def test_settle_again_counts_nobody_of_the_same_chunk_twice(left, planner, sink):
    with connection.cursor() as cursor:  # as the worker did that ended the chunk
        seqs = list(Delivery.objects.filter(mailing_id=left.pk, state="accepted").values_list("seq", flat=True))
        cursor.execute(ROLL_UP, {"mailing": left.pk, "seqs": seqs})
    one = Delivery.objects.get(mailing_id=left.pk, address="p1@people.test")

    settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN, seqs=[one.seq])
    settle_uncertain(mailing=left, actor=planner, word=Word.ARRIVED)  # its chunk is open now
    assert mailed(left) == [0, 1, 1]
    deliver(left.pk)

    assert sink.recipients == ["p1@people.test"]
    assert mailed(left) == [1, 1, 1]
    left.refresh_from_db()
    assert left.state == "finished"


def test_settle_by_a_log_while_others_of_the_chunk_wait_counts_once(left, sink):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET state = 'pending', settled_at = NULL WHERE mailing_id = %s AND address <> 'p1@people.test'",
            [left.pk],
        )
    DeliveryChunk.objects.filter(mailing_id=left.pk).update(is_done=False)
    one = Delivery.objects.get(mailing_id=left.pk, address="p1@people.test")

    assert settle_by_log(traces={(left.uid, one.seq): Trace("sent", "2.0.0", "250 ok")}) == {"sent": 1}
    deliver(left.pk)

    assert sink.recipients == ["p2@people.test", "p3@people.test"]
    assert mailed(left) == [1, 1, 1]


def test_settle_again_opens_a_finished_mailing_for_these_alone(left, planner, sink):
    assert finish_if_done(left.pk)
    DeliveryPlace.objects.update(is_closed=True)  # the feed looks at it no more
    number_feeds()
    one = Delivery.objects.get(mailing_id=left.pk, address="p1@people.test")

    assert settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN, seqs=[one.seq]) == 1
    left.refresh_from_db()
    assert (left.state, left.finished_at) == ("sending", None)
    deliver(left.pk)

    assert sink.recipients == ["p1@people.test"]
    left.refresh_from_db()
    assert left.state == "finished"
    assert left.finished_at is not None
    assert (counts(left.pk)["accepted"], counts(left.pk)["uncertain"]) == (2, 1)
    number_feeds()
    assert DeliveryPlace.objects.get(mailing_id=left.pk).counts == {"accepted": 2, "uncertain": 1}


def test_settle_again_is_refused_when_the_mailing_is_cancelled(left, planner):
    left.state = "cancelled"
    left.save()

    with pytest.raises(WrongState):
        settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN)

    assert counts(left.pk)["uncertain"] == 2


def test_settle_again_leaves_out_whom_nobody_may_write_to_any_more(left, planner, sink):
    first, second = Delivery.objects.filter(mailing_id=left.pk, state="uncertain").order_by("address")
    withdraw_consent(subject=Person.objects.get(pk=first.person_id), topic=left.topic, source="test")
    Delivery.objects.filter(mailing_id=left.pk, seq=second.seq).update(address="")  # as an erasure does

    assert settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN) == 0
    deliver(left.pk)

    assert sink.recipients == []
    assert counts(left.pk)["uncertain"] == 2


def test_mailing_does_not_finish_over_a_word_to_send_again(left, planner, sink):
    """The person's word holds the mailing while the sweeper, who has seen that nothing is open, waits to end it."""
    said, finished = threading.Event(), []

    def say() -> None:
        with transaction.atomic():
            settle_uncertain(mailing=left, actor=planner, word=Word.AGAIN)
            said.set()
            wait_until_somebody_waits()
        connection.close()

    def finish() -> None:
        finished.append(finish_if_done(left.pk))
        connection.close()

    saying = threading.Thread(target=say)
    saying.start()
    assert said.wait(10)
    finishing = threading.Thread(target=finish)
    finishing.start()
    saying.join()
    finishing.join()

    assert finished == [False]
    deliver(left.pk)
    assert sink.recipients == ["p1@people.test", "p2@people.test"]


def wait_until_somebody_waits() -> None:
    for _number in range(400):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.025)
    raise AssertionError("nobody waits")


def test_settle_needs_the_right_to_send(left, viewer):
    with pytest.raises(NotAllowed):
        settle_uncertain(mailing=left, actor=viewer, word=Word.ARRIVED)

    assert counts(left.pk)["uncertain"] == 2


def test_page_of_uncertain_offers_a_word_for_each_and_for_all(left, planner, viewer, sign_in):
    page = f"{reverse('mailing_report_people', args=[left.uid])}?who=uncertain"
    one = Delivery.objects.get(mailing_id=left.pk, address="p2@people.test")
    client = sign_in(planner)

    shown = client.get(page).content.decode()
    answer = client.post(reverse("mailing_report_settle", args=[left.uid]), {"word": "arrived", "pick": [str(one.seq)]})

    assert "What became of them?" in shown
    assert shown.count('name="pick"') == 2
    assert re.findall(r'name="word" value="(\w+)"', shown) == ["arrived", "lost", "again"]
    assert answer.status_code == 302
    assert counts(left.pk)["accepted"] == 2
    assert "What became of them?" not in sign_in(viewer).get(page).content.decode()


@pytest.mark.parametrize(
    "posted",
    [
        {"word": "maybe", "pick": "1"},
        {},
        {"word": "arrived"},
        {"word": "arrived", "pick": "x"},
        {"word": "lost", "pick": "9" * 12},
    ],
)
def test_page_of_uncertain_changes_nothing_for_a_broken_post(left, planner, sign_in, posted):
    sign_in(planner).post(reverse("mailing_report_settle", args=[left.uid]), posted)

    assert counts(left.pk)["uncertain"] == 2


def test_pause_by_a_person_replaces_the_engines_own(left, planner):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery SET state = 'pending' WHERE mailing_id = %s", [left.pk])
    trip(mailing_id=left.pk, transport_id=left.transport_id, reason="it is down")
    assert BreakerPause.objects.filter(mailing_id=left.pk).exists()

    pause(mailing=left, actor=planner)
    Transport.objects.filter(pk=left.transport_id).update(open_until="2020-01-01T00:00Z")
    try_again()

    left.refresh_from_db()
    assert (left.state, left.state_reason) == ("paused", "Paused by Planner")
    assert not BreakerPause.objects.filter(mailing_id=left.pk).exists()
