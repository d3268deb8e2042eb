"""Rows are handed to COPY as text that is made here: whatever stands in a file must come out as it went in."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.importing.models import ImportLine
from contacts.importing.reading import Row
from contacts.importing.staging import COPY, as_copied
from crm.ids import tail_sql, uuid7_sql

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.text(
    '\\"\t\r\n.Nn,', max_size=8
)
values = st.fixed_dictionaries(
    {},
    optional={
        "name": text,
        "note": text,
        "words": text,
        "constituency": st.integers(0, 99),
        "tags": st.lists(text, max_size=3),
        "email_hash": st.binary(max_size=4).map(bytes.hex),
    },
)
rows = st.lists(st.tuples(st.lists(text, min_size=1, max_size=4), values, text), min_size=1, max_size=6)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=rows)
def test_whatever_a_row_holds_is_staged_as_it_is(table):
    ImportLine.objects.all().delete()
    texts = [as_copied(7, Row(line, cells), values, why) for line, (cells, values, why) in enumerate(table, start=1)]

    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write("".join(texts))

    kept = [
        (
            row.line,
            row.raw,
            row.values | ({} if row.email_hash is None else {"email_hash": row.email_hash.hex()}),
            row.refused,
        )
        for row in ImportLine.objects.filter(run_id=7).order_by("line")
    ]
    assert kept == [(line, cells, values, why) for line, (cells, values, why) in enumerate(table, start=1)]


@pytest.mark.django_db
def test_ids_that_one_statement_makes_are_ordered_by_line_over_a_full_counter():
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {uuid7_sql('line', tail_sql('line'))} FROM generate_series(1, 10000) AS line ORDER BY line",  # noqa: S608
            {"ms": 1_764_140_000_000, "salt": "a secret of this use"},
        )
        made = [uid for (uid,) in cursor.fetchall()]

    assert {uid.version for uid in made} == {7} and {uid.variant for uid in made} == {made[0].variant}
    assert made == sorted(made) and len(set(made)) == 10_000
    assert [made[0].int >> 80, made[-1].int >> 80] == [1_764_140_000_000, 1_764_140_000_002]
    assert len({uid.int & (2**62 - 1) for uid in made}) == 10_000
