"""Servers that say yes too early, close behind a refusal, take their time or lock accounts: nothing is lost, and nobody else waits."""

import asyncio

import pytest
from django.utils import timezone

from campaigns.delivery import engine, smtp
from campaigns.delivery.auditing import audit
from campaigns.delivery.composing import Plan
from campaigns.delivery.models import Delivery, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.delivery.sink import Session
from campaigns.delivery.tasks import deliver, send_some
from campaigns.domains.models import SendingDomain
from campaigns.domains.services import domain_of
from campaigns.mailings.testing import send_test
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink

pytestmark = pytest.mark.django_db(transaction=True)
ODD = "p1@people.test"


@pytest.fixture
def to_three(mailing):
    for number in range(1, 4):
        subscriber(mailing.topic, number)
    mailing.transport.max_connections = 1
    mailing.transport.save()
    return mailing


def row(mailing, address=ODD):
    return Delivery.objects.get(mailing_id=mailing.pk, address=address)


class Counting(Session):
    """How many connections it had, by class."""

    made = 0

    def connection_made(self, transport):
        type(self).made += 1
        super().connection_made(transport)


def test_a_server_that_says_yes_instead_of_354_has_taken_nothing(to_three):
    class Early(Session):
        def answer(self, line):
            said = super().answer(line)
            if said.startswith(b"354") and self.recipient == ODD:
                self.in_data = False
                return b"250 2.0.0 Ok\r\n"
            return said

    with running_sink(session=Early) as sink:
        use(to_three, sink)
        to_sending(to_three)
        deliver(to_three.pk)
        assert sink.recipients == ["p2@people.test", "p3@people.test"]

    assert (row(to_three).state, row(to_three).attempts) == ("deferred", 1)
    assert counts(to_three.pk)["accepted"] == 2


def test_a_server_that_closes_behind_each_refusal_fails_only_whom_it_refused(to_three):
    class Curt(Session):
        def answer(self, line):
            if line[:4].upper() == b"RSET":
                self.is_over = True
                return b""
            return super().answer(line)

    with running_sink(session=Curt, reject="@people.test") as sink:
        use(to_three, sink)
        to_sending(to_three)
        deliver(to_three.pk)

    assert counts(to_three.pk)["failed"] == 3
    assert (row(to_three).reply_code, row(to_three).reply_text) == (550, "5.1.1 No such user here")
    to_three.refresh_from_db()
    assert to_three.state == "finished"


def test_what_is_larger_than_the_server_takes_fails_alone(to_three):
    class Small(Session):
        def answer(self, line):
            if line[:4].upper() == b"EHLO":
                return b"250-sink.test\r\n250-PIPELINING\r\n250 SIZE 20000\r\n"
            return super().answer(line)

    three = Plan.tail_size
    with running_sink(session=Small) as sink, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "tail_size", lambda self, item: 20_000 if item.address == ODD else three(self, item))
        use(to_three, sink)
        to_sending(to_three)
        deliver(to_three.pk)
        assert sink.recipients == ["p2@people.test", "p3@people.test"]

    assert row(to_three).state == "failed"
    assert "bytes are more than" in row(to_three).reply_text


def test_a_server_that_knows_ascii_only_gets_an_international_sender_in_ascii(to_three, admin):
    class Plain(Session):
        def answer(self, line):
            assert line.isascii()
            return b"250 sink.test\r\n" if line[:4].upper() == b"EHLO" else super().answer(line)

    with running_sink(session=Plain) as sink:
        use(to_three, sink)
        to_three.sender.email = to_three.sender.confirmed_email = "us@büro.test"
        to_three.sender.confirmed_at = timezone.now()
        to_three.sender.save()
        to_sending(to_three)
        deliver(to_three.pk)
        send_test(mailing=to_three, actor=admin, language="en")

        assert len(sink.messages) == 4
        for _to, message in sink.messages:
            assert message.isascii()
            assert b"us@xn--bro-hoa.test" in message.partition(b"\r\nTo:")[0]


def test_a_word_too_many_before_the_message_is_not_taken_for_its_answer(to_three):
    """The reply that nobody asked for would be read as that to the message, which the server then refuses."""

    class Chatty(Session):
        def answer(self, line):
            said = super().answer(line)
            if said.startswith(b"354") and self.recipient == ODD and not self.sink.silenced:
                self.sink.silenced[ODD] = 1
                return said + b"250 2.0.0 Still here\r\n"
            return said

    with running_sink(session=Chatty) as sink:
        use(to_three, sink)
        to_sending(to_three)
        deliver(to_three.pk)
        assert sink.recipients == ["p2@people.test", "p3@people.test"]
        assert row(to_three).state == "deferred"
        DeliveryRetry.objects.update(due_at=timezone.now())
        deliver(to_three.pk)
        assert len(sink.messages) == 3

    assert audit(to_three).problems == []


def test_a_password_that_is_refused_is_tried_once_and_not_by_every_connection(to_three):
    class Locked(Counting):
        made = 0

        def answer(self, line):
            if line[:4].upper() == b"AUTH":
                return b"535 5.7.8 Not you\r\n"
            return super().answer(line)

    with running_sink(session=Locked) as sink:
        to_three.transport.url = sink.url.replace("//", "//me:s3cr3t@")
        to_three.transport.max_connections = 1
        to_three.transport.save()
        to_sending(to_three)
        deliver(to_three.pk)

    assert Locked.made == 1
    to_three.refresh_from_db()
    assert to_three.state == "paused"
    assert "535 5.7.8 Not you" in to_three.state_reason
    assert counts(to_three.pk)["pending"] == 3


def test_what_the_server_did_not_take_in_is_not_uncertain(to_three, monkeypatch):
    """The policy is to ask a person about what is uncertain. A message whose end never left is not."""
    to_three.resends_uncertain = False
    to_three.save()
    monkeypatch.setattr(smtp, "RFC_5321", smtp.RFC_5321._replace(block=0.1))

    class Deaf(Session):
        def answer(self, line):
            said = super().answer(line)
            if said.startswith(b"354") and self.recipient == ODD:
                self.transport.pause_reading()
            return said

    with running_sink(session=Deaf) as sink:
        monkeypatch.setattr(Plan, "tail", lambda self, item: (b"x" * 40_000_000,) if item.address == ODD else ())
        use(to_three, sink)
        to_sending(to_three)
        send_some(to_three.pk)

    assert (row(to_three).state, row(to_three).attempts) == ("deferred", 1)
    assert "took nothing" in row(to_three).reply_text
    assert counts(to_three.pk)["accepted"] == 2


def test_a_server_that_lets_each_address_wait_gets_through_them(to_three, monkeypatch):
    """Longer than it takes to leave a silent server to others: what is begun stays."""
    monkeypatch.setattr(engine, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(engine, "BEAT_SECONDS", 0.02)

    class Slow(Session):
        def answer(self, line):
            return b"250 sink.test\r\n" if line[:4].upper() == b"EHLO" else super().answer(line)

        def _send(self, data):
            if b"354" in data:
                asyncio.get_running_loop().call_later(0.4, self.transport.write, data)
            else:
                super()._send(data)

    class Counted(Slow, Counting):
        made = 0

    with running_sink(session=Counted) as sink:
        use(to_three, sink)
        to_sending(to_three)
        deliver(to_three.pk)
        assert len(sink.messages) == 3

    assert Counted.made == 1  # nothing was begun anew
    assert counts(to_three.pk)["accepted"] == 3


def test_a_server_that_greets_nobody_pauses_the_mailing_with_the_reason(to_three, monkeypatch):
    monkeypatch.setattr(smtp, "RFC_5321", smtp.RFC_5321._replace(greeting=0.2))

    class Mute(Session):
        def connection_made(self, transport):
            self.transport = transport

    with running_sink(session=Mute) as sink:
        use(to_three, sink)
        to_sending(to_three)
        send_some(to_three.pk, seconds=0.1)

    to_three.refresh_from_db()
    assert to_three.state == "paused"
    assert "did not answer within" in to_three.state_reason
    assert counts(to_three.pk)["pending"] == 3


def test_a_day_that_is_spent_beside_a_closed_connection_is_no_failure_of_the_road(to_three):
    """The last thing heard was a goodbye, and then nothing more may leave today: nobody says that the server takes no mail."""
    name = domain_of(to_three.sender.email)
    SendingDomain.objects.create(name=name, warmup_from=timezone.now().date(), warmup_steps=[1])
    with running_sink() as sink:
        sink.sink.answer_to_message = lambda recipient: b"421 4.3.2 Closing\r\n"
        use(to_three, sink)
        to_sending(to_three)
        outcomes = send_some(to_three.pk)

    assert (outcomes.is_spent, outcomes.is_closed, outcomes.down) == (True, False, "")
    to_three.refresh_from_db()
    assert to_three.state == "sending"
    assert counts(to_three.pk)["deferred"] == 1


def test_who_waits_to_be_greeted_does_not_keep_a_run_that_is_over(to_three, monkeypatch):
    """A server that greets one at a time: the second connection is nobody's failure, and the run ends without it."""
    monkeypatch.setattr(engine, "BEAT_SECONDS", 0.05)
    to_three.transport.max_connections = 2
    to_three.transport.save()

    class One(Session):
        greeted = 0

        def connection_made(self, transport):
            One.greeted += 1
            if One.greeted == 1:
                super().connection_made(transport)
            else:
                self.transport = transport

    with running_sink(session=One) as sink:
        use(to_three, sink)
        to_sending(to_three)
        outcomes = send_some(to_three.pk, seconds=1)
        assert 2 <= len(sink.messages) <= 3

    assert outcomes and not outcomes.is_closed and not outcomes.down
    to_three.refresh_from_db()
    assert to_three.state == "sending"
