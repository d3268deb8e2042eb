"""A mailing in a partner's account: the very message that the engine sent, framed."""

import re
from email import message_from_bytes
from email.policy import default

import pytest
from django.test import Client

from campaigns.delivery.tasks import deliver
from campaigns.partners import accounts
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import (
    MailingFactory,
    MembershipFactory,
    OrganizationFactory,
    SegmentFactory,
    TransportFactory,
)


@pytest.fixture
def quiet(monkeypatch):
    """No broker: the task is run here."""
    for place in ("waking", "effects", "sweeping"):
        monkeypatch.setattr(f"campaigns.delivery.{place}.post", lambda *args, **kwargs: None)


@pytest.mark.django_db(transaction=True)
def test_partner_reads_the_very_message_and_their_institutions_and_nobody_elses(quiet):
    segment = SegmentFactory(tree=EVERYBODY)
    letter = MailingFactory(segment=segment, transport=TransportFactory(max_connections=2))
    grace, other = subscriber(letter.topic, 1, name="Grace Phiri"), subscriber(letter.topic, 2, name="Jo Banda")
    ministry = OrganizationFactory(country=grace.country)
    MembershipFactory(person=grace, organization=ministry)
    with running_sink() as sink:
        use(letter, sink)
        to_sending(letter)
        deliver(letter.pk)
    sent = {to: message_from_bytes(raw, policy=default) for to, raw in sink.messages}
    client = Client()
    client.force_login(accounts.open_for("p1@people.test"))
    place = f"/partner/mailings/{letter.uid}/"

    listed, page, frame = (client.get(path) for path in ("/partner/mailings/", place, f"{place}frame/"))

    message = sent["p1@people.test"]
    assert f'href="{place}"' in listed.content.decode()
    shown = page.content.decode()
    assert message["Subject"] in shown and "p1@people.test" in shown
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown
    html = message.get_body(("html",)).get_content()
    pixel = re.compile(r"<img[^>]+/o/[^>]+>")  # nothing is counted here
    assert len(pixel.findall(html)) == 1
    assert frame.content.decode().replace('<base target="_blank">', "").splitlines() == pixel.sub("", html).splitlines()
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script" not in policy and "sandbox" in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN" and frame.headers["Cache-Control"] == "no-store"
    theirs = sent["p2@people.test"].get_body(("html",)).get_content()
    assert theirs != html and other.name not in frame.content.decode()
