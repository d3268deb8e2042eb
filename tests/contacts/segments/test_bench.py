"""The bench compares like with like: the compiled queries and those by hand give the same people, and not nobody."""

import pytest
from django.db import connection

from contacts.segments.bench import prepare, questions

pytestmark = pytest.mark.django_db


def test_compiled_and_by_hand_agree() -> None:
    found = 0
    for case in prepare(3000):
        for what, pair in questions(case).items():
            rows = []
            for sql, values in pair:
                with connection.cursor() as cursor:
                    cursor.execute(sql, values)
                    rows.append(cursor.fetchall())
            assert rows[0] == rows[1], (case.name, what)
            found += what == "count" and rows[0][0][0] > 0
    assert found >= 4
