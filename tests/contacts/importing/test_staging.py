"""Rows are handed to COPY as text that is made here: whatever stands in a file must come out as it went in."""

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.importing import beside, services, staging
from contacts.importing.models import ImportLine
from contacts.importing.reading import BadFile, Row
from contacts.importing.staging import NOT_TEXT, OWN_COLUMN_ONLY, TEXTS, as_copied, copy_of, texts_of
from contacts.importing.targets import BY_NAME
from contacts.importing.values import RowReader
from crm.ids import tail_sql, uuid7_sql
from crm.jobs.models import Job
from crm.jobs.services import LeaseLost, claim
from tests.contacts.importing.steps import csv_file

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

    with connection.cursor() as cursor, cursor.copy(copy_of(TEXTS)) as copy:
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


CELLS = {"name": "Ada Banda", "email": "ada@example.org", "organization": "Congress", "post": "Head", "constituency": "GOV", "country": "ZM",
         "language": "fr", "gender": "f", "website": "example.org", "started_on": "2026-03-31", "tags": "spring; fair"}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("target", [target for target in BY_NAME if target not in {"name", "organization"}])
def test_a_column_is_copied_wherever_a_line_may_have_a_value_for_it(target):
    mapping = dict(enumerate(["name", "organization", target]))
    cells = [CELLS.get(name, "Word") for name in mapping.values()]

    read = RowReader(mapping=mapping, width=3).values(Row(2, cells))

    copied = texts_of(mapping.values())
    assert target in read and set(read) <= {*copied, *NOT_TEXT}
    assert set(TEXTS) - set(copied) == OWN_COLUMN_ONLY - {target}


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


@pytest.fixture
def in_two(monkeypatch):
    """A file of nine rows is a long one, on any machine."""
    monkeypatch.setattr(staging, "CHUNK", 2)
    monkeypatch.setattr(staging, "ALONE", 4)
    monkeypatch.setattr(staging, "spare_cores", lambda: not connection.in_atomic_block)


def _claimed(planner, file):
    run = services.upload_import(file=file, actor=planner)
    run = services.save_mapping(run=run, mapping={0: "name", 1: "email", 2: "note"}, options={})
    job = claim(services.start_check(run=run, actor=planner).pk)
    run.refresh_from_db()
    return run, job


ROWS = [["Name", "E-mail", "Note"], *([f"Ana {n}", f"ana{n}@example.org", f"first\nsecond {n}"] for n in range(9))]


@pytest.mark.django_db(transaction=True)
def test_two_processes_stage_what_one_would(in_two, planner, folder, monkeypatch):
    read = "line", "raw", "name", "email_key", "email_hash", "note"
    run, job = _claimed(planner, csv_file(ROWS))
    forks = []
    monkeypatch.setattr(staging, "second", lambda work: forks.append(1) or beside.second(work))
    # what a second process had staged before an earlier step ended without it
    ImportLine.objects.create(run=run, line=4, raw=["left over"])

    assert staging.stage(run=run, job=job)
    by_two = list(ImportLine.objects.filter(run=run).order_by("line").values_list(*read))
    services.drop_staged(run)
    job.state.clear()
    with transaction.atomic():
        assert staging.stage(run=run, job=job)

    assert len(forks) == 1 and [row[0] for row in by_two] == list(range(2, 20, 2))
    assert by_two == list(ImportLine.objects.filter(run=run).order_by("line").values_list(*read))
    assert (job.job.done_count, Job.objects.get(pk=job.job.pk).done_count) == (18, 18)


@pytest.mark.django_db(transaction=True)
def test_a_second_process_keeps_nothing_for_a_job_that_is_anothers(in_two, planner, folder, capfd):
    run, job = _claimed(planner, csv_file(ROWS))
    Job.objects.filter(pk=job.job.pk).update(claimed_by=None)

    with pytest.raises(RuntimeError, match="ended before"):
        staging.stage(run=run, job=job)

    assert LeaseLost.__name__ in capfd.readouterr().err
    assert not ImportLine.objects.filter(run=run).exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_breaks_further_down_is_told_by_its_line_when_two_read_it(in_two, planner, folder, capfd):
    run, job = _claimed(planner, csv_file(ROWS))
    with open(run.file.path, "a") as file:
        file.write('Ana,"never closed\n')

    with pytest.raises(BadFile) as refused:
        staging.stage(run=run, job=job)

    assert refused.value.line == 20
    capfd.readouterr()
