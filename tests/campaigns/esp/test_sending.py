"""Mail by a service's API: the same messages, the same ledger, the same promises as by SMTP."""

import asyncio
import json
from datetime import timedelta
from email.message import EmailMessage
from functools import partial

import pytest
from django.utils import timezone

from campaigns.delivery.addresses import message_id, read_address, return_path
from campaigns.delivery.breaker import try_again
from campaigns.delivery.models import Delivery, DeliveryRetry
from campaigns.delivery.queries import counts
from campaigns.delivery.smtp import TransportDown
from campaigns.delivery.tasks import deliver
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.client import ServiceClient
from campaigns.esp.handing import backend_of, message_of
from campaigns.mailings.models import Transport
from campaigns.mailings.transports import check, send_one
from contacts.directory.models import ContactPoint
from crm.errors import Unavailable
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.campaigns.delivery.sinks import free_port
from tests.campaigns.esp.service import settings_of
from tests.factories import TransportFactory

pytestmark = pytest.mark.django_db(transaction=True)


def row(mailing, number):
    return Delivery.objects.get(mailing_id=mailing.pk, address=f"p{number}@people.labour-office.net")


@pytest.fixture
def sending(mailing):
    """Five people; real addresses, for made-up ones never leave by a real transport."""
    for number in range(1, 6):
        person = subscriber(mailing.topic, number)
        key = f"p{number}@people.labour-office.net"
        ContactPoint.objects.filter(person=person).update(value=key, address_key=key)
    return to_sending(mailing)


def test_each_delivery_is_sent_once_with_all_that_mail_carries(sending, postmark):
    deliver(sending.pk)
    deliver(sending.pk)

    assert counts(sending.pk)["accepted"] == 5 == len(postmark.messages)
    assert postmark.tokens == {"secret-token"}
    sent = row(sending, 3)
    payload = next(p for p in postmark.messages if sent.address in p["To"])
    headers = {each["Name"].lower(): each["Value"] for each in payload["Headers"]}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert headers["message-id"] == message_id(sending.uid, sent.seq)
    assert read_address(payload["ReplyTo"]).seq == sent.seq
    assert read_address(f"{payload['Metadata']['groundswell']}@{return_path(1, 1).rpartition('@')[2]}").seq == sent.seq
    assert payload["TrackLinks"] == "None"
    assert payload["TrackOpens"] is False
    assert "/c/" in payload["HtmlBody"] or "/u/" in payload["HtmlBody"]
    assert sent.reply_code == 250
    assert "m-" in sent.reply_text
    sending.refresh_from_db()
    assert sending.state == "finished"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Inactive.\nFound inactive addresses: p2@people.labour-office.net.\nInactive recipients are …", "rejected"),
        ("Some words that nobody foresaw.", "unknown"),
    ],
)
def test_an_address_that_the_service_refuses_fails_alone_with_its_words(sending, postmark, words, said):
    postmark.refuse("p2@people.labour-office.net", 406, words)

    deliver(sending.pk)

    assert counts(sending.pk)["accepted"] == 4
    assert counts(sending.pk)["failed"] == 1
    assert said in row(sending, 2).reply_text


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_service_that_does_not_let_us_in_pauses_the_mailing_and_nothing_is_lost(sending, postmark, status, settings):
    settings.DELIVERY_BREAKER_SECONDS = 0
    postmark.status = status

    deliver(sending.pk)

    sending.refresh_from_db()
    found = counts(sending.pk)
    assert sending.state == "paused"
    assert "By Postmark" in sending.state_reason
    assert (found["accepted"], found["failed"], found["uncertain"]) == (0, 0, 0)
    postmark.status = 200
    try_again()
    DeliveryRetry.objects.update(due_at=sending.created_at)
    deliver(sending.pk)
    assert counts(sending.pk)["accepted"] == 5 == len(postmark.messages)


def test_night_without_being_let_in_gives_up_no_message_and_asks_once_at_a_time(sending, postmark, settings):
    settings.DELIVERY_TRIES = 3
    postmark.status = 401
    deliver(sending.pk)
    asked = []
    postmark.take = lambda *call: asked.append(call) or (401, {"ErrorCode": 10, "Message": "No, thank you."})

    for time in range(1, 9):
        Transport.objects.update(open_until=timezone.now())
        DeliveryRetry.objects.update(due_at=sending.created_at)
        assert try_again() == [sending.pk], "its API answers"
        deliver(sending.pk)
        assert len(asked) == time

    found = counts(sending.pk)
    assert (found["failed"], found["pending"] + found["deferred"]) == (0, 5)
    transport = Transport.objects.get()
    assert transport.failures == 9 and transport.open_until > timezone.now() + timedelta(minutes=4)
    del postmark.take
    postmark.status = 200
    Transport.objects.update(open_until=timezone.now())
    DeliveryRetry.objects.update(due_at=sending.created_at)
    try_again()
    deliver(sending.pk)
    assert counts(sending.pk)["accepted"] == 5 == len(postmark.messages)
    assert Transport.objects.get().failures == 0


@pytest.mark.parametrize(("resends", "state"), [(True, "deferred"), (False, "uncertain")])
def test_an_error_inside_the_service_leaves_open_whether_it_was_taken(mailing, postmark, resends, state):
    mailing.resends_uncertain = resends
    mailing.save()
    person = subscriber(mailing.topic, 1)
    ContactPoint.objects.filter(person=person).update(
        value="p1@people.labour-office.net", address_key="p1@people.labour-office.net"
    )
    to_sending(mailing)
    postmark.status = 500

    deliver(mailing.pk)

    assert row(mailing, 1).state == state


def test_a_request_that_the_service_cannot_read_fails_for_good(sending, postmark):
    postmark.status = 422

    deliver(sending.pk)

    assert counts(sending.pk)["failed"] == 5


def test_without_a_connection_nothing_can_have_been_taken(transport):
    transport.service_settings = settings_of(f"http://127.0.0.1:{free_port()}/")

    async def talk():
        client = ServiceClient("Down", partial(backend_of, transport), "metadata")
        await client.connect()
        assert (await client.envelope("us@campaign.example.org", "a@b.example.org")).code == 354
        client.write(a_message())
        answer = await client.reply()
        await client.quit()
        return answer

    assert asyncio.run(talk()).code == 421


def test_a_service_whose_answer_never_came_is_not_asked_again_by_this_connection(transport, postmark):
    postmark.status = 504

    async def talk():
        client = ServiceClient("Gone", partial(backend_of, transport), "metadata")
        await client.connect()
        await client.envelope("us@campaign.example.org", "a@b.example.org")
        client.write(a_message())
        with pytest.raises(TransportDown, match="504"):
            await client.reply()
        with pytest.raises(TransportDown):
            await client.envelope("us@campaign.example.org", "c@d.example.org")
        await client.quit()

    asyncio.run(talk())


def test_a_service_without_its_key_pauses_the_mailing_with_the_reason(sending, postmark):
    transport = sending.transport
    transport.service_settings = '{"webhook": "hook-password"}'
    transport.save()

    deliver(sending.pk)

    sending.refresh_from_db()
    assert sending.state == "paused"
    assert "lacks a setting" in sending.state_reason
    assert counts(sending.pk)["pending"] == 5


def test_a_yes_that_cannot_be_read_leaves_open_what_became_of_it(transport, postmark):
    postmark.answers["a@b.example.org"] = (200, ["nonsense"])

    async def talk():
        client = ServiceClient("Odd", partial(backend_of, transport), "metadata")
        await client.connect()
        await client.envelope("us@campaign.example.org", "a@b.example.org")
        client.write(a_message())
        with pytest.raises(TransportDown):
            await client.reply()
        await client.quit()

    asyncio.run(talk())


def test_a_message_that_no_api_can_carry_fails_alone(transport, postmark):
    async def talk():
        client = ServiceClient("By Postmark", partial(backend_of, transport), "metadata")
        await client.connect()
        await client.envelope("us@campaign.example.org", "a@b.example.org")
        client.write(
            b"Subject: x\r\nFrom: us@campaign.example.org\r\nTo: a@b.example.org\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\r\n"
        )
        broken = await client.reply()
        client.write(a_message())
        sound = await client.reply()
        await client.quit()
        return broken.code, sound.code

    assert asyncio.run(talk()) == (554, 250)


def a_message():
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Été", "Us <us@campaign.example.org>", "a@b.example.org"
    message["List-Unsubscribe"] = "<https://campaign.example.org/u/x>"
    message.set_content("Bonjour\n.\nÀ bientôt")
    message.add_alternative("<p>Bonjour</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Programme d’été.pdf")
    return message.as_bytes()


def test_a_message_is_taken_apart_without_loss():
    found = message_of(a_message(), return_path=return_path(7, 9), ties="tags")

    assert (found.subject, found.body.strip(), found.to) == ("Été", "Bonjour\n.\nÀ bientôt", ["a@b.example.org"])
    assert [(a.content.strip(), a.mimetype) for a in found.alternatives] == [("<p>Bonjour</p>", "text/html")]
    assert [(a.filename, a.content, a.mimetype) for a in found.attachments] == [
        ("Programme d’été.pdf", b"%PDF", "application/pdf")
    ]
    assert found.extra_headers == {"List-Unsubscribe": "<https://campaign.example.org/u/x>"}
    assert [read_address(f"{tag}@{return_path(1, 1).rpartition('@')[2]}").seq for tag in found.tags] == [9]


def test_a_test_send_is_tied_to_no_delivery():
    found = message_of(a_message(), return_path="us@campaign.example.org", ties="metadata")

    assert not isinstance(found.metadata, dict)


def test_test_send_and_check_say_what_the_service_said(transport, postmark):
    send_one(transport, sender="us@campaign.example.org", to="me@office.labour-office.net", message=a_message())
    assert len(postmark.messages) == 1
    assert "answers" in check(transport)

    postmark.status = 401
    with pytest.raises(Unavailable, match="401"):
        send_one(transport, sender="us@campaign.example.org", to="me@office.labour-office.net", message=a_message())
    transport.service_settings = settings_of(f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(Unavailable, match="cannot be reached"):
        check(transport)


@pytest.mark.parametrize("code", sorted(SERVICES))
def test_every_service_is_made_from_its_own_settings(code):
    service = SERVICES[code]
    values = {
        each.name: "https://api.example.org/" if each.name == "api_url" else "x1" for each in service.all_settings
    }
    row = TransportFactory(kind="service", service=code, service_settings=json.dumps(values))

    backend = backend_of(row)

    assert backend.api_url.startswith("https://api.example.org/")
    assert any(value == "x1" for value in vars(backend).values())
