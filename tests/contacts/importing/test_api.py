"""A file on its way into the directory, over the API."""

from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.directory.models import Person
from contacts.importing.models import ImportRun
from tests.contacts.importing.steps import apply, dry_run

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
