"""What a connection tells of a message before it comes, and how many messages it carries."""

import re

import pytest
from django.db import IntegrityError, transaction

from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.delivery.sink import Session
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Transport
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink
from tests.campaigns.delivery.test_smtp import Script, meeting
from tests.factories import TransportFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Listening(Session):
    """Keeps each MAIL, and how many it had on each connection, by class."""

    can = b"250-SIZE 900000\r\n"
    mails: list[bytes]
    carried: list[int]

    def connection_made(self, transport):
        type(self).carried.append(0)
        self.number = len(type(self).carried) - 1
        super().connection_made(transport)

    def answer(self, line):
        if line[:4].upper() == b"EHLO":
            return b"250-sink.test\r\n250-PIPELINING\r\n" + self.can + b"250-8BITMIME\r\n250 SMTPUTF8\r\n"
        if line[:4].upper() == b"MAIL":
            type(self).mails.append(line)
            type(self).carried[self.number] += 1
        return super().answer(line)


@pytest.fixture
def listening():
    """A class of its own for each test: what it heard is its."""
    return type("Here", (Listening,), {"mails": [], "carried": []})


def send(mailing, session, people, reject="", **transport):
    for number in range(1, people + 1):
        subscriber(mailing.topic, number)
    with running_sink(session=session, reject=reject) as sink:
        use(mailing, sink)
        Transport.objects.filter(pk=mailing.transport.pk).update(**{"max_connections": 1, **transport})
        to_sending(mailing)
        deliver(mailing.pk)
    return sink


def sizes(mails):
    return [int(found[1]) if (found := re.search(rb" SIZE=(\d+)", line)) else None for line in mails]


def test_each_message_says_its_size_where_the_server_asks_for_it(mailing, listening):
    sink = send(mailing, listening, people=3)

    # as RFC 1870 counts: with the last line's end, without the dot behind it
    assert sizes(listening.mails) == [len(message) for _recipient, message in sink.messages]


@pytest.mark.parametrize(("can", "is_said"), [(b"250-SIZE\r\n", True), (b"250-SIZE 0\r\n", True), (b"", False)])
def test_a_size_is_said_also_where_no_limit_was_named_and_not_where_it_is_not_known(mailing, listening, can, is_said):
    listening.can = can
    send(mailing, listening, people=2)

    assert [size is not None for size in sizes(listening.mails)] == [is_said] * 2


def test_headers_of_eight_bits_are_announced():
    async def write(client):
        return [client.envelope_bytes("us@us.test", to, 70) for to in ("b@them.test", "ñ@them.test")]

    wide = b"250-mx.test\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    narrow = b"250-mx.test\r\n250 SMTPUTF8\r\n"

    assert [line.split(b"\r\n")[0] for line in meeting(Script(ehlo=wide), write)] == [
        b"MAIL FROM:<us@us.test> SIZE=70",
        b"MAIL FROM:<us@us.test> SIZE=70 SMTPUTF8 BODY=8BITMIME",
    ]
    assert [line.split(b"\r\n")[0] for line in meeting(Script(ehlo=narrow), write)] == [
        b"MAIL FROM:<us@us.test>",
        b"MAIL FROM:<us@us.test> SMTPUTF8",
    ]


@pytest.mark.parametrize("said", [b"552 5.3.4 Too large", b"552 Too large", b"554 5.2.3 Too large for us"])
def test_what_is_refused_for_its_size_fails_alone_and_the_connection_goes_on(mailing, listening, said):
    class Small(listening):
        """Takes all but the second message."""

        def answer(self, line):
            word, is_second = line[:4].upper(), len(self.mails) + (line[:4].upper() == b"MAIL") == 2
            if is_second and word == b"RCPT":
                return b"503 5.5.1 MAIL first\r\n"
            answer = super().answer(line)
            return said + b"\r\n" if is_second and word == b"MAIL" else answer

    sink = send(mailing, Small, people=3)

    assert len(sink.messages) == 2
    assert counts(mailing.pk)["failed"] == 1
    assert "oo large" in Delivery.objects.get(mailing_id=mailing.pk, state="failed").reply_text
    assert Small.carried == [3]
    mailing.transport.refresh_from_db()
    assert (mailing.transport.failures, mailing.transport.last_error) == (0, "")


def test_a_sender_who_is_refused_for_another_reason_is_the_roads_matter(mailing, listening):
    class Full(listening):
        def answer(self, line):
            said = super().answer(line)
            return b"552 5.7.0 You sent too much today\r\n" if line[:4].upper() == b"MAIL" else said

    send(mailing, Full, people=2)

    assert counts(mailing.pk)["pending"] == 2
    mailing.transport.refresh_from_db()
    assert "refuses our sender: 552 5.7.0" in mailing.transport.last_error


def test_a_connection_carries_as_many_messages_as_it_may_and_another_one_follows(mailing, listening):
    sink = send(mailing, listening, people=7, messages_per_connection=3)

    assert len(sink.messages) == 7
    assert listening.carried == [3, 3, 1]
    mailing.transport.refresh_from_db()
    assert mailing.transport.failures == 0


def test_a_refused_address_counts_too_for_the_server_counted_its_envelope(mailing, listening):
    send(mailing, listening, people=5, reject="p2@", messages_per_connection=2)

    assert listening.carried == [2, 2, 1]
    assert counts(mailing.pk)["failed"] == 1


def test_without_a_limit_one_connection_carries_all(mailing, listening):
    send(mailing, listening, people=7, messages_per_connection=None)

    assert listening.carried == [7]


def test_the_limit_is_generous_by_default_and_never_none_at_all(db):
    transport = TransportFactory()
    assert Transport.objects.get(pk=transport.pk).messages_per_connection == 1000

    with pytest.raises(IntegrityError, match="transport_carries_messages"), transaction.atomic():
        Transport.objects.filter(pk=transport.pk).update(messages_per_connection=0)
