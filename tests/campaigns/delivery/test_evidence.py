"""A mail server's log settles deliveries whose answer nobody heard."""

import gzip
import io
import json
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns.delivery.addresses import message_id
from campaigns.delivery.evidence import Trace, read_log
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.delivery.queries import counts, quick_counts
from campaigns.management.commands import settle_from_log
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def left(mailing, sink):
    """A mailing of four, all of them uncertain."""
    for number in range(1, 5):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET state = 'uncertain', settled_at = now() WHERE mailing_id = %s", [mailing.pk]
        )
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(is_done=True, counts={"uncertain": 4})
    return mailing


def cleanup(queue_id, id_, stamp="Nov  3 09:12:43 mx"):
    return f"{stamp} postfix/cleanup[123]: {queue_id}: message-id={id_}\n"


def status(queue_id, what, dsn="2.0.0", said="250 2.0.0 Ok: queued as 7D2", program="smtp", stamp="Nov  3 09:12:44 mx"):
    return (
        f"{stamp} postfix/{program}[124]: {queue_id}: to=<a@people.test>, relay=mx.people.test[192.0.2.7]:25, delay=0.4,"
        f" delays=0.01/0/0.2/0.2, dsn={dsn}, status={what} ({said})\n"
    )


def test_log_is_read_by_queue_id_and_only_our_messages_count(left):
    ids = {seq: message_id(left.uid, seq) for seq in (1, 2, 3, 4)}
    forged = ids[4].replace(f".{ids[4].split('.')[2]}", ".0000000000000000@x.test>")
    lines = [
        cleanup("4XkQ2R0q2cz1", ids[1]),
        "Nov  3 09:12:43 mx postfix/qmgr[99]: 4XkQ2R0q2cz1: from=<b.x@bounce.campaign.test>, size=5120, nrcpt=1 (queue active)\n",
        cleanup("A1B2C3D4E5", "<somebody@else.test>"),
        status("A1B2C3D4E5", "bounced"),
        status("4XkQ2R0q2cz1", "sent"),
        cleanup("A1B2C3D4E5", ids[2], stamp="2026-11-03T09:12:43.123456+01:00 mx"),
        status(
            "A1B2C3D4E5",
            "deferred",
            "4.4.1",
            "connect to mx: Connection timed out",
            stamp="2026-11-03T09:12:44.1+01:00 mx",
        ),
        status("A1B2C3D4E5", "bounced", "5.1.1", "host mx said: 550 5.1.1 unknown (in reply to RCPT TO command)"),
        cleanup("FFFFFFFFFF", forged),
        status("FFFFFFFFFF", "sent"),
        cleanup("EEEEEEEEEE", ids[3]),
        status("BBBBBBBBBB", "sent"),
        "rubbish \x00 postfix/smtp[1]: \n",
        "x" * 100_000 + "\n",
    ]

    assert read_log(lines) == {
        (left.uid, 1): Trace("sent", "2.0.0", "250 2.0.0 Ok: queued as 7D2"),
        (left.uid, 2): Trace("bounced", "5.1.1", "host mx said: 550 5.1.1 unknown (in reply to RCPT TO command)"),
    }


def test_message_that_passed_a_filter_has_the_later_word(left):
    first = message_id(left.uid, 1)
    lines = [
        cleanup("AAAAAAAAAA", first), status("AAAAAAAAAA", "sent", said="250 2.0.0 from MTA(smtp:[127.0.0.1]:10025)"),
        cleanup("BBBBBBBBBB", first), status("BBBBBBBBBB", "deferred", "4.7.1", "host mx said: 451 4.7.1 later"),
    ]  # fmt: skip

    assert read_log(lines)[left.uid, 1].status == "deferred"


def give(monkeypatch, capsys, text):
    monkeypatch.setattr(settle_from_log.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    call_command("settle_from_log")
    return json.loads(capsys.readouterr().out)


def test_what_the_log_has_a_trace_of_is_accepted_once_and_the_rest_is_left(left, monkeypatch, capsys):
    log = "".join(
        cleanup(f"AAAAAAAAA{seq}", message_id(left.uid, seq)) + status(f"AAAAAAAAA{seq}", what)
        for seq, what in ((1, "sent"), (2, "bounced"), (3, "deferred"))
    )

    assert give(monkeypatch, capsys, log) == {
        "messages": 3, "settled": {"sent": 1, "bounced": 1, "deferred": 1}, "uncertain": 1,
    }  # fmt: skip
    assert give(monkeypatch, capsys, log) == {"messages": 3, "settled": {}, "uncertain": 1}

    found = counts(left.pk)
    assert (found["accepted"], found["uncertain"]) == (3, 1)
    assert quick_counts([left.pk])[left.pk]["accepted"] == 3
    row = Delivery.objects.get(mailing_id=left.pk, seq=1)
    assert row.reply_text == "mail server’s log: sent 250 2.0.0 Ok: queued as 7D2"
    assert Person.objects.get(pk=row.person_id).last_mailed_at == row.settled_at
    entry = AuditEntry.objects.get(verb="mailing.uncertain_settled")
    assert (entry.actor, entry.door, entry.summary) == (None, "command", "By the mail server’s log: 3")


def test_what_was_settled_otherwise_is_not_touched_by_a_log(left, monkeypatch, capsys):
    Delivery.objects.filter(mailing_id=left.pk, seq=1).update(state="failed", reply_text="Planner: it did not arrive")

    given = give(monkeypatch, capsys, cleanup("AAAAAAAAA1", message_id(left.uid, 1)) + status("AAAAAAAAA1", "sent"))

    assert given["settled"] == {}
    assert Delivery.objects.get(mailing_id=left.pk, seq=1).state == "failed"


def test_files_are_read_in_order_also_compressed(left, tmp_path, capsys):
    old, new = tmp_path / "mail.log.1.gz", tmp_path / "mail.log"
    old.write_bytes(gzip.compress(cleanup("AAAAAAAAA1", message_id(left.uid, 1)).encode()))
    new.write_text(status("AAAAAAAAA1", "sent"))

    call_command("settle_from_log", str(old), str(new))

    assert json.loads(capsys.readouterr().out)["settled"] == {"sent": 1}


def test_log_that_is_not_there_settles_nothing(left, tmp_path):
    with pytest.raises(CommandError, match="nothing was settled"):
        call_command("settle_from_log", str(tmp_path / "no.log"))

    assert counts(left.pk)["uncertain"] == 4
