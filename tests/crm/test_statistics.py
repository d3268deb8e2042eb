"""Tables that have grown are analysed before a large query asks them."""

import pytest
from django.db import connection

from crm.statistics import freshen

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows():
    """Rows of a fresh table, about forty to a page; autovacuum never comes while the transaction is open."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE growing (id int, word text)")

        def add(n: int) -> None:
            cursor.execute("INSERT INTO growing SELECT i, repeat('x', 160) FROM generate_series(1, %s) i", [n])

        yield add


def believed() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'growing'::regclass")
        return cursor.fetchone()[0]


def test_a_table_that_was_never_looked_at_is_analysed_once(rows):
    rows(2000)

    assert (freshen(["growing"]), believed()) == (["growing"], 2000)
    assert freshen(["growing"]) == []


def test_a_table_is_looked_at_again_when_it_has_more_than_doubled(rows):
    rows(2000)
    freshen(["growing"])

    rows(1500)
    assert freshen(["growing"]) == []
    rows(2000)
    assert (freshen(["growing"]), believed()) == (["growing"], 5500)


def test_small_tables_are_left_alone_and_unknown_ones_passed_over(rows):
    rows(10)

    assert freshen(["growing", "no_such_table"]) == []
    assert believed() == -1
