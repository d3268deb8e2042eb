"""The installation's own mail by a transport: one that signs in with a token, a mailing service, or EMAIL_URL as before."""

import datetime as dt
import smtplib

import pytest
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.mailings.models import Transport
from campaigns.mailings.ownmail import own_transport
from campaigns.outreach import forwarding
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.campaigns.delivery.sinks import free_port, running_sink
from tests.campaigns.esp.service import fake_postmark, settings_of
from tests.campaigns.oauth.oauth_server import oauth_service
from tests.factories import TransportFactory

pytestmark = pytest.mark.django_db
BACKEND = "campaigns.mailings.ownmail.EmailBackend"
USER = "news@example.org"


def send(to: str = "ada@labour-office.net", **values: object) -> int:
    letter = EmailMessage(
        "Your link", "Come in.", "us@labour-office.net", [to], connection=get_connection(BACKEND), **values
    )
    return letter.send()


@pytest.fixture
def email_url(settings):
    with running_sink() as sink:
        settings.EMAIL_BACKEND = BACKEND
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", sink.port, False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield sink


def by_token(service, sink, **values):
    service.refresh_token = "r1"
    return TransportFactory(
        kind="smtp", url=sink.url.replace("//", "//news%40example.org@"), sign_in="token", token_service="other",
        client_id=service.client_id, client_secret=service.client_secret, token_url=service.token_url, refresh_token="r1",
        takes_own_mail=True, **values,
    )  # fmt: skip


def test_it_leaves_by_email_url_until_a_transport_takes_it(email_url):
    with running_sink() as sink:
        road = TransportFactory(url=sink.url)
        assert send() == 1
        assert (len(email_url.messages), len(sink.messages)) == (1, 0)

        Transport.objects.filter(pk=road.pk).update(takes_own_mail=True)
        assert send() == 1
        assert (len(email_url.messages), sink.recipients) == (1, ["ada@labour-office.net"])
        assert b"Subject: Your link" in sink.messages[0][1]
        assert (
            forwarding._send(b"Subject: a reply\r\n\r\nYes.\r\n", "us@labour-office.net") == ""
        )  # replies that go on, too
        assert sink.recipients == ["ada@labour-office.net", "us@labour-office.net"]


@pytest.mark.django_db(transaction=True)
def test_it_leaves_with_a_token_that_is_kept_also_from_within_a_transaction(email_url):
    tokens = {USER: "none yet"}
    with oauth_service() as service, running_sink(tokens=tokens) as sink:
        service.on_token = lambda token: tokens.update({USER: token})
        road = by_token(service, sink)

        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert send() == 1
            raise ZeroDivisionError

        road.refresh_from_db()
        assert (len(service.asked), road.access_token, sink.recipients) == (1, "access-1", ["ada@labour-office.net"])
        Transport.objects.update(access_until=timezone.now() + dt.timedelta(seconds=30))
        assert send() == 1
        assert len(sink.messages) == 2 and len(service.asked) == 2
        service.withdraw()
        Transport.objects.update(access_token="", access_until=None)
        with pytest.raises(smtplib.SMTPException, match="withdrawn or has ended"):
            send()
        assert email_url.messages == []  # never by another road than the one that was chosen


def test_it_leaves_by_a_mailing_service_once_for_all_whom_it_names(email_url):
    with fake_postmark() as postmark:
        TransportFactory(
            kind="service", service="postmark", service_settings=settings_of(postmark.url), takes_own_mail=True
        )
        assert send(cc=["carl@labour-office.net"]) == 1
        assert [(one["To"], one["Cc"]) for one in postmark.messages] == [
            ("ada@labour-office.net", "carl@labour-office.net")
        ]
        postmark.status = 401
        with pytest.raises(smtplib.SMTPException, match="401"):
            send()
        assert get_connection(BACKEND, fail_silently=True).send_messages(
            [EmailMessage("x", "x", "us@labour-office.net", ["ada@labour-office.net"])]
        ) in (0, None)


def test_made_up_addresses_get_nothing_by_a_real_road_and_a_dead_one_says_so(email_url):
    road = TransportFactory(kind="smtp", url=f"smtp://127.0.0.1:{free_port()}", takes_own_mail=True)
    with pytest.raises(smtplib.SMTPException, match="does not answer"):
        send()
    with running_sink() as sink:
        Transport.objects.filter(pk=road.pk).update(url=Transport(url=sink.url).url)
        road.url = sink.url
        road.save()
        with pytest.raises(smtplib.SMTPException, match="made-up address"):
            send(to="ada@people.test")
        assert sink.messages == []


def test_one_transport_takes_it_and_gives_it_up_when_it_is_archived(sign_in, admin):
    first, second = TransportFactory(takes_own_mail=True, name="First"), TransportFactory(name="Second")
    client = sign_in(admin)
    fields = {"name": "Second", "kind": "smtp", "url": second.url, "max_connections": 4, "sign_in": "password"}

    page = client.post(reverse("transport_edit", args=[second.uid]), {**fields, "takes_own_mail": "on"}, follow=True)

    assert own_transport() == second
    assert page.content.decode().count("own mail</") == 1
    undo(entry=AuditEntry.objects.latest("id"), actor=admin)
    assert own_transport() is None
    Transport.objects.filter(pk=first.pk).update(takes_own_mail=True)
    client.post(reverse("transport_archive", args=[first.uid]))
    first.refresh_from_db()
    assert (first.takes_own_mail, own_transport()) == (False, None)
    with pytest.raises(IntegrityError, match="transport_archived_takes_no_own_mail"), transaction.atomic():
        Transport.objects.filter(pk=first.pk).update(takes_own_mail=True)
    TransportFactory(takes_own_mail=True)
    with pytest.raises(IntegrityError, match="transport_one_own_mail"), transaction.atomic():
        TransportFactory(takes_own_mail=True)
