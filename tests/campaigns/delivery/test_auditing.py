"""`manage.py audit_mailing`: what it prints, and when it exits 1."""

import datetime
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from campaigns.delivery.addresses import message_id
from campaigns.delivery.models import Delivery
from campaigns.delivery.tasks import deliver
from contacts.consent.models import Suppression
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.sinks import running_sink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(mailing, tmp_path):
    for number in (1, 2, 3):
        subscriber(mailing.topic, number)
    with running_sink(log=tmp_path / "sink.log") as sink:
        use(mailing, sink)
        deliver(to_sending(mailing).pk)
    return mailing


def run(*arguments, **options):
    out = StringIO()
    try:
        call_command("audit_mailing", *arguments, stdout=out, **options)
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_a_sound_mailing_adds_up(sent, tmp_path):
    code, found = run(str(sent.uid), sink=tmp_path / "sink.log")

    assert code == 0
    assert (found["audience"], found["counts"]["accepted"], found["adds_up"]) == (3, 3, True)
    assert (found["lost"], found["duplicates"], found["sink_accepted"]) == (0, 0, 3)
    assert run(all=True)[0] == 0


def test_a_lost_row_is_a_problem(sent):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM delivery WHERE mailing_id = %s AND seq = 1", [sent.pk])

    code, found = run(str(sent.uid))

    assert (code, found["adds_up"]) == (1, False)
    assert found["problems"] == ["The outcomes sum to 2, and the audience was 3."]


def test_a_suppressed_address_that_was_sent_to_is_a_problem(sent):
    delivery = Delivery.objects.get(mailing_id=sent.pk, seq=2)
    Suppression.objects.create(
        address_hash=bytes(delivery.address_hash),
        key_id="k",
        reason="manual",
        at=timezone.now() - datetime.timedelta(hours=1),
    )

    code, found = run(str(sent.uid))

    assert (code, found["suppressed_and_sent"]) == (1, 1)


def test_the_sink_shows_losses_and_duplicates(sent, tmp_path):
    log = tmp_path / "sink.log"
    lines = log.read_text().splitlines()
    gone = message_id(sent.uid, 1)
    log.write_text("\n".join([*(line for line in lines if not line.startswith(gone)), lines[-1]]) + "\n")

    code, found = run(str(sent.uid), sink=log)

    assert code == 1
    assert found["lost"] == 1
    assert found["duplicates"] >= 1


def test_an_unknown_mailing_is_a_sentence(db):
    with pytest.raises(CommandError, match="There is no mailing"):
        call_command("audit_mailing", "nonsense")
    with pytest.raises(CommandError, match="Name one mailing"):
        call_command("audit_mailing")
