"""The engine against a real sink: each outcome, and what it brings with it."""

import asyncio
import datetime
import threading
from email import message_from_bytes
from email.policy import default

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns.delivery.addresses import message_id, read_address
from campaigns.delivery.ledger import Ledger
from campaigns.delivery.models import BreakerPause, Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.queries import counts, progress, quick_counts
from campaigns.delivery.sweeping import sweep, wind_up
from campaigns.delivery.tasks import deliver, send_some
from campaigns.engagement.models import EngagementDay
from campaigns.mailings.models import Transport
from campaigns.mailings.services import cancel, pause, resume
from contacts.consent.models import Suppression
from contacts.consent.queries import suppression_of
from contacts.consent.services import suppress_address
from contacts.directory.models import ContactPoint
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.sinks import free_port, running_sink
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


def row(mailing, address):
    return Delivery.objects.get(mailing_id=mailing.pk, address=address)


def test_deliver_sends_each_pending_delivery_once_and_finishes(mailing, sink):
    for number in range(1, 26):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)
    deliver(mailing.pk)

    assert sink.recipients == sorted(f"p{number}@people.test" for number in range(1, 26))
    assert counts(mailing.pk)["accepted"] == 25 == quick_counts([mailing.pk])[mailing.pk]["accepted"]
    mailing.refresh_from_db()
    assert mailing.state == "finished"


def test_a_message_carries_what_mail_already_sent_must_carry_for_ever(mailing, sink):
    subscriber(mailing.topic, 1, name="Fatou Ndiaye")
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)

    message = message_from_bytes(sink.messages[0][1], policy=default)
    sent = row(mailing, "p1@people.test")
    assert message["Message-ID"] == message_id(mailing.uid, sent.seq)
    assert message["Date"].datetime == sent.first_attempt_at
    assert read_address(str(message["Reply-To"])).seq == sent.seq
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Feedback-ID"].startswith(f"{mailing.pk}:")
    assert "Fatou Ndiaye" in message.get_body(("html",)).get_content()


def test_accepted_mail_is_remembered_by_person_institution_and_day(mailing, sink):
    seat = MembershipFactory(person=subscriber(mailing.topic, 1))
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)
    deliver(mailing.pk)

    sent = row(mailing, "p1@people.test")
    seat.person.refresh_from_db()
    seat.organization.refresh_from_db()
    assert seat.person.last_mailed_at == seat.organization.last_contacted_at == sent.settled_at
    assert list(EngagementDay.objects.values_list("person_id", "mailed")) == [(seat.person_id, 1)]


def test_a_refused_recipient_fails_and_its_address_is_invalid(mailing):
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2)
    with running_sink(reject="p1@") as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)

    failed = row(mailing, "p1@people.test")
    assert (failed.state, failed.reply_code) == ("failed", 550)
    assert "No such user" in failed.reply_text
    assert ContactPoint.objects.get(value="p1@people.test").status == "invalid"
    found = Suppression.objects.get()
    assert (found.reason, found.source) == ("invalid", "bounced: refused")
    assert suppression_of("P1@people.test") == found
    assert sink.recipients == ["p2@people.test"]


def test_what_a_server_said_is_kept_whatever_signs_it_has(mailing):
    said = '5.7.1 "No, {thanks}", said \\ the NULL server'
    for number in (1, 2):
        subscriber(mailing.topic, number)

    with running_sink(reject="people.test", refusal=said) as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)

    assert {d.reply_text for d in Delivery.objects.filter(mailing_id=mailing.pk)} == {said}


def test_deferred_mail_is_tried_again_with_the_same_id_and_date(mailing, settings):
    settings.DELIVERY_RETRY_SECONDS = 1
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2)
    with running_sink(defer="p1@", defer_times=1) as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)
        deferred = row(mailing, "p1@people.test")
        assert (deferred.state, deferred.attempts) == ("deferred", 1)
        mailing.refresh_from_db()
        assert mailing.state == "sending"
        DeliveryRetry.objects.update(due_at=timezone.now() - datetime.timedelta(seconds=1))
        deliver(mailing.pk)

    accepted = row(mailing, "p1@people.test")
    assert (accepted.state, accepted.attempts, accepted.first_attempt_at) == ("accepted", 2, deferred.first_attempt_at)
    assert not DeliveryRetry.objects.exists()
    mailing.refresh_from_db()
    assert mailing.state == "finished"
    assert EngagementDay.objects.count() == 2


def test_a_delivery_that_is_deferred_too_often_fails(mailing, settings):
    settings.DELIVERY_TRIES = 1
    subscriber(mailing.topic, 1)
    with running_sink(defer="p1@", defer_times=9) as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)

    assert row(mailing, "p1@people.test").state == "failed"
    assert "given up after 1 tries" in row(mailing, "p1@people.test").reply_text


def test_a_poisoned_recipient_fails_alone(mailing, sink):
    for number in (1, 2, 3):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    Delivery.objects.filter(mailing_id=mailing.pk, address="p2@people.test").update(variant_id=999)

    deliver(mailing.pk)

    assert row(mailing, "p2@people.test").state == "failed"
    assert "could not be rendered" in row(mailing, "p2@people.test").reply_text
    assert sink.recipients == ["p1@people.test", "p3@people.test"]


@pytest.mark.parametrize("tries", [8, 1], ids=["tried again", "the last try"])
def test_a_server_that_drops_the_connection_at_one_address_keeps_nobody_else_waiting(mailing, settings, tries):
    settings.DELIVERY_TRIES = tries
    for number in range(1, 9):
        subscriber(mailing.topic, number)
    with running_sink(half_close="p3@", half_close_times=1000) as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)

    poison = row(mailing, "p3@people.test")
    assert sink.recipients == [f"p{number}@people.test" for number in (1, 2, 4, 5, 6, 7, 8)]
    assert (poison.state, poison.attempts) == ("deferred" if tries == 8 else "failed", 1)
    assert "the connection ended at this address" in poison.reply_text
    assert DeliveryRetry.objects.count() == (tries == 8)
    mailing.refresh_from_db()
    assert mailing.state == ("sending" if tries == 8 else "finished")


def test_reserved_names_never_leave_by_a_real_transport(mailing, sink):
    subscriber(mailing.topic, 1)
    real = subscriber(mailing.topic)
    ContactPoint.objects.filter(person=real).update(value="a@campaign.org", address_key="a@campaign.org")
    use(mailing, sink)
    mailing.transport.kind = Transport.Kind.SMTP
    mailing.transport.save()
    to_sending(mailing)

    deliver(mailing.pk)

    assert sink.recipients == ["a@campaign.org"]
    assert row(mailing, "p1@people.test").state == "failed"
    assert "reserved" in row(mailing, "p1@people.test").reply_text


def test_a_paused_mailing_sends_nothing_and_goes_on_where_it_was(mailing, sink, planner):
    for number in (1, 2):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    pause(mailing=mailing, actor=planner)

    deliver(mailing.pk)
    assert sink.recipients == []
    assert counts(mailing.pk)["pending"] == 2
    resume(mailing=mailing, actor=planner)
    deliver(mailing.pk)

    assert len(sink.recipients) == 2


def test_cancelling_ends_what_waits(mailing, sink, planner, no_wake_ups):
    for number in (1, 2):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    cancel(mailing=mailing, actor=planner)
    assert ("campaigns.delivery.wind_up", (mailing.pk,)) in no_wake_ups

    assert wind_up(mailing.pk) == 2
    deliver(mailing.pk)

    assert sink.recipients == []
    assert counts(mailing.pk)["cancelled"] == 2
    assert not DeliveryChunk.objects.filter(is_done=False).exists()


def test_a_transport_that_is_down_pauses_the_mailing_and_opens_it_again(mailing, settings):
    settings.DELIVERY_BREAKER_SECONDS = 1
    subscriber(mailing.topic, 1)
    port = free_port()
    mailing.transport.url = f"smtp://127.0.0.1:{port}"
    mailing.transport.save()
    to_sending(mailing)

    deliver(mailing.pk)

    mailing.refresh_from_db()
    mailing.transport.refresh_from_db()
    assert mailing.state == "paused"
    assert mailing.transport.name in mailing.state_reason
    assert mailing.transport.open_until > timezone.now()
    Transport.objects.update(open_until=timezone.now())
    sweep()  # half open, and still down
    mailing.transport.refresh_from_db()
    assert (mailing.transport.failures, mailing.transport.open_until > timezone.now()) == (2, True)
    with running_sink(port) as sink:
        Transport.objects.update(open_until=timezone.now())
        sweep()
        mailing.refresh_from_db()
        assert mailing.state == "sending"
        assert BreakerPause.objects.get().is_trial
        deliver(mailing.pk)
        assert not BreakerPause.objects.exists()
    assert sink.recipients == ["p1@people.test"]


def test_what_a_person_paused_is_not_opened_by_the_breaker(mailing, planner, sink):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    pause(mailing=mailing, actor=planner)
    Transport.objects.update(open_until=timezone.now())

    sweep()

    mailing.refresh_from_db()
    assert mailing.state == "paused"


def test_a_suppression_cancels_what_waits_for_the_address(mailing, sink):
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2)
    use(mailing, sink)
    to_sending(mailing)

    suppress_address(address="P1@people.test", reason="manual", source="test")
    deliver(mailing.pk)

    assert sink.recipients == ["p2@people.test"]
    assert (row(mailing, "p1@people.test").state, row(mailing, "p1@people.test").reply_text) == (
        "cancelled",
        "suppressed",
    )


def test_a_suppression_that_the_freeze_could_not_see_stops_the_message_at_its_final_dot(mailing, sink):
    person = subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    hash = bytes(person.contact_points.get().address_hash)
    Suppression.objects.create(address_hash=hash, key_id="k", reason="manual", at=timezone.now())

    deliver(mailing.pk)

    assert sink.recipients == []
    assert row(mailing, "p1@people.test").state == "cancelled"
    mailing.refresh_from_db()
    assert mailing.state == "finished"


def test_a_compare_and_set_waits_for_a_suppression_that_holds_the_row(mailing, sink):
    """Two connections: the suppression has the row's lock and commits while the engine waits for it."""
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    held, go = threading.Event(), threading.Event()

    def suppress() -> None:
        with transaction.atomic():
            suppress_address(address="p1@people.test", reason="manual", source="test")
            held.set()
            go.wait(10)
        connection.close()

    def let_go_when_somebody_waits() -> None:
        for _number in range(200):
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    break
            held.wait(0.05)
            threading.Event().wait(0.05)
        go.set()
        connection.close()

    suppressing = threading.Thread(target=suppress)
    suppressing.start()
    assert held.wait(10)
    letting_go = threading.Thread(target=let_go_when_somebody_waits)
    letting_go.start()
    send_some(mailing.pk)
    suppressing.join()
    letting_go.join()

    assert sink.recipients == []
    assert row(mailing, "p1@people.test").state == "cancelled"


@pytest.mark.parametrize(("resends", "state"), [(True, "pending"), (False, "uncertain")])
def test_the_sweeper_takes_back_what_a_dead_worker_held(mailing, sink, settings, resends, state):
    settings.DELIVERY_EVIDENCE_SECONDS = 0  # else it stands as uncertain so long
    subscriber(mailing.topic, 1)
    mailing.resends_uncertain = resends
    use(mailing, sink)
    to_sending(mailing)
    began = timezone.now() - datetime.timedelta(minutes=1)
    Delivery.objects.filter(mailing_id=mailing.pk).update(state="in_flight", attempts=1, first_attempt_at=began)
    DeliveryChunk.objects.update(token="6f9619ff-8b86-d011-b42d-00cf4fc964ff", lease_until=began)

    sweep()
    sweep()

    assert row(mailing, "p1@people.test").state == state
    deliver(mailing.pk)
    mailing.refresh_from_db()
    assert mailing.state == "finished"
    if resends:
        message = message_from_bytes(sink.messages[0][1], policy=default)
        assert message["Date"].datetime == began.replace(microsecond=0)
    assert len(sink.messages) == int(resends)


def test_progress_says_how_far_and_how_fast(mailing, sink):
    for number in (1, 2, 3):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)

    before = progress(mailing)
    deliver(mailing.pk)
    mailing.refresh_from_db()
    after = progress(mailing)

    assert (before.to_send, before.settled, before.is_moving) == (3, 0, True)
    assert (after.settled, after.percent, after.is_moving, after.left) == (3, 100.0, False, 0)


def test_a_claim_that_ran_out_before_the_final_dot_sends_nothing_and_loses_nothing(mailing, sink, monkeypatch):
    for number in (1, 2, 3):
        subscriber(mailing.topic, number)
    mailing.resends_uncertain = False
    use(mailing, sink)
    to_sending(mailing)
    with monkeypatch.context() as lapsed:
        lapsed.setattr("campaigns.delivery.claims.Claims.is_leased", property(lambda self: False))
        send_some(mailing.pk)

    assert sink.recipients == []
    assert counts(mailing.pk)["pending"] == 3, "known not to have left, so nobody needs to decide"
    deliver(mailing.pk)
    assert len(sink.recipients) == 3


def test_a_chunk_that_is_claimed_while_the_run_ends_is_free_for_the_next_run(mailing, sink, monkeypatch):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    to_sending(mailing)
    claim = Ledger.claim_chunks

    async def claim_late(self, most):
        claimed = await claim(self, most)
        await asyncio.sleep(0.8)  # committed, and the lanes have gone home
        return claimed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "claim_chunks", claim_late)
        send_some(mailing.pk, seconds=0.3)
    assert sink.recipients == []
    assert DeliveryChunk.objects.get(mailing_id=mailing.pk).token is None

    deliver(mailing.pk)

    assert sink.recipients == ["p1@people.test"]


def test_a_sender_edited_after_the_freeze_does_not_change_what_was_approved(mailing, sink):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    approved = mailing.sender.email
    to_sending(mailing)
    mailing.sender.email, mailing.sender.name = "somebody.else@campaign.test", "Somebody else"
    mailing.sender.save()

    deliver(mailing.pk)

    message = message_from_bytes(sink.messages[0][1], policy=default)
    assert message["From"].addresses[0].addr_spec == approved
