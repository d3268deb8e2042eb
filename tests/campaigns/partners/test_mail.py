"""A mailing in a partner's account: the very message that the engine sent, framed."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.delivery.models import Delivery
from campaigns.delivery.tasks import deliver
from campaigns.partners import accounts, mail
from campaigns.partners.queries import Mine
from contacts.directory.models import Membership
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import (
    ContactPointFactory,
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
    assert len(re.findall(r"<img[^>]+/o/[^>]+>", html)) == 1
    seen = frame.content.decode()
    assert "/u/" in seen and "/o/" not in seen and "/c/" not in seen and 'src=""' not in seen  # nothing is counted here
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script" not in policy and "sandbox" in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN" and frame.headers["Cache-Control"] == "no-store"
    theirs = sent["p2@people.test"].get_body(("html",)).get_content()
    assert theirs != html and other.name not in seen
    to_ministry(letter, ministry)
    row = mail.deliveries(Mine(grace)).get(person_id=None)
    assert row.organization_id == ministry.pk
    Membership.objects.update(started_on=timezone.localdate() + timedelta(days=1))
    assert not mail.deliveries(Mine(grace)).filter(person_id=None).exists()  # before their time


def to_ministry(letter, ministry):
    """As if the message of the second recipient had gone to an address of the institution that names nobody."""
    ContactPointFactory(person=None, organization=ministry, value="office@ministry.test")
    row = Delivery.objects.get(mailing_id=letter.pk, address="p2@people.test")
    point = ministry.contact_points.get()
    Delivery.objects.filter(mailing_id=letter.pk, seq=row.seq).update(
        person_id=None, organization_id=ministry.pk, address_hash=point.address_hash
    )


def test_links_of_the_recipient_lead_nowhere_for_others(settings):
    ours, theirs = f"{settings.TRACKING_URL}/u/abc", "https://example.org/x"

    shown = mail.without_own_links(
        f'<p><a class="b" href="{ours}">Stop</a> <a href="{theirs}">Read</a> {settings.BASE_URL}/e/tok</p>'
    )

    assert "abc" not in shown and "tok" not in shown and "Stop [link of the recipient]" in shown
    assert f'<a href="{theirs}">Read</a>' in shown
