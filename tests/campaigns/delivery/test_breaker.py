"""A road that is closed: only a message that was accepted opens it again, and what is tried meanwhile is one message at a time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.delivery.breaker import may_try, try_again
from campaigns.delivery.models import BreakerPause, Delivery, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.delivery.sink import Session
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.limits.models import DomainRest
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.roads import save_transport
from campaigns.mailings.services import pause
from campaigns.safety.models import SafetyLimits
from crm.audit.models import AuditEntry
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import MailingFactory, SegmentFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Picky(Session):
    """It greets everybody, and refuses our sender as long as `refuses`."""

    refuses, asked = True, 0

    def answer(self, line):
        if line[:4].upper() == b"MAIL":
            type(self).asked += 1
            if self.refuses:
                return b"550 5.7.1 Not from this sender\r\n"
        return super().answer(line)


@pytest.fixture
def picky():
    Picky.refuses, Picky.asked = True, 0
    with running_sink(session=Picky) as sink:
        yield sink


@pytest.fixture
def to_five(mailing, picky):
    for number in range(1, 6):
        subscriber(mailing.topic, number)
    use(mailing, picky)
    return to_sending(mailing)


def another(mailing):
    """A second mailing by the same transport, with people of its own topic."""
    row = MailingFactory(segment=SegmentFactory(tree=EVERYBODY), transport=mailing.transport)
    for number in range(6, 9):
        subscriber(row.topic, number)
    return to_sending(row)


def after_the_wait():
    Transport.objects.update(open_until=timezone.now() - timedelta(seconds=1))
    return try_again()


def road():
    return Transport.objects.get()


def wait_in_seconds():
    found = road()
    return round((found.open_until - found.updated_at).total_seconds())


def test_sender_that_is_refused_does_not_close_the_breaker_and_waits_longer_each_time(to_five, picky, settings):
    settings.DELIVERY_BREAKER_SECONDS = 10
    deliver(to_five.pk)
    waits, Picky.asked = [wait_in_seconds()], 0

    for _time in range(6):
        assert after_the_wait() == [to_five.pk], "a connection can be made"
        deliver(to_five.pk)
        waits.append(wait_in_seconds())

    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert (road().failures, Picky.asked) == (7, 6), "each time it was asked once"
    to_five.refresh_from_db()
    assert to_five.state == "paused" and "Not from this sender" in to_five.state_reason
    assert set(Delivery.objects.filter(mailing_id=to_five.pk).values_list("state", "attempts")) == {("pending", 0)}

    Picky.refuses = False
    after_the_wait()
    deliver(to_five.pk)

    assert len(picky.recipients) == 5
    assert (road().failures, road().open_until, road().last_error) == (0, None, "")
    assert not BreakerPause.objects.exists()


def test_one_mailing_tries_the_road_and_the_others_go_on_when_a_message_was_accepted(to_five, picky, no_wake_ups):
    other = another(to_five)
    for row in (to_five, other):
        deliver(row.pk)
    assert set(Mailing.objects.values_list("state", flat=True)) == {"paused", "sending"}, "the other one rests unseen"
    Mailing.objects.filter(state="sending").update(state="paused", state_reason="as if it had seen it, too")
    BreakerPause.objects.create(mailing_id=other.pk, transport_id=to_five.transport_id)
    before = AuditEntry.objects.count()

    assert after_the_wait() == [to_five.pk]
    other.refresh_from_db()
    assert other.state == "paused"
    deliver(to_five.pk)
    assert AuditEntry.objects.count() == before + 2

    Picky.refuses = False
    assert after_the_wait() == [to_five.pk]
    no_wake_ups.clear()
    deliver(to_five.pk)

    assert ("campaigns.delivery.deliver", (other.pk,)) in no_wake_ups
    other.refresh_from_db()
    assert other.state == "sending"
    deliver(other.pk)
    assert len(picky.recipients) == 8


def test_a_trial_is_one_run_s(to_five):
    deliver(to_five.pk)
    assert may_try(to_five.pk, road()) is None
    after_the_wait()

    assert [may_try(to_five.pk, road()) for _task in range(3)] == [True, None, None]


def test_mailing_that_goes_out_meanwhile_waits_for_the_road_and_tries_it(to_five, picky):
    other = another(to_five)
    deliver(to_five.pk)

    deliver(other.pk)
    assert Picky.asked and after_the_wait() == [other.pk], "it need not be moved"
    asked = Picky.asked
    deliver(to_five.pk)
    assert Picky.asked == asked
    Picky.refuses = False
    deliver(other.pk)

    to_five.refresh_from_db()
    assert (len(picky.recipients), to_five.state) == (3, "sending")


def test_trial_whose_recipients_are_all_refused_proves_nothing_and_another_one_is_tried(to_five, picky):
    other = another(to_five)
    deliver(to_five.pk)
    Mailing.objects.filter(pk=other.pk).update(state="paused", state_reason="x")
    BreakerPause.objects.create(mailing_id=other.pk, transport_id=to_five.transport_id)
    Picky.refuses, picky.behaviour.defer, picky.behaviour.defer_times = False, "p", 1

    assert after_the_wait() == [to_five.pk]
    deliver(to_five.pk)
    assert counts(to_five.pk)["deferred"] == 5
    assert road().failures == 1 and road().open_until is not None

    assert after_the_wait() == [other.pk], "the first has nothing to try with"
    picky.behaviour.defer = ""
    DomainRest.objects.all().delete()  # the domain was left alone for it
    deliver(other.pk)
    assert (road().failures, len(picky.recipients)) == (0, 3)


def test_person_who_pauses_the_trial_has_the_last_word(to_five, planner):
    deliver(to_five.pk)
    after_the_wait()
    pause(mailing=to_five, actor=planner)
    assert not BreakerPause.objects.exists()

    assert after_the_wait() == []
    to_five.refresh_from_db()
    assert (to_five.state, to_five.state_reason) == ("paused", "Paused by Planner")


def test_transport_that_is_edited_is_tried_at_once_for_what_rests(to_five, picky, admin):
    deliver(to_five.pk)
    Picky.refuses = False
    save_transport(transport=road(), actor=admin)
    assert road().open_until is None

    sweep()
    deliver(to_five.pk)

    assert len(picky.recipients) == 5


def test_numbers_are_those_of_the_settings(to_five, settings):
    settings.DELIVERY_BREAKER_SECONDS = 50
    SafetyLimits.objects.create(transport_failures=0, transport_longest_minutes=1)

    deliver(to_five.pk)

    assert Picky.asked == 2, "one for each connection"
    after_the_wait()
    deliver(to_five.pk)
    assert wait_in_seconds() == 60


def test_since_when_it_rests_is_kept_over_the_tries(to_five):
    deliver(to_five.pk)
    since = timezone.now() - timedelta(hours=1)
    BreakerPause.objects.update(at=since)

    after_the_wait()
    deliver(to_five.pk)

    assert BreakerPause.objects.get().at == since
    assert not DeliveryRetry.objects.exists()
