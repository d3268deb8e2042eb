import datetime as dt
import threading
import uuid

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from contacts.consent import services
from contacts.consent.addresses import address_hash, address_hashes
from contacts.consent.models import ConsentEvent, ConsentState, Suppression
from contacts.consent.queries import (
    is_permitted,
    permission_join_sql,
    permissions_of,
    permitted_sql,
    suppressed_sql,
    suppression_join_sql,
    suppression_of,
)
from contacts.consent.services import suppressions
from contacts.consent.subjects import Subject
from contacts.directory.models import UidAlias
from crm.audit.models import AuditEntry, Door, OutboxEvent
from crm.errors import Invalid
from tests.factories import (
    ContactPointFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def give(subject, topic, **values):
    return services.grant_consent(
        subject=subject, topic=topic, **{"lawful_basis": "consent", "source": "form", **values}
    )


def test_grant_consent_permits_and_leaves_a_trail(planner):
    ada, topic = PersonFactory(), TopicFactory(code="news")

    event = give(ada, topic, evidence="Form of 3 March", actor=planner, address="Ada@Example.org")

    assert is_permitted(subject_uid=ada.uid, topic=topic)
    assert bytes(event.address_hash) == address_hash("ada@example.org")
    entry = AuditEntry.objects.get(verb="consent.granted")
    assert (entry.object_uid, entry.actor, entry.door) == (ada.uid, planner, Door.SCREEN)
    assert list(entry.changes.values_list("field", "before", "after")) == [("consent:news", None, "grant")]
    assert OutboxEvent.objects.get().type == "consent.granted"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"lawful_basis": ""}, "basis_missing"),
        ({"lawful_basis": "because"}, "basis_missing"),
        ({"source": " "}, "source_missing"),
        ({"at": timezone.now() + dt.timedelta(days=1)}, "future_date"),
    ],
)
def test_grant_consent_refuses_half_a_permission(values, code):
    with pytest.raises(Invalid) as refused:
        give(PersonFactory(), TopicFactory(), **values)

    assert refused.value.code == code
    assert not ConsentEvent.objects.exists()


def test_grant_consent_refuses_an_archived_topic(admin):
    topic = services.archive_topic(topic=TopicFactory(), actor=admin)

    with pytest.raises(Invalid, match="archived"):
        give(PersonFactory(), topic)


def test_withdraw_consent_counts_once():
    ada, topic = PersonFactory(), TopicFactory()
    give(ada, topic)

    first = services.withdraw_consent(subject=ada, topic=topic, source="call")
    again = services.withdraw_consent(subject=ada, topic=topic, source="call")

    assert first is not None and again is None
    assert not is_permitted(subject_uid=ada.uid, topic=topic)
    assert ConsentEvent.objects.count() == 2


def test_withdraw_consent_where_nothing_was_given_is_kept():
    ada, topic = PersonFactory(), TopicFactory()

    assert services.withdraw_consent(subject=ada, topic=topic, source="call") is not None
    assert ConsentState.objects.get().is_granted is False


def test_withdrawal_from_a_clock_that_is_ahead_is_taken_as_now():
    ada, topic = PersonFactory(), TopicFactory()
    give(ada, topic)

    event = services.one_click_unsubscribe(subject=ada, topic=topic, at=timezone.now() + dt.timedelta(minutes=5))

    assert event.at <= timezone.now()
    assert not is_permitted(subject_uid=ada.uid, topic=topic)


def test_one_click_withdraws_only_the_topic_of_the_mailing():
    ada, news, events = PersonFactory(), TopicFactory(), TopicFactory()
    give(ada, news)
    give(ada, events)

    services.one_click_unsubscribe(subject=Subject.of(ada), topic=news)
    services.one_click_unsubscribe(subject=Subject.of(ada), topic=news)

    assert not is_permitted(subject_uid=ada.uid, topic=news)
    assert is_permitted(subject_uid=ada.uid, topic=events)
    assert ConsentEvent.objects.filter(action="withdraw").count() == 1
    assert not Suppression.objects.exists()
    assert AuditEntry.objects.filter(verb="consent.withdrawn", door=Door.LINK).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_withdrawals_at_once_write_one_event():
    ada, topic = PersonFactory(), TopicFactory()
    give(ada, topic)
    barrier = threading.Barrier(2)

    def withdraw() -> None:
        barrier.wait()
        services.one_click_unsubscribe(subject=ada, topic=topic)
        connection.close()

    threads = [threading.Thread(target=withdraw) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ConsentEvent.objects.filter(action="withdraw").count() == 1


def test_an_old_uid_of_a_merged_person_reaches_the_one_who_is_left():
    ada, topic, old, older = PersonFactory(), TopicFactory(), uuid.uuid4(), uuid.uuid4()
    UidAlias.objects.create(old_uid=old, new_uid=ada.uid, object_type="person")
    UidAlias.objects.create(old_uid=older, new_uid=old, object_type="person")
    give(ada, topic)

    services.one_click_unsubscribe(subject=Subject(older, "person"), topic=topic)

    assert not is_permitted(subject_uid=ada.uid, topic=topic)


def test_a_successor_in_the_post_inherits_neither():
    seat, topic = PostFactory(), TopicFactory()
    before, after = PersonFactory(), PersonFactory()
    ContactPointFactory(person=before, value="before@example.org")
    ContactPointFactory(person=after, value="after@example.org")
    ContactPointFactory(person=None, post=seat, value="minister@example.org")
    MembershipFactory(person=before, post=seat, ended_on=dt.date(2026, 1, 1))
    give(before, topic)
    services.stop_everything(subject=Subject.of(before))

    MembershipFactory(person=after, post=seat)

    assert permissions_of(after.uid)[0].event is None
    assert suppression_of("before@example.org") is not None
    assert suppression_of("after@example.org") is None
    assert suppression_of("minister@example.org") is None


def test_stop_everything_withdraws_all_and_suppresses_the_addresses(monkeypatch):
    monkeypatch.setattr(suppressions, "_DELIVERY_ADDRESS", [])
    services.address_of_delivery(lambda mailing_id, seq: "once@example.org" if (mailing_id, seq) == (7, 3) else None)
    ada, news, events = PersonFactory(), TopicFactory(), TopicFactory()
    ContactPointFactory(person=ada, value="ada@example.org")
    ContactPointFactory(value="eve@example.org")
    give(ada, news)
    give(ada, events)

    changed = services.stop_everything(subject=Subject.of(ada), mailing_id=7, seq=3)
    again = services.stop_everything(subject=Subject.of(ada), mailing_id=7, seq=3)

    assert set(changed.withdrawn) == {news, events} and changed.is_suppressed
    assert not again
    assert [bool(suppression_of(f"{name}@example.org")) for name in ("ada", "once", "eve")] == [True, True, False]


def test_suppress_address_runs_the_effects_in_its_transaction(monkeypatch):
    seen = []
    monkeypatch.setattr(suppressions, "_EFFECTS", [])

    @services.on_suppress
    def effect(*, address_keys, address_hashes, at):
        seen.append((address_keys, address_hashes))
        if address_keys == ["bad@example.org"]:
            raise RuntimeError("no")

    services.suppress_address(address="Ada@Example.ORG ", reason="manual", source="call")
    with pytest.raises(RuntimeError), transaction.atomic():
        services.suppress_address(address="bad@example.org", reason="manual", source="call")

    assert seen[0] == (["ada@example.org"], address_hashes("ada@example.org"))
    assert suppression_of("ada@example.org") is not None
    assert suppression_of("bad@example.org") is None


def test_suppress_address_twice_keeps_the_first_reason():
    services.suppress_address(address="ada@example.org", reason="complaint", source="loop")
    services.suppress_address(address="ada@example.org", reason="manual", source="call")

    assert suppression_of("ADA@example.org").reason == "complaint"
    assert AuditEntry.objects.filter(verb="address.suppressed").count() == 1
    assert "ada" not in AuditEntry.objects.get(verb="address.suppressed").summary


def test_complaint_suppresses_and_marks_the_contact_points():
    point = ContactPointFactory(value="ada@example.org")

    services.record_complaint(address="Ada@example.org", source="feedback loop")

    point.refresh_from_db()
    assert (point.status, point.status_reason) == ("complained", "feedback loop")
    assert suppression_of("ada@example.org").reason == "complaint"


def test_addresses_that_an_older_key_suppressed_stay_suppressed(settings):
    old = dict(settings.ADDRESS_KEYS)
    services.suppress_address(address="ada@example.org", reason="manual", source="call")
    settings.ADDRESS_KEYS = {"n2": b"n" * 32, **old}

    assert suppression_of("ada@example.org") is not None
    assert services.carry_suppressions(address_keys=["ada@example.org", "eve@example.org"]) == 1
    assert services.carry_suppressions(address_keys=["ada@example.org"]) == 0
    assert Suppression.objects.filter(address_hash=address_hash("ada@example.org"), key_id="n2").exists()


def test_a_new_suppression_is_found_by_rows_hashed_with_an_older_key():
    old = next(iter(settings.ADDRESS_KEYS))
    point = ContactPointFactory(value="ada@example.org")
    ring = settings.ADDRESS_KEYS
    settings.ADDRESS_KEYS = {"n2": b"n" * 32, **ring}
    try:
        services.suppress_address(address="ada@example.org", reason="manual", source="call")
    finally:
        settings.ADDRESS_KEYS = ring

    assert Suppression.objects.filter(address_hash=point.address_hash, key_id=old).exists()


def test_sql_fragments_agree_with_each_other():
    topic = TopicFactory()
    given, withdrawn, silent = PersonFactory(), PersonFactory(), PersonFactory()
    for person, name in ((given, "given"), (withdrawn, "withdrawn"), (silent, "silent")):
        ContactPointFactory(person=person, value=f"{name}@example.org")
    give(given, topic)
    give(withdrawn, topic)
    services.withdraw_consent(subject=withdrawn, topic=topic, source="call")
    services.suppress_address(address="silent@example.org", reason="manual", source="call")
    permitted = permitted_sql(subject_uid="p.uid", topic_id="%(topic)s")
    join = permission_join_sql(alias="ok", subject_uid="p.uid", topic_id="%(topic)s")
    never = suppression_join_sql(alias="never_", address_hash="c.address_hash")

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.id, {permitted}, ok.id IS NOT NULL, {suppressed_sql(address_hash='c.address_hash')},"
            f" never_.id IS NOT NULL FROM contacts_person p JOIN contacts_contactpoint c ON c.person_id = p.id {join} {never}",
            {"topic": topic.pk},
        )
        rows = {row[0]: row[1:] for row in cursor.fetchall()}

    assert rows == {
        given.pk: (True, True, False, False),
        withdrawn.pk: (False, False, False, False),
        silent.pk: (False, False, True, True),
    }


def test_an_organization_has_permissions_of_its_own():
    ministry, topic = OrganizationFactory(), TopicFactory()

    give(ministry, topic)

    assert is_permitted(subject_uid=ministry.uid, topic=topic)
    assert ConsentEvent.objects.get().subject_kind == "organization"


def test_topics_are_created_edited_archived_and_restored(admin):
    topic = services.create_topic(actor=admin, code="news", name="Campaign news", names={"fr": "Nouvelles"})
    services.edit_topic(topic=topic, actor=admin, name="News", position=3)
    services.edit_topic(topic=topic, actor=admin, name="News")
    services.archive_topic(topic=topic, actor=admin)
    services.archive_topic(topic=topic, actor=admin)
    restored = services.restore_topic(topic=topic, actor=admin)

    assert (restored.name, restored.position, restored.archived_at) == ("News", 3, None)
    assert "nouvelles" in restored.search_text
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "topic.created",
        "topic.edited",
        "topic.archived",
        "topic.restored",
    ]
