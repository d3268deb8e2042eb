"""How long the file of an import stays, and the workbook beside it: erased with a person, and gone when its time is over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.consent.erasure import services as erasing
from contacts.directory.models import Person
from contacts.importing import holdings, services
from contacts.importing.models import ImportLine, ImportRow, ImportRun
from contacts.importing.undoing import begin
from crm.audit.models import AuditEntry
from crm.retention.registry import KINDS
from crm.retention.services import start_run, tick
from tests.contacts.importing.steps import apply, csv_file
from tests.contacts.importing.test_workbooks import book, table
from tests.contacts.importing.test_workbooks import upload as upload_book
from tests.factories import ContactPointFactory, PersonFactory

pytestmark = pytest.mark.django_db
ROWS = [["Name", "E-mail"], ["Ada Banda", "ada@example.org"], ["Bob", "nowhere"]]


def files(folder):
    return sorted(path.suffix for path in folder.rglob("imports/*"))


def age(run, days=200):
    ImportRun.objects.filter(pk=run.pk).update(updated_at=timezone.now() - timedelta(days=days))


@pytest.fixture
def tick_of_the_night(django_capture_on_commit_callbacks):
    def night():
        start_run()
        with django_capture_on_commit_callbacks(execute=True):
            tick(now=timezone.now())

    return night


def test_the_file_of_an_import_goes_in_time_and_what_it_brought_stays(upload, planner, folder, tick_of_the_night):
    run = apply(upload(ROWS), planner)
    age(run)
    assert holdings.count_old(timezone.now() - timedelta(days=180), None, 10) == 1

    tick_of_the_night()

    run.refresh_from_db()
    assert (files(folder), run.file.name, run.state, run.counts["rejected"]) == ([], "", "applied", 1)
    assert not ImportLine.objects.exists() and not ImportRow.objects.exists()
    assert Person.objects.get().name == "Ada Banda"
    entry = AuditEntry.objects.get(verb="import.discarded")
    assert (entry.actor, entry.door) == (None, "task")
    assert services.can_be_undone(run) and begin(run=run, actor=planner).verb == "import.undone"
    age(run)
    assert holdings.count_old(timezone.now(), None, 10) == 0, "there is nothing left to remove"


def test_an_upload_that_nobody_went_on_with_goes_whole(planner, folder, tick_of_the_night):
    run = upload_book(book(table(ROWS)), planner)
    assert files(folder) == [".book", ".csv"]
    age(run)

    tick_of_the_night()

    assert files(folder) == [] and not ImportRun.objects.exists()


def test_what_is_young_or_at_work_stays(upload, planner, folder, tick_of_the_night):
    young, busy = upload(ROWS), upload(ROWS)
    ImportRun.objects.filter(pk=busy.pk).update(state=ImportRun.State.APPLYING)
    age(busy)

    tick_of_the_night()

    assert set(ImportRun.objects.values_list("pk", flat=True)) == {young.pk, busy.pk}
    assert files(folder) == [".csv", ".csv"]


def test_the_default_is_half_a_year():
    assert (KINDS["imports"].default_days, KINDS["imports"].minimum_days) == (180, 7)


@pytest.mark.parametrize("named", ["chosen", "other", "nowhere"])
def test_erasing_reaches_the_workbook_beside_the_file_on_each_of_its_sheets(planner, admin, folder, settings, tmp_path, named):  # fmt: skip
    settings.ERASURE_LOG = tmp_path / "erasures.jsonl"
    zenobia = PersonFactory(name="Zenobia Quillfeather", given_name="Zenobia", family_name="Quillfeather")
    ContactPointFactory(person=zenobia, value="zenobia@example.org")
    rows = [["Name", "Note"], *[["Bob", ""]] * 5]

    def fill(made):
        table(rows + [["Zenobia Quillfeather", ""]] * (named == "chosen"))(made)
        table([["Notes"], ["by zenobia@example.org"] if named == "other" else ["x"]], "Notes")(made)

    run = upload_book(book(fill), planner)
    kept = upload_book(book(table(rows)), planner)

    erasing.erase_now(erasing.request_erasure(person=zenobia, reason="request", actor=admin))

    run.refresh_from_db()
    gone = named != "nowhere"
    assert (run.state, bool(run.file)) == (("cancelled", False) if gone else ("uploaded", True))
    assert files(folder) == sorted([".book", ".csv"] * (1 if gone else 2))
    kept.refresh_from_db()
    assert kept.state == "uploaded"


def test_a_file_of_text_has_no_workbook_to_look_through(planner, folder):
    run = services.upload_import(file=csv_file(ROWS), actor=planner)

    assert services.book_mentions(run, ["Ada Banda"]) is False
