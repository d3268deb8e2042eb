"""A transport's answer in plain words, and a real test send over SMTP."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import AuthResult
from django.urls import reverse

from campaigns.mailings.models import MailingTest, Transport
from campaigns.mailings.testing import send_test
from campaigns.mailings.transports import check, road_of
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, Unavailable
from tests.factories import MailingFactory, TransportFactory

pytestmark = pytest.mark.django_db


class Kept(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.letters: list[email.message.Message] = []

    def prepare_message(self, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message["X-To"] = envelope.rcpt_tos[0]
        return message

    def handle_message(self, message) -> None:
        self.letters.append(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server() -> Iterator[tuple[str, Kept]]:
    handler = Kept()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}", handler
    controller.stop()


def test_check_says_what_the_server_said_and_sends_nothing(server) -> None:
    address, kept = server

    said = check(TransportFactory(url=address))

    where = address.removeprefix("smtp://")
    assert re.fullmatch(rf"{where} answers, without encryption\. It said: “220 \S+ .+”\. Nothing was sent\.", said)
    assert kept.letters == []


def test_check_of_a_server_that_is_not_there_says_so() -> None:
    with pytest.raises(Unavailable, match=r"does not answer .*Check the address"):
        check(TransportFactory(url=f"smtp://127.0.0.1:{free_port()}"))


def test_address_is_read_with_its_parts() -> None:
    road = road_of(Transport(url="smtp://me%40x.org:p%2Fw@mail.x.org:587?tls=starttls"))

    assert (road.host, road.port, road.user, road.password, road.starts_tls, road.is_ssl) == (
        "mail.x.org", 587, "me@x.org", "p/w", True, False,
    )  # fmt: skip
    assert road_of(Transport(url="smtps://mail.x.org")).port == 465


def test_test_send_is_real_marked_and_only_to_oneself(server, editor) -> None:
    address, kept = server
    mailing = MailingFactory(transport=TransportFactory(url=address), languages=["en", "fr"])

    send_test(mailing=mailing, actor=editor, language="fr")

    (letter,) = kept.letters
    assert letter["X-To"] == editor.email
    assert letter["Subject"] == "[Test] Coverage in Senegal"
    assert letter["X-Groundswell-Test"] == str(mailing.uid)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Dear Fatou Ndiaye" in letter.get_body(("plain",)).get_content()
    assert MailingTest.objects.get().language == "fr"
    assert AuditEntry.objects.filter(verb="mailing.tested").count() == 1


def test_reserved_address_never_leaves_by_a_real_transport(server, editor) -> None:
    address, kept = server
    mailing = MailingFactory(transport=TransportFactory(url=address, kind="smtp"))

    with pytest.raises(Invalid, match="made-up address"):
        send_test(mailing=mailing, actor=editor, language="en")

    assert kept.letters == []
    assert not MailingTest.objects.exists()


def test_check_tells_what_a_refusing_server_said() -> None:
    refuse = {"authenticator": lambda *_: AuthResult(success=False, handled=False), "auth_require_tls": False}
    controller = Controller(Kept(), hostname="127.0.0.1", port=free_port(), **refuse)
    controller.start()
    try:
        with pytest.raises(Unavailable) as refused:
            check(TransportFactory(url=f"smtp://me:secret-word@127.0.0.1:{controller.port}"))
    finally:
        controller.stop()

    assert "refused the user name or password. It said: “535 " in refused.value.message
    assert "secret-word" not in refused.value.message


def test_another_password_is_told_by_the_audit_trail_without_it(admin, sign_in) -> None:
    stored = "smtp://me:secret-word@mail.example.org:587"
    transport = TransportFactory(name="Main", kind="smtp", url=stored)
    form = {"name": "Main", "kind": "smtp", "url": stored.replace("secret", "other"), "max_connections": 4}

    sign_in(admin).post(reverse("transport_edit", args=[transport.uid]), form)

    transport.refresh_from_db()
    assert "other-word" in transport.url
    assert list(AuditChange.objects.values_list("field", "before", "after")) == [
        ("password", "•••", "••• (another one)")
    ]
    with pytest.raises(Conflict, match="does not keep passwords"):
        undo(entry=AuditEntry.objects.latest("pk"), actor=admin)
    transport.refresh_from_db()
    assert "other-word" in transport.url


def test_default_transport_gives_up_its_place_before_it_is_archived(admin, sign_in) -> None:
    client = sign_in(admin)
    main, other = TransportFactory(is_default=True), TransportFactory()

    said = client.post(reverse("transport_archive", args=[main.uid]), follow=True).content.decode()
    client.post(reverse("transport_archive", args=[other.uid]))
    main.refresh_from_db()
    assert "Choose another default first" in said
    assert main.archived_at is None
    client.post(reverse("transport_archive", args=[main.uid]))  # the last one may go
    client.post(reverse("transport_restore", args=[other.uid]))

    assert list(Transport.objects.filter(archived_at__isnull=True)) == [other]
    assert not Transport.objects.filter(is_default=True).exists()
