"""What is kept of an approval tells that the transport changed, and never its password."""

import json

import pytest

from campaigns.mailings.approval import content_hash, snapshot
from tests.factories import MailingFactory, TransportFactory

pytestmark = pytest.mark.django_db


def test_snapshot_holds_no_password_and_notices_a_new_address() -> None:
    transport = TransportFactory(url="smtp://campaign:s3cret@mail.test:25")
    mailing = MailingFactory(transport=transport)
    before = content_hash(mailing)

    assert "s3cret" not in json.dumps(snapshot(mailing))

    transport.url = "smtp://campaign:other@mail.test:25"
    transport.save(update_fields=["url"])
    mailing.refresh_from_db()

    assert content_hash(mailing) != before


def test_snapshot_notices_another_key_of_a_mailing_service_and_holds_none() -> None:
    transport = TransportFactory(kind="service", service="postmark", service_settings='{"server_token": "s3cret"}')
    mailing = MailingFactory(transport=transport)
    before = content_hash(mailing)

    assert "s3cret" not in json.dumps(snapshot(mailing))

    transport.service_settings = '{"server_token": "other"}'
    transport.save(update_fields=["service_settings"])
    mailing.refresh_from_db()

    assert content_hash(mailing) != before
