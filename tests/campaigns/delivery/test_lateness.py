"""What could not leave in time is held or paused for an approver, also in the middle of a mailing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.breaker import trip, try_again
from campaigns.delivery.freezing import freeze
from campaigns.delivery.models import BreakerPause, DeliveryChunk, DeliveryRetry, DeliverySlot, LastRun
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.queries import late, paused
from campaigns.mailings.services import pause, resume
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import mail_due
from crm.errors import NotAllowed
from tests.campaigns.delivery.building import subscriber, to_freezing, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


def ago(**time):
    return timezone.now() - timedelta(**time)


@pytest.fixture
def going(mailing, sink, approver):
    """Two people, and an owner to be told."""
    for number in (1, 2):
        subscriber(mailing.topic, number)
    mailing.written_by = approver
    use(mailing, sink)
    return to_sending(mailing)


def away(mailing, **time):
    """Nobody was there for so long, in the middle of it: a worker's claim stands as it was."""
    LastRun.objects.update_or_create(mailing_id=mailing.pk, defaults={"at": ago(**time)})
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(
        token=uuid4(), lease_until=ago(**time), due_at=ago(**time)
    )


def tick(mailing):
    sweep()
    deliver(mailing.pk)
    mailing.refresh_from_db()


def test_mailing_that_nobody_could_send_for_days_waits_for_an_approver(going, sink, planner, approver, sign_in):
    away(going, days=3)

    tick(going)

    assert (going.state, sink.recipients) == (State.PAUSED, [])
    assert "Nothing of it could leave since" in going.state_reason and "4 h late" in going.state_reason
    assert "an approver resumes it" in going.state_reason
    page = sign_in(planner).get(reverse("mailing_detail", args=[going.uid])).content.decode()
    assert "Paused: an approver decides" in page and "Cancel the rest" in page and ">Resume<" not in page
    assert (list(late(approver)), list(paused(planner))) == ([going], [])
    with pytest.raises(NotAllowed):
        resume(mailing=going, actor=planner)
    assert mail_due() == 1
    assert going.state_reason in mail.outbox[0].body and "If it may still leave" in mail.outbox[0].body

    resume(mailing=going, actor=approver)
    tick(going)
    assert len(sink.recipients) == 2
    assert going.late_since is None


def test_person_who_pauses_what_is_late_does_not_make_it_timely(going, planner):
    away(going, days=3)
    tick(going)

    pause(mailing=going, actor=planner)

    with pytest.raises(NotAllowed):
        resume(mailing=going, actor=planner)


def test_mailing_that_nobody_could_send_for_a_while_goes_on(going, sink):
    away(going, hours=3)

    tick(going)

    assert len(sink.recipients) == 2


def test_what_is_not_due_is_not_late_however_long_nobody_was_there(going, sink):
    away(going, days=3)
    DeliveryChunk.objects.filter(mailing_id=going.pk).update(slot=1, is_open=False, token=None, lease_until=None)
    DeliverySlot.objects.create(
        mailing_id=going.pk, number=1, country_code="ZM", zone="Africa/Lusaka", due_at=ago(minutes=5), people=2
    )

    tick(going)

    assert len(sink.recipients) == 2


def test_deferred_message_that_was_due_days_ago_is_late_too(going, sink):
    sink.behaviour.defer, sink.behaviour.defer_times = "p1@", 1
    deliver(going.pk)
    DeliveryRetry.objects.update(due_at=ago(days=3))
    LastRun.objects.update(at=ago(days=3))

    tick(going)

    assert (going.state, sink.recipients) == (State.PAUSED, ["p2@people.test"])


def test_runs_are_noted_once_a_minute(going):
    LastRun.objects.update(at=(recent := ago(seconds=30)))
    deliver(going.pk)
    assert LastRun.objects.get().at == recent

    LastRun.objects.update(at=ago(seconds=90))
    Mailing.objects.update(state=State.SENDING)
    deliver(going.pk)
    assert LastRun.objects.get().at > ago(seconds=60)


def test_transport_that_takes_nothing_for_too_long_leaves_the_word_to_an_approver(going, sink, approver):
    trip(mailing_id=going.pk, transport_id=going.transport_id, reason="it is down")
    BreakerPause.objects.update(at=ago(hours=5))
    Transport.objects.update(open_until=ago(seconds=1))

    assert try_again() == [], "although it takes mail by now"

    going.refresh_from_db()
    assert (going.state, sink.recipients) == (State.PAUSED, [])
    assert "Nothing of it could leave since" in going.state_reason
    assert not BreakerPause.objects.exists()
    assert [notice.kind for notice in PauseNotice.objects.order_by("pk")] == ["transport", "late"]
    resume(mailing=going, actor=approver)
    tick(going)
    assert len(sink.recipients) == 2


def test_audience_that_is_still_being_frozen_when_it_is_too_late_is_held(mailing, sink, approver):
    subscriber(mailing.topic, 1)
    mailing.written_by = approver
    use(mailing, sink)
    to_freezing(mailing)
    Mailing.objects.update(send_at=ago(hours=5))

    assert not freeze(mailing_id=mailing.pk)

    mailing.refresh_from_db()
    assert mailing.state == State.HELD
    assert "Its time passed 5 hours" in mailing.state_reason
    assert mail_due() == 1
    assert "is held" in mail.outbox[0].subject and "Nothing of it has left" in mail.outbox[0].body


def test_hours_that_ended_long_ago_unseen_are_late_and_not_put_off_to_the_next_opening(going, sink):
    DeliveryChunk.objects.filter(mailing_id=going.pk).update(slot=1)
    DeliverySlot.objects.create(
        mailing_id=going.pk, number=1, country_code="ZM", zone="Africa/Lusaka", people=2, state="open",
        due_at=ago(hours=30), closes_at=ago(hours=25),
    )  # fmt: skip

    sweep()

    assert DeliverySlot.objects.get().state == "late"
    assert not DeliveryChunk.objects.get(mailing_id=going.pk).is_open
    deliver(going.pk)
    assert sink.recipients == []


def test_only_what_is_paused_can_be_late(going):
    with pytest.raises(IntegrityError, match="mailing_late_is_paused"):
        Mailing.objects.update(late_since=timezone.now())
