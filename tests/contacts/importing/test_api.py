"""A file on its way into the directory, over the API."""

from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.directory.models import Person
from contacts.importing.models import ImportRun
from crm.api.docs import build
from crm.audit.models import AuditEntry
from tests.contacts.importing.steps import apply, dry_run
from tests.contacts.importing.test_undo import undo

FILE = b"name,mail\nAmina,amina@people.test\nBinta,no address\n"


def upload(client, **headers: str):  # type: ignore[no-untyped-def]
    file = SimpleUploadedFile("people.csv", FILE, content_type="text/csv")
    return client.client.post("/api/v1/imports", {"file": file}, headers=headers)


def test_file_becomes_people_in_four_steps(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    made = upload(client).json()
    path = f"/imports/{made['uid']}"
    mapped = client.patch(path, {"mapping": {"0": "name", "1": "email"}, "country": "SN"}).json()
    job = client.post(f"{path}/check", status=202).json()
    run = ImportRun.objects.get()
    ImportRun.objects.update(state="mapped", job=None)
    dry_run(run, planner)
    checked = client.get(path).json()
    rows = client.get(f"{path}/rows").json()["data"]
    client.post(f"{path}/apply", {"lawful_basis": "consent"}, status=422)
    run.refresh_from_db()
    apply(run, planner)

    assert (made["columns"], made["state"], mapped["state"]) == (["name", "mail"], "uploaded", "mapped")
    assert client.get(f"/jobs/{job['uid']}").json()["object"] == made["uid"]
    assert (checked["state"], checked["counts"]["created"]) == ("checked", 1)
    assert [row["outcome"] for row in rows] == ["created", "rejected"]
    assert Person.objects.filter(country_id="SN").count() == 1
    assert client.post(f"{path}/check", status=409).json()["code"] == "wrong_state"
    client.delete(path)


def test_upload_that_is_sent_again_is_one_import(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    first, again = (upload(client, **{"Idempotency-Key": "file-1"}) for _ in range(2))

    assert (first.status_code, again.json()) == (201, first.json())
    assert ImportRun.objects.count() == 1


def test_mistakes_are_told(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    made = upload(client).json()

    assert client.post("/imports", {}, status=422).json()["fields"]["file"]
    assert client.patch(f"/imports/{made['uid']}", {"mapping": {"0": "nonsense"}}, status=422).json()["fields"]
    assert client.patch(f"/imports/{made['uid']}", {"mapping": {"1": "email"}}, status=422).json()["code"] == "no_name"
    assert client.post(f"/imports/{made['uid']}/apply", status=409).json()["code"] == "wrong_state"


def applied(client, planner):  # type: ignore[no-untyped-def]
    """An import of one person, one line rejected, applied; and its address."""
    path = f"/imports/{upload(client).json()['uid']}"
    client.patch(path, {"mapping": {"0": "name", "1": "email"}, "country": "SN"})
    run = ImportRun.objects.get()
    dry_run(run, planner)
    apply(run, planner)
    return run, path


def test_import_is_taken_back_and_what_was_kept_is_told(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    run, path = applied(client, planner)
    amina = Person.objects.get()
    client.patch(f"/people/{amina.uid}", {"language": "fr"})
    assert client.get(f"{path}/kept").json()["data"] == []

    job = client.post(f"{path}/undo", status=202).json()
    undo(run, planner)
    told = client.get(path).json()

    assert client.post(f"{path}/undo", status=202).json()["uid"] == job["uid"]
    assert told["state"] == "undone" and told["undone_at"]
    assert client.get(f"{path}/kept").json()["data"] == [
        {"kind": "person", "object": str(amina.uid), "name": "Amina", "field": "", "reason": "edited"}
    ]
    assert Person.objects.count() == 1


def test_import_that_changed_nothing_is_not_taken_back(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    path = f"/imports/{upload(client).json()['uid']}"

    assert client.post(f"{path}/undo", status=409).json()["code"] == "wrong_state"


def test_rows_of_one_outcome_and_the_rejected_ones_as_a_file(api, planner, viewer, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    run, path = applied(client, planner)

    found = client.get(f"{path}/rows?outcome=rejected").json()["data"]
    answer = client.get(f"{path}/rejected")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")

    assert [(row["line"], row["outcome"]) for row in found] == [(3, "rejected")]
    assert client.get(f"{path}/rows?outcome=created,rejected&count=exact").json()["count"] == 2
    assert client.get(f"{path}/rows?outcome=lost", status=400).json()["fields"]["outcome"]
    assert client.get(f"{path}/rows?state=mapped", status=400).json()["fields"]["state"]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert text.splitlines()[0] == "Line,Reason,name,mail" and "Binta,no address" in text.splitlines()[1]
    assert AuditEntry.objects.filter(verb="import.exported", object_uid=run.uid).count() == 1
    api(viewer).get(f"{path}/rejected", status=403)


def test_schema_offers_filters_where_they_are_taken() -> None:
    """Those of a collection are not those of a page below one of its rows."""
    paths = build()["paths"]

    def offered(path: str) -> set[str]:
        return {item["name"] for item in paths[f"/api/v1{path}"]["get"]["parameters"] if item["in"] == "query"}

    assert offered("/imports") == {"limit", "after", "sort", "count", "state"}
    assert offered("/imports/{uid}/rows") == {"limit", "after", "count", "outcome"}
    assert offered("/people/{uid}/consent-events") == {"limit", "after", "count"}
