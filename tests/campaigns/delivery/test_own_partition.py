"""A large mailing has a table of its own in the ledger: filled first, indexed then, and attached without anybody waiting."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.delivery import partitions
from campaigns.delivery.freezing import freeze
from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import drop_empty, ensure_partitions, filling, partition_of
from tests.campaigns.delivery.building import subscriber, to_freezing
from tests.campaigns.ledger import delivery
from tests.factories import MailingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch):
    monkeypatch.setattr(partitions, "OWN_FROM", 2)


def frozen(mailing, people: int):
    for number in range(people):
        subscriber(mailing.topic, number + 1)
    assert freeze(mailing_id=to_freezing(mailing).pk)
    return mailing


def relations(name: str) -> dict[str, str]:
    """Index of `name` → the index of the whole ledger that it is a part of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, r.relid::regclass::text FROM pg_index i,"
            " LATERAL (SELECT pg_partition_root(i.indexrelid) AS relid) r WHERE i.indrelid = to_regclass(%s)",
            [name],
        )
        return dict(cursor.fetchall())


def test_a_large_mailing_lies_alone_under_the_same_indexes(mailing):
    frozen(mailing, 2)

    assert partition_of(mailing.pk) == f"delivery_m{mailing.pk}"
    assert sorted(Delivery.objects.filter(mailing_id=mailing.pk).values_list("seq", flat=True)) == [1, 2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text, is_own FROM delivery")
        assert cursor.fetchall() == [(f"delivery_m{mailing.pk}", True)]
    assert sorted(relations(f"delivery_m{mailing.pk}").values()) == sorted(
        ["delivery_pkey", "delivery_address_once", "delivery_person", "delivery_organization", "delivery_hash"]
    )


def test_a_small_one_lies_with_its_neighbours(mailing):
    frozen(mailing, 1)

    assert partition_of(mailing.pk) == f"delivery_p{mailing.pk // partitions.WIDTH:05d}"
    assert partition_of(mailing.pk + 1) == partition_of(mailing.pk)


def test_one_mailing_is_read_in_its_own_table_and_in_no_other_large_one(mailing):
    frozen(mailing, 2)
    with filling(mailing.pk + 1, 2):
        pass

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT 1 FROM delivery WHERE mailing_id = %s", [mailing.pk])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert f"delivery_m{mailing.pk}" in plan
    assert f"delivery_m{mailing.pk + 1}" not in plan


def test_nothing_is_left_of_one_that_is_held(mailing):
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2)
    to_freezing(mailing)
    mailing.variants.update(subject="Something else")

    assert not freeze(mailing_id=mailing.pk)

    assert partition_of(mailing.pk) == f"delivery_p{mailing.pk // partitions.WIDTH:05d}"


def test_its_table_takes_no_other_mailing_and_no_address_twice(mailing):
    delivery(mailing)
    with connection.cursor() as cursor:
        columns = "state, skip_reason, address_key"
        with pytest.raises(IntegrityError), transaction.atomic(), filling(mailing.pk, 2) as table:
            cursor.execute(
                f"INSERT INTO {table} (mailing_id, seq, {columns}) VALUES (%s, 1, 'pending', '', 'a@b.test')",
                [mailing.pk + 1],
            )
        with pytest.raises(IntegrityError), transaction.atomic(), filling(mailing.pk, 2) as table:
            for seq in (1, 2):
                cursor.execute(
                    f"INSERT INTO {table} (mailing_id, seq, {columns}) VALUES (%s, %s, 'pending', '', 'a@b.test')",
                    [mailing.pk, seq],
                )


def test_a_table_that_was_emptied_is_filled_again(mailing):
    frozen(mailing, 2)
    Delivery.objects.all().delete()

    with filling(mailing.pk, 2) as table:
        assert table == f"delivery_m{mailing.pk}"


def test_an_emptied_table_goes_when_its_mailing_is_over(mailing):
    frozen(mailing, 2)
    table = partition_of(mailing.pk)
    MailingFactory(pk=mailing.pk + 1)
    Delivery.objects.all().delete()
    assert table not in drop_empty()  # it is still sending

    type(mailing).objects.filter(pk=mailing.pk).update(state="finished", finished_at=mailing.send_at)

    assert table in drop_empty()
    assert partition_of(mailing.pk) == f"delivery_p{mailing.pk // partitions.WIDTH:05d}"


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_a_large_mailing_is_frozen(mailing):
    """Reads and writes of other mailings, and what makes partitions ahead, beside a freeze that has not committed."""
    other = MailingFactory()
    ensure_partitions()
    delivery(other)
    done = []

    def beside() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
            cursor.execute("SELECT count(*) FROM delivery")
            cursor.execute("UPDATE delivery SET attempts = attempts + 1 WHERE mailing_id = %s", [other.pk])
            done.append(cursor.rowcount)
            partitions.make(other.pk // partitions.WIDTH + 7)
            done.append(partition_of(other.pk + 7 * partitions.WIDTH))
        connection.close()

    with transaction.atomic():
        with filling(mailing.pk, 2):
            pass
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
        transaction.set_rollback(True)

    assert done == [1, f"delivery_p{other.pk // partitions.WIDTH + 7:05d}"]
