"""A statement ends at its limit, says so as what it is, and leaves the connection usable."""

import pytest
from django.db import OperationalError, ProgrammingError, connection

from crm.patience import TookTooLong, statements_within

pytestmark = pytest.mark.django_db


def test_statement_that_takes_longer_is_stopped_and_the_next_one_works():
    with pytest.raises(TookTooLong), statements_within(50) as cursor:
        cursor.execute("SELECT pg_sleep(5)")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)


def test_statement_within_its_time_answers_and_the_limit_goes():
    with statements_within(5000) as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT nothing_like_it", ProgrammingError),
        ("DO $$ BEGIN RAISE EXCEPTION 'down' USING ERRCODE = '57P03'; END $$", OperationalError),
    ],
)
def test_other_errors_are_not_taken_for_slowness(statement, error):
    with pytest.raises(error) as caught, statements_within(5000) as cursor:
        cursor.execute(statement)

    assert not isinstance(caught.value, TookTooLong)
