"""A transport's answer in plain words, and a real test send over SMTP."""

import email
import email.policy
import socket
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from campaigns.mailings.models import MailingTest, Transport
from campaigns.mailings.testing import send_test
from campaigns.mailings.transports import check, road_of
from crm.audit.models import AuditEntry
from crm.errors import Invalid, Unavailable
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


def test_check_says_that_it_answers_and_sends_nothing(server) -> None:
    address, kept = server

    assert (
        check(TransportFactory(url=address))
        == f"{address.removeprefix('smtp://')} answers, without encryption. Nothing was sent."
    )
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
