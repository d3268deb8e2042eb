import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from contacts.consent.models import ConsentEvent
from contacts.directory.models import Person
from contacts.importing.models import ImportRun
from crm.audit.models import AuditEntry
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.contacts.importing.steps import apply, csv_file
from tests.factories import GrantFactory, TopicFactory, UserFactory

pytestmark = pytest.mark.django_db
HEAD = ["Name", "E-mail", "Organization", "Country", "Constituency"]
ADA = ["Ada Banda", "ada@example.org", "Ministry of Labour", "ZM", "GOV"]


@pytest.fixture
def client(planner, sign_in, folder):
    return sign_in(planner)


def url(name, run, *more):
    return reverse(name, args=[run.uid, *more])


def send(client, content, name="people.csv"):
    return client.post(reverse("import_new"), {"file": SimpleUploadedFile(name, content)})


def text(answer):
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()


def mapping(run, **values):
    return {**{f"column{index}": target for index, target in run.mapping.items()}, **values}


def test_list_is_empty_and_says_what_to_do(client):
    assert "Upload a CSV file or a workbook of people" in text(client.get(reverse("import_list")))


def test_list_takes_the_same_number_of_queries_for_one_and_for_three(
    client, planner, upload, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    upload([HEAD, ADA])
    client.get(reverse("import_list"))
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("import_list"))
    upload([HEAD, ADA])
    upload([HEAD, ADA])

    with django_assert_num_queries(len(one)):
        page = text(client.get(reverse("import_list")))
    assert page.count("people.csv") >= 3


def test_upload_leads_to_the_columns_with_samples(client):
    answer = send(client, "Nom;Courriel;E-mail\nÉlodie;e@example.org;f@example.org\n".encode("latin-1"))

    run = ImportRun.objects.get()
    assert answer["Location"] == url("import_detail", run)
    page = text(client.get(url("import_detail", run)))
    assert "Élodie" in page and "e@example.org" in page and "Begin the dry run" in page


def test_columns_of_one_name_are_shown_apart(client):
    send(client, b"Name,E-mail,E-mail\nAda,a@example.org,b@example.org\n")

    page = text(client.get(url("import_detail", ImportRun.objects.get())))

    assert "Some columns have the same name" in page
    assert "E-mail (column 2)" in page and "E-mail (column 3)" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b'Name,Note\nAda,x\nBob,"open\n', "opens in line 3 is never closed"),
        (b"PK\x03\x04....", "The file is damaged"),
        (b"Name,Note\n", "no rows below it"),
    ],
)
def test_a_bad_file_is_refused_on_the_form(client, content, words):
    answer = send(client, content)

    assert answer.status_code == 422
    assert words in text(answer)
    assert not ImportRun.objects.exists()


def test_no_file_is_said_on_the_form(client):
    assert "Choose a file first" in text(client.post(reverse("import_new"), {}))


def test_a_mapping_that_means_nothing_is_refused(client):
    send(client, b"Name,E-mail\nAda,a@example.org\n")
    run = ImportRun.objects.get()

    answer = client.post(url("import_columns", run), {"column1": "email", "overwrite": ""})

    assert answer.status_code == 422 and "No column names a person" in text(answer)
    run.refresh_from_db()
    assert run.state == "uploaded"


def test_the_format_can_be_changed(client):
    send(client, "Имя,Город\nАда,Москва\n".encode())
    run = ImportRun.objects.get()

    bad = client.post(url("import_format", run), {"encoding": "utf-16", "delimiter": ",", "has_header": "on"})
    good = client.post(url("import_format", run), {"encoding": "utf-8", "delimiter": "\t", "has_header": ""})

    assert bad.status_code == 422 and "not UTF-16 text" in text(bad)
    assert good.status_code == 302
    run.refresh_from_db()
    assert (run.delimiter, run.has_header, len(run.columns), run.options["rows"]) == ("\t", False, 1, 2)


def test_one_broken_byte_is_told_with_its_line_where_the_columns_are_set(client):
    whole = "Name,E-mail\nZoé Côte,zoe@example.org\nÈve Ñu,eve@example.org\n".encode()
    send(client, whole + b"Bob \xe9,bob@example.org\n")
    run = ImportRun.objects.get()

    page = text(client.get(url("import_columns", run)))

    assert run.encoding == "cp1252" and "Line 4 of the file is damaged" in page and "but for 1 line." in page
    client.post(url("import_format", run), {"encoding": "cp1251", "delimiter": ",", "has_header": "on"})
    assert "is damaged" not in text(client.get(url("import_columns", run)))
    run.delete()
    send(client, whole)
    assert "is damaged" not in text(client.get(url("import_columns", ImportRun.objects.get())))


@pytest.mark.django_db(transaction=True)
def test_the_whole_way_with_real_jobs(client, planner, a_country):
    topic = TopicFactory(name="News")
    send(
        client,
        b"Name,E-mail,Organization,Country,Constituency\nAda Banda,ada@example.org,Ministry,ZM,GOV\nBob,not an address,,,\n",
    )
    run = ImportRun.objects.get()

    client.post(url("import_columns", run), mapping(run, overwrite=""))
    run.refresh_from_db()
    assert run.state == "checking"
    assert "At work" in text(client.get(url("import_detail", run)))
    run_job(run.job_id)

    page = text(client.get(url("import_detail", run)))
    assert "Dry run" in page and "not an e-mail address" in page and "Import now" in page
    assert not Person.objects.exists()
    assert Job.objects.get(pk=run.job_id).state == "done"

    refused = client.post(
        url("import_apply", run), {"topic": str(topic.uid), "lawful_basis": "", "source": "", "evidence": ""}
    )
    assert refused.status_code == 422 and "Choose the lawful basis" in text(refused)
    answer = {"topic": str(topic.uid), "lawful_basis": "consent", "source": "Sign-up sheet", "evidence": "3 March"}
    client.post(url("import_apply", run), answer)
    client.post(url("import_apply", run), answer)
    run.refresh_from_db()
    run_job(run.job_id)
    run_job(run.job_id)

    run.refresh_from_db()
    job = Job.objects.get(pk=run.job_id)
    assert (run.state, job.state, job.error) == ("applied", "done", "")
    assert job.result == {"created": 1, "updated": 0, "unchanged": 0, "rejected": 1}
    ada = Person.objects.get()
    assert ConsentEvent.objects.get().subject_uid == ada.uid
    page = text(client.get(url("import_detail", run)))
    assert "Done: 1 new, 0 changed." in page and reverse("person_detail", args=[ada.uid]) in page
    assert client.get(url("import_columns", run)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_stopping_before_the_end_keeps_nothing(client, planner, a_country, monkeypatch):
    from contacts.importing import applying
    from crm.jobs.services import request_cancel

    send(client, b"Name,E-mail\nAda Banda,ada@example.org\n")
    run = ImportRun.objects.get()
    client.post(url("import_columns", run), mapping(run, overwrite=""))
    run.refresh_from_db()
    run_job(run.job_id)
    client.post(url("import_apply", run), {})
    run.refresh_from_db()
    job = Job.objects.get(pk=run.job_id)
    real = applying.execute

    def cancel_while_people_are_added(statements, values):
        count = real(statements, values)
        if applying.MAKE_PEOPLE in statements:
            import threading

            from django.db import connection

            def press_stop() -> None:
                request_cancel(job=job, actor=planner)
                connection.close()

            thread = threading.Thread(target=press_stop)
            thread.start()
            thread.join()
        return count

    monkeypatch.setattr(applying, "execute", cancel_while_people_are_added)
    run_job(job.pk)

    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not Person.objects.exists()
    assert "Dry run" in text(client.get(url("import_detail", run)))
    run.refresh_from_db()
    assert run.state == "checked"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_breaks_in_the_job_is_refused_with_the_line(client, planner, a_country):
    send(client, b"Name,E-mail\nAda Banda,ada@example.org\n")
    run = ImportRun.objects.get()
    client.post(url("import_columns", run), mapping(run, overwrite=""))
    run.refresh_from_db()
    with open(run.file.path, "ab") as file:
        file.write(b'Eve,"open\n')

    run_job(run.job_id)

    run.refresh_from_db()
    assert run.state == "refused" and "line 3" in run.error
    assert run.rows.count() == 0
    assert "line 3" in text(client.get(url("import_detail", run)))


def test_rejected_rows_come_as_a_file_with_formulas_neutralised(client, planner, upload):
    run = upload([[*HEAD], ADA, ["=1+1", "not an address", "", "", ""]])

    answer = client.get(url("import_rejected", run))

    lines = list(io.StringIO(text(answer), newline=""))
    assert lines[0].strip() == "\ufeffLine,Reason,Name,E-mail,Organization,Country,Constituency"
    assert lines[1].startswith("3,") and ",'=1+1,not an address," in lines[1]
    assert AuditEntry.objects.filter(verb="import.exported", actor=planner).count() == 1


def test_rows_of_an_outcome_link_to_the_people(client, planner, upload):
    run = apply(upload([HEAD, ADA]), planner)

    page = text(client.get(url("import_rows", run, "created")))

    assert reverse("person_detail", args=[Person.objects.get().uid]) in page
    assert client.get(url("import_rows", run, "nonsense")).status_code == 302


def test_discard_removes_it_from_the_list(client, planner, upload):
    run = upload([HEAD, ADA])

    client.post(url("import_discard", run))

    assert not ImportRun.objects.exists()
    assert client.get(url("import_detail", run)).status_code == 404


def test_an_import_of_another_is_not_found_by_who_is_limited(upload, sign_in, editor):
    run = upload([HEAD, ADA])
    limited = UserFactory()
    GrantFactory(user=limited, role="planner", is_everywhere=False, countries=["ZM"])

    names = ["import_detail", "import_columns", "import_rejected"]
    assert {sign_in(limited).get(url(name, run)).status_code for name in names} == {404}
    assert sign_in(limited).post(url("import_apply", run), {}).status_code == 404
    assert sign_in(editor).get(url("import_detail", run)).status_code == 403


def test_upload_posts_without_javascript_and_takes_a_spreadsheet_of_a_colleague(client):
    file = csv_file([["sep=;"], HEAD, ADA]).read().replace(b"sep=;\r\n", b"sep=,\r\n")

    assert send(client, file).status_code == 302
    assert ImportRun.objects.get().columns == HEAD
