"""The triggers of the ledger: they hold for every road in, COPY and shells included."""

import datetime as dt
import uuid

import pytest
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError

from contacts.consent.models import ConsentEvent, ConsentState
from tests.factories import TopicFactory

pytestmark = pytest.mark.django_db
T0 = dt.datetime(2026, 3, 1, 9, 0, tzinfo=dt.UTC)


def an_event(topic, action="grant", *, uid=None, hours=0, **values):
    basis = "consent" if action == "grant" else ""
    return ConsentEvent.objects.create(
        subject_uid=uid or uuid.uuid4(),
        subject_kind="person",
        topic=topic,
        action=action,
        lawful_basis=basis,
        source="form",
        at=T0 + dt.timedelta(hours=hours),
        **values,
    )


def refused(statement, *, erasing=False):
    refusal = pytest.raises((InternalError, IntegrityError), match="append-only")
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        if erasing:
            cursor.execute("SET LOCAL groundswell.erasing = 'on'")
        cursor.execute(statement)


def state_of(uid, topic):
    return ConsentState.objects.filter(subject_uid=uid, topic=topic).values_list("is_granted", flat=True).first()


@pytest.mark.parametrize(
    "statement", ["UPDATE contacts_consentevent SET source = 'x'", "DELETE FROM contacts_consentevent"]
)
def test_ledger_refuses_changes(statement):
    an_event(TopicFactory())

    refused(statement)

    assert ConsentEvent.objects.get().source == "form"


def test_ledger_refuses_truncate():
    an_event(TopicFactory())
    with connection.cursor() as cursor:  # the test database has it off, so that tests that commit can be cleaned up
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or ALTER TABLE waits for checks that are still due
        cursor.execute("ALTER TABLE contacts_consentevent ENABLE TRIGGER consent_event_no_truncate")

    refused("TRUNCATE contacts_consentevent CASCADE")

    assert ConsentEvent.objects.count() == 1


def test_erasure_may_blank_what_is_personal():
    event = an_event(TopicFactory(), evidence="Signed by Ada", address_hash=b"h" * 32)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL groundswell.erasing = 'on'")
        cursor.execute("UPDATE contacts_consentevent SET evidence = '', source = 'erased', address_hash = NULL")

    event.refresh_from_db()
    assert (event.evidence, event.source, event.address_hash, event.action) == ("", "erased", None, "grant")


@pytest.mark.parametrize(
    "change",
    [
        "action = 'withdraw'",
        "at = now()",
        "lawful_basis = 'contract'",
        "channel = 'sms'",
        "subject_kind = 'organization'",
    ],
)
def test_erasure_may_not_change_what_was_said(change):
    an_event(TopicFactory())

    refused(f"UPDATE contacts_consentevent SET {change}", erasing=True)


def test_erasure_may_not_delete():
    an_event(TopicFactory())

    refused("DELETE FROM contacts_consentevent", erasing=True)


def test_grant_without_basis_is_refused():
    with pytest.raises(IntegrityError, match="consent_grant_has_basis"), transaction.atomic():
        ConsentEvent.objects.create(
            subject_uid=uuid.uuid4(), subject_kind="person", topic=TopicFactory(), action="grant", source="form", at=T0
        )


def test_state_is_the_last_word_in_time_not_in_order_of_arrival():
    topic, uid = TopicFactory(), uuid.uuid4()

    an_event(topic, "withdraw", uid=uid, hours=2)
    assert state_of(uid, topic) is False
    an_event(topic, "grant", uid=uid, hours=1)
    assert state_of(uid, topic) is False
    an_event(topic, "grant", uid=uid, hours=3)
    assert state_of(uid, topic) is True


def test_the_later_row_wins_at_the_same_moment():
    topic, uid = TopicFactory(), uuid.uuid4()

    an_event(topic, "grant", uid=uid)
    an_event(topic, "withdraw", uid=uid)

    assert state_of(uid, topic) is False


def test_state_follows_copy_with_several_events_of_one_subject():
    topic, ada, eve = TopicFactory(), uuid.uuid4(), uuid.uuid4()

    with connection.cursor() as cursor:
        columns = "subject_uid, subject_kind, topic_id, channel, action, lawful_basis, source, evidence, at"
        with cursor.copy(f"COPY contacts_consentevent ({columns}) FROM STDIN") as copy:
            for uid, action, hours in ((ada, "withdraw", 5), (ada, "grant", 1), (eve, "grant", 2)):
                basis = "consent" if action == "grant" else ""
                copy.write_row(
                    (uid, "person", topic.pk, "email", action, basis, "copy", "", T0 + dt.timedelta(hours=hours))
                )

    assert state_of(ada, topic) is False
    assert state_of(eve, topic) is True


def test_topics_and_channels_do_not_touch_each_other():
    one, two, uid = TopicFactory(), TopicFactory(), uuid.uuid4()

    an_event(one, "grant", uid=uid)
    an_event(two, "withdraw", uid=uid, hours=1)
    an_event(one, "withdraw", uid=uid, hours=1, channel="sms")

    assert state_of(uid, two) is False
    assert ConsentState.objects.get(subject_uid=uid, topic=one, channel="email").is_granted
