"""Lists as files: whole, in order, harmless, logged, for their owner only, and gone after a while."""

import csv
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from python_calamine import load_workbook

from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.errors import Invalid, NotAllowed
from crm.exports import services
from crm.exports.models import ExportFile
from crm.jobs.models import Job
from crm.jobs.services import request_cancel, run_job
from crm.ui import tables
from tests.factories import CountryFactory, GrantFactory, PersonFactory, SegmentFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(folder, settings):
    settings.MEDIA_ROOT = folder / "media"


@pytest.fixture
def large(monkeypatch):
    """Every list is a large one, written a few rows at a time."""
    monkeypatch.setattr(services, "AT_ONCE", 0)
    monkeypatch.setattr(tables, "CHUNK", 2)


def rows_of(export):
    content = Path(default_storage.path(export.file.name)).read_bytes()
    if export.format == "xlsx":
        return load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_small_list_is_whole_at_once_with_chosen_columns_and_logged(format, planner):
    for name in ("Cid", "Ana", "Ben"):
        PersonFactory(given_name="", family_name="", name=name, language="fr")

    export = services.request_export(
        actor=planner, source="people", query="sort=-name", columns=["name", "language"], format=format
    )

    assert rows_of(export) == [["Name", "Language"], ["Cid", "fr"], ["Ben", "fr"], ["Ana", "fr"]]
    assert (export.row_count, export.job) == (3, None)
    entry = AuditEntry.objects.get(verb="list.exported")
    assert (entry.actor, entry.object_type) == (planner, "person")
    assert entry.summary == f"People: 3 rows as {export.get_format_display()}"


def test_formulas_are_harmless(planner):
    PersonFactory(name='=HYPERLINK("http://x.test","x")')

    text = services.request_export(actor=planner, source="people", columns=["name"], format="csv")
    book = services.request_export(actor=planner, source="people", columns=["name"], format="xlsx")

    assert rows_of(text)[1] == ['\'=HYPERLINK("http://x.test","x")']
    assert rows_of(book)[1] == ['=HYPERLINK("http://x.test","x")']
    with zipfile.ZipFile(default_storage.path(book.file.name)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.lower().replace("=hyperlink(", "")


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_large_list_is_a_job_with_progress_and_a_result(format, planner, large):
    names = [f"Person {number:02}" for number in range(7)]
    for name in names:
        PersonFactory(given_name="", family_name="", name=name)

    export = services.request_export(actor=planner, source="people", columns=["name"], format=format)
    assert (export.job.total_count, export.row_count) == (7, None)
    run_job(export.job.pk)

    export.refresh_from_db()
    job = Job.objects.get()
    assert (job.state, job.done_count, job.result["rows"]) == ("done", 7, 7)
    assert rows_of(export) == [["Name"], *([name] for name in names)]


def test_csv_goes_on_where_a_step_ended_and_a_dead_workers_rest_is_cut_off(planner, large, monkeypatch):
    names = [f"Person {number:02}" for number in range(7)]
    for name in names:
        PersonFactory(given_name="", family_name="", name=name)
    export = services.request_export(actor=planner, source="people", columns=["name"], format="csv")
    monkeypatch.setattr(services, "STEP_SECONDS", -1)  # every chunk is a step of its own

    run_job(export.job.pk)
    job = Job.objects.get()
    assert (job.state, job.done_count) == ("queued", 2)
    with Path(default_storage.path(export.file.name)).open("ab") as file:
        file.write(b"half a row that was never to")
    for _step in range(5):
        run_job(export.job.pk)

    export.refresh_from_db()
    assert rows_of(export) == [["Name"], *([name] for name in names)]
    assert Job.objects.get().state == "done"


def test_stopped_export_leaves_no_file(planner, large, monkeypatch):
    PersonFactory.create_batch(5)
    export = services.request_export(actor=planner, source="people", format="csv")
    job = Job.objects.get()
    original = tables.Table.export_chunks

    def chunks(self, *args, **kwargs):
        for found in original(self, *args, **kwargs):
            yield found
            request_cancel(job=job, actor=planner)

    monkeypatch.setattr(tables.Table, "export_chunks", chunks)
    run_job(job.pk)

    export.refresh_from_db()
    assert Job.objects.get().state == "cancelled"
    assert (export.file.name, export.is_ready) == ("", False)
    assert default_storage.listdir("exports")[1] == []
    assert not AuditEntry.objects.filter(verb="list.exported").exists()


def test_file_holds_only_what_its_owner_may_export(db):
    user = UserFactory()
    GrantFactory(user=user, role="viewer")
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    PersonFactory(name="Here", country=CountryFactory(code="ZM"))
    PersonFactory(name="There", country=CountryFactory(code="KE"))

    export = services.request_export(actor=user, source="people", columns=["name"])

    assert rows_of(export) == [["Name"], ["Here"]]


def test_right_that_was_taken_away_meanwhile_stops_the_job(planner, large):
    PersonFactory()
    export = services.request_export(actor=planner, source="people")
    planner.grants.all().delete()

    run_job(export.job.pk)

    job = Job.objects.get()
    assert job.state == "failed"
    assert "may not export" in job.error


def test_export_needs_the_right(editor, sign_in):
    with pytest.raises(NotAllowed):
        services.request_export(actor=editor, source="people")

    assert sign_in(editor).get(reverse("export_new"), {"list": "people"}).status_code == 403
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize(
    ("given", "code"), [({"columns": ["nonsense"]}, "no_columns"), ({"format": "pdf"}, "bad_format")]
)
def test_what_cannot_be_written_is_refused_in_words(given, code, planner):
    with pytest.raises(Invalid) as refusal:
        services.request_export(actor=planner, source="people", **given)

    assert refusal.value.code == code
    assert not ExportFile.objects.exists()


def test_workbook_that_would_be_too_long_is_refused_in_the_dialog(planner, sign_in, monkeypatch):
    PersonFactory.create_batch(2)
    monkeypatch.setattr(services, "XLSX_MOST", 1)

    answer = sign_in(planner).post(f"{reverse('export_new')}?list=people", {"format": "xlsx", "columns": ["name"]})

    assert answer.status_code == 422
    assert "Choose CSV" in answer.content.decode()


def test_dialog_from_the_list_to_the_file(planner, sign_in):
    PersonFactory(name="Ana", language="fr")
    PersonFactory(name="Ben", language="en")
    client = sign_in(planner)
    link = client.get(f"{reverse('person_list')}?language=fr").context["table"].export_url
    assert client.get(link).status_code == 200

    answer = client.post(link, {"format": "csv", "columns": ["name", "email"]}, follow=True)

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    answer.close()
    assert text.splitlines() == ["Name,E-mail", "Ana,"]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="people-')


def test_download_is_for_its_owner_only_and_while_it_is_kept(planner, admin, sign_in):
    PersonFactory()
    export = services.request_export(actor=planner, source="people")
    url = reverse("export_file", args=[export.uid])

    answer = sign_in(planner).get(url)
    for close in answer._resource_closers:  # answer.close() would also close the connection
        close()
    assert answer.status_code == 200
    assert sign_in(admin).get(url).status_code == 404
    assert services.purge(now=export.expires_at) == 1
    assert services.purge(now=export.expires_at) == 0
    assert sign_in(planner).get(url).status_code == 404
    assert not default_storage.exists(export.file.name)
    export.refresh_from_db()
    assert (export.file.name, export.row_count) == ("", 1)
    assert "removed" in sign_in(planner).get(reverse("export_list")).content.decode()


@pytest.mark.parametrize(
    "query", ["list=nothing", "list=people&arguments=[1]", "list=people&arguments={", 'list=people&arguments={"x":"y"}']
)
def test_link_that_is_not_ours_is_not_found(query, planner, sign_in):
    assert sign_in(planner).get(f"{reverse('export_new')}?{query}").status_code == 404


def test_members_of_a_segment_carry_its_name(planner):
    segment = SegmentFactory(name="Round table")

    export = services.request_export(actor=planner, source="members", arguments={"segment": str(segment.uid)})

    assert export.title == "Members: Round table"


def test_large_plain_csv_link_leads_to_the_dialog(planner, sign_in, monkeypatch):
    PersonFactory.create_batch(2)
    monkeypatch.setattr(tables, "AT_ONCE", 1)

    answer = sign_in(planner).get(f"{reverse('person_list')}?export=csv")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("export_new"))


def test_memory_stays_flat(planner, large, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK", 200)
    peaks = []
    for count in (400, 1600):
        Person.objects.bulk_create(
            Person(name=f"P{count}-{n}", sort_key=f"p{count}-{n}", search_text="p") for n in range(count)
        )
        export = services.request_export(actor=planner, source="people", columns=["name"], format="csv")
        tracemalloc.start()
        run_job(export.job.pk)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.6 * peaks[0]
