"""What is remembered for the next file, and what comes back as a file to mend."""

import io

import pytest
from django.urls import reverse
from python_calamine import CalamineWorkbook

from contacts.directory.models import Person
from contacts.importing import services
from contacts.importing.models import ImportMapping, ImportRun
from tests.contacts.importing.steps import apply, csv_file, dry_run, outcomes
from tests.contacts.importing.test_views import mapping, send, text, url
from tests.factories import GrantFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db
HEAD = ["Who", "Where to write"]


@pytest.fixture
def client(planner, sign_in, folder):
    return sign_in(planner)


def taken(actor, head=HEAD):
    return services.upload_import(file=csv_file([head, ["Ada", "a@example.org"]]), actor=actor)


def test_a_header_means_next_time_what_it_meant(planner, folder):
    run = taken(planner)
    services.save_mapping(run=run, mapping={0: "organization", 1: "email"}, options={"language": "fr"}, actor=planner)

    again = taken(planner, ["WHO ", "Where  to write"])

    assert again.mapping == {"0": "organization", "1": "email"} and again.options["language"] == "fr"
    assert taken(planner, ["Who", "Where"]).mapping == {"1": "email"}


def test_a_memory_is_ones_own_unless_it_is_shared(planner, folder):
    other = UserFactory()
    GrantFactory(user=other, role="planner")
    services.save_mapping(run=taken(planner), mapping={0: "organization", 1: "email"}, options={}, actor=planner)
    assert "remembered" not in taken(other).options

    services.save_mapping(
        run=taken(planner), mapping={0: "organization", 1: "email"}, options={}, actor=planner, is_shared=True
    )
    assert taken(other).mapping == {"0": "organization", "1": "email"}
    services.save_mapping(run=taken(other), mapping={0: "name", 1: "email"}, options={}, actor=other)
    assert taken(other).mapping["0"] == "name" and taken(planner).mapping["0"] == "organization"


def test_the_screen_says_so_and_can_forget(client, planner):
    send(client, b"Who,Mail\nAda,a@example.org\n")
    first = ImportRun.objects.get()
    assert "meant last time" not in text(client.get(url("import_detail", first)))
    client.post(url("import_columns", first), {**mapping(first), "column0": "organization", "overwrite": ""})
    send(client, b"Who,Mail\nBob,b@example.org\n")
    run = ImportRun.objects.latest("pk")
    assert "meant last time" in text(client.get(url("import_detail", run)))

    client.post(url("import_forget", run))

    run.refresh_from_db()
    assert run.mapping == {"1": "email"} and not ImportMapping.objects.exists()
    assert "meant last time" not in text(client.get(url("import_detail", run)))


def test_rejected_rows_come_as_a_workbook_whose_cells_are_text(client, planner, upload):
    run = upload([["Name", "E-mail", "Phone"], ["=1+1", "not an address", "+260 211"]])

    answer = client.get(url("import_rejected_xlsx", run))

    page = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0)
    reason = run.rows.get().reason
    assert page.to_python() == [
        ["Line", "Reason", "Name", "E-mail", "Phone"],
        ["2", reason, "=1+1", "not an address", "+260 211"],
    ]


def test_a_mended_file_of_rejected_rows_is_imported_as_it_is(client, planner, upload):
    first = upload(
        [["Who", "E-mail", "Phone"], ["Ada", "not an address", "+260 211"]], mapping={0: "name", 1: "email", 2: "phone"}
    )
    services.remembering.remember(run=first, actor=planner, is_shared=False)
    mended = text(client.get(url("import_rejected", first))).replace("not an address", "ada@example.org", 2)

    send(client, mended.encode(), "people-rejected.csv")
    run = ImportRun.objects.latest("pk")
    assert run.mapping == {"2": "name", "3": "email", "4": "phone"}
    apply(
        dry_run(services.save_mapping(run=run, mapping={2: "name", 3: "email", 4: "phone"}, options={}), planner),
        planner,
    )

    assert outcomes(run) == [(2, "created")]
    assert Person.objects.get().contact_points.get(kind="phone").value == "+260 211"


def test_undo_from_the_screen_lists_what_was_kept(client, planner, upload, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from crm.jobs.services import run_job

    run = apply(upload([["Name", "E-mail"], *([f"P{n}", f"p{n}@example.org"] for n in range(4))]), planner)
    assert "Undo this import" in text(client.get(url("import_detail", run)))
    Person.objects.exclude(name="P0").update(last_mailed_at="2026-01-01T00:00Z")
    client.post(url("import_undo", run))
    client.post(url("import_undo", run))
    run.refresh_from_db()
    run_job(run.job_id)

    page = text(client.get(url("import_detail", run)))
    assert "Removed: people 1" in page and "3 things were kept" in page
    kept = text(client.get(url("import_kept", run)))
    assert reverse("person_detail", args=[Person.objects.get(name="P2").uid]) in kept and "written to since" in kept
    assert "Person,P3,all of it,written to since" in text(client.get(url("import_kept_csv", run)))
    with CaptureQueriesContext(connection) as three:
        client.get(url("import_kept", run))
    run.kept.exclude(name="P1").delete()
    with django_assert_num_queries(len(three)):
        client.get(url("import_kept", run))


def test_who_may_not_import_may_not_undo(sign_in, editor, planner, upload):
    run = apply(upload([["Name"], [PersonFactory.build().name]]), planner)

    assert sign_in(editor).post(url("import_undo", run)).status_code == 403
    run.refresh_from_db()
    assert run.state == "applied"
