"""After a restore nothing goes on by itself: what may have left since the backup waits for a person."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import message_id
from campaigns.delivery.auditing import audit
from campaigns.delivery.breaker import trip, try_again
from campaigns.delivery.doubt import LOOKING
from campaigns.delivery.evidence import Trace
from campaigns.delivery.models import BreakerPause, Delivery, DeliveryChunk, DeliveryRetry, DeliverySlot
from campaigns.delivery.queries import counts
from campaigns.delivery.restoring import after_restore
from campaigns.delivery.settling import Word, settle_by_log, settle_uncertain
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Transport
from campaigns.mailings.services import pause, release_held, resume
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import mail_due
from crm.backup.services import AFTER_RESTORE
from tests.campaigns.delivery.building import subscriber, to_freezing, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


def made(**ago):
    return timezone.now() - timedelta(**ago)


def begun(mailing, sink, people=4):
    """Frozen and half sent when the backup was made: accepted, in flight, deferred, and one that waits."""
    for number in range(1, people + 1):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    rows = Delivery.objects.filter(mailing_id=mailing.pk)
    for seq, state in ((1, "accepted"), (2, "in_flight"), (3, "deferred")):
        rows.filter(seq=seq).update(
            state=state, attempts=1, first_attempt_at=made(hours=3), last_attempt_at=made(hours=3)
        )
    rows.filter(seq=1).update(settled_at=made(hours=3))
    DeliveryRetry.objects.create(mailing_id=mailing.pk, seq=3, due_at=made(hours=2))
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(token=uuid4(), lease_until=made(hours=3))


def work(mailing):
    """What the processes do once they run."""
    sweep()
    deliver(mailing.pk)
    sweep()
    mailing.refresh_from_db()


def test_mailing_that_was_going_out_sends_nothing_again_until_somebody_has_said_what_left(mailing, sink, planner):
    begun(mailing, sink)

    said = after_restore(made(hours=3))
    work(mailing)

    assert sink.recipients == []
    assert mailing.state == State.PAUSED
    assert mailing.state_reason.startswith("Restored from the backup of")
    assert "3 messages" in mailing.state_reason and "settle_from_log" in mailing.state_reason
    assert {k: n for k, n in counts(mailing.pk).items() if n} == {"accepted": 1, "uncertain": 3}
    assert audit(mailing).problems == []
    assert not DeliveryRetry.objects.exists()
    assert said == "1 mailing paused, 0 held: what of them left since the backup is not known here."

    # the mail server's log knows two of them; a person has the rest sent, and resumes
    settle_by_log(traces={(mailing.uid, seq): Trace("sent", "2.0.0", "ok") for seq in (2, 3)})
    assert settle_uncertain(mailing=mailing, actor=planner, word=Word.AGAIN) == 1
    resume(mailing=mailing, actor=planner)
    deliver(mailing.pk)
    work(mailing)

    assert sink.recipients == [Delivery.objects.get(mailing_id=mailing.pk, seq=4).address]
    assert message_id(mailing.uid, 4).encode() in sink.messages[0][1]
    assert (mailing.state, counts(mailing.pk)["accepted"]) == (State.FINISHED, 4)
    assert audit(mailing).problems == []


def test_resumed_without_a_word_sends_nothing(mailing, sink, planner):
    begun(mailing, sink)
    after_restore(made(hours=3))

    resume(mailing=mailing, actor=planner)
    work(mailing)

    assert sink.recipients == []
    assert counts(mailing.pk)["uncertain"] == 3


def test_what_was_uncertain_and_looked_for_is_not_sent_again_by_policy(mailing, sink, planner):
    begun(mailing, sink)
    Delivery.objects.filter(mailing_id=mailing.pk, seq=2).update(state="uncertain")
    DeliveryRetry.objects.create(
        mailing_id=mailing.pk, seq=2, due_at=made(hours=3), token=LOOKING, lease_until=made(hours=3)
    )

    after_restore(made(hours=3))
    work(mailing)
    resume(mailing=mailing, actor=planner)
    work(mailing)

    assert sink.recipients == []
    assert counts(mailing.pk)["uncertain"] == 3


def test_paused_by_the_breaker_or_a_person_does_not_go_on_either(mailing, sink, planner):
    begun(mailing, sink)
    trip(mailing_id=mailing.pk, transport_id=mailing.transport_id, reason="it was down then")
    after_restore(made(hours=3))
    assert not BreakerPause.objects.exists()
    Transport.objects.update(open_until=made(hours=1))

    try_again()
    work(mailing)

    assert (mailing.state, sink.recipients) == (State.PAUSED, [])
    assert mailing.state_reason.startswith("Restored from the backup of")
    pause(mailing=mailing, actor=planner)
    after_restore(made(hours=3))
    mailing.refresh_from_db()
    assert mailing.state_reason.startswith("Restored from the backup of")


@pytest.mark.parametrize("state", [State.SCHEDULED, State.FREEZING])
def test_whose_time_has_come_since_is_held_with_the_reason_and_its_owner_told(mailing, sink, approver, sign_in, state):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_freezing(mailing)
    mailing.state, mailing.send_at = state, made(minutes=30)  # within the time that it may be late
    mailing.written_by = approver
    mailing.save()

    said = after_restore(made(hours=1))
    work(mailing)

    assert (mailing.state, sink.recipients) == (State.HELD, [])
    assert "it may have left" in mailing.state_reason and "cancel it" in mailing.state_reason
    assert said.startswith("0 mailings paused, 1 held")
    assert mailing.state_reason in sign_in(approver).get(reverse("mailing_detail", args=[mailing.uid])).content.decode()
    assert mail_due() == 1
    (letter,) = mail.outbox
    assert letter.subject.endswith("is held")
    assert mailing.state_reason in letter.body and "release it" in letter.body
    assert "What was sent has arrived" not in letter.body

    release_held(mailing=mailing, actor=approver, audience_count=1)
    for _tick in range(2):
        work(mailing)
    assert mailing.state == State.FREEZING  # as ever


def test_whose_time_is_still_to_come_leaves_at_its_time(mailing, sink):
    to_freezing(mailing)
    mailing.state, mailing.send_at = State.SCHEDULED, timezone.now() + timedelta(hours=1)
    mailing.save()

    after_restore(made(hours=1))

    mailing.refresh_from_db()
    assert (mailing.state, mailing.state_reason) == (State.SCHEDULED, "")
    assert not PauseNotice.objects.exists()


def test_countries_whose_turn_is_still_to_come_stay_waiting(mailing, sink):
    begun(mailing, sink)
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(slot=1, is_open=False)
    DeliverySlot.objects.create(
        mailing_id=mailing.pk, number=1, country_code="ZM", zone="Africa/Lusaka", people=4,
        due_at=timezone.now() + timedelta(hours=2),
    )  # fmt: skip
    Delivery.objects.filter(mailing_id=mailing.pk).update(state="pending")

    after_restore(made(hours=3))

    assert counts(mailing.pk)["pending"] == 4


def test_it_is_a_step_of_each_restore_behind_the_erasures():
    assert [step.__module__ for step in AFTER_RESTORE] == [
        "contacts.consent.erasure.services",
        "campaigns.delivery.restoring",
    ]
