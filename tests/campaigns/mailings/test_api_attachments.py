"""Attachments over the API: read by the approver, attached and taken off by the editor, with the screen's refusals."""

import hashlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.mailings.attaching import MAX_FILES
from campaigns.mailings.editing import duplicate
from campaigns.mailings.models import Attachment, Mailing
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.campaigns.files.making import PDF
from tests.crm.api.client import BASE, Api
from tests.factories import GrantFactory, MailingFactory, UserFactory, VariantFactory

pytestmark = pytest.mark.django_db
NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def media(folder) -> Any:  # type: ignore[no-untyped-def]
    return folder


@pytest.fixture
def mailing() -> Mailing:
    return MailingFactory()


def send(client: Api, mailing: Mailing, name: str = "plan.pdf", content: bytes = PDF, *, status: int = 201, headers: Any = None, **more: Any) -> Any:  # fmt: skip
    """POST one file; `more` are other fields of the form."""
    body = {"file": SimpleUploadedFile(name, content), **more}
    response = client.client.post(f"{BASE}/mailings/{mailing.uid}/attachments", body, headers=headers)
    assert response.status_code == status, response.content
    return response


def listed(client: Api, mailing: Mailing) -> list[dict[str, Any]]:
    return list(client.get(f"/mailings/{mailing.uid}/attachments").json()["data"])


def test_approver_reads_what_the_editor_attached(mailing, api, editor, approver) -> None:  # type: ignore[no-untyped-def]
    made = send(api(editor), mailing)
    boss = api(approver)

    [row] = listed(boss, mailing)
    file = boss.get(f"/mailings/{mailing.uid}/attachments/{row['uid']}/content")

    assert (row["name"], row["media_type"], row["size"], row["language"]) == (
        "plan.pdf",
        "application/pdf",
        len(PDF),
        "",
    )
    assert row["sha256"] == hashlib.sha256(PDF).hexdigest() == hashlib.sha256(file.content).hexdigest()
    assert (row["added_by"], row["added_at"] is not None) == (str(editor.uid), True)
    assert made.headers["Location"] == f"{BASE}/mailings/{mailing.uid}/attachments/{row['uid']}/content"
    assert made.json()["attachments"] == [row] == boss.get(f"/mailings/{mailing.uid}").json()["attachments"]
    assert (file.headers["Content-Type"], file.headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")  # fmt: skip
    assert 'filename="plan.pdf"' in file.headers["Content-Disposition"]


def test_attaching_counts_the_version_and_ends_an_approval(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    Mailing.objects.filter(pk=mailing.pk).update(state="in_review")
    client, version = api(editor), mailing.content_version

    changed = send(client, mailing).json()
    left = client.delete(f"/mailings/{mailing.uid}/attachments/{changed['attachments'][0]['uid']}", status=200).json()

    assert (changed["version"], changed["state"]) == (version + 1, "draft")
    assert "must be approved again" in changed["state_reason"]
    assert (left["version"], left["attachments"]) == (version + 2, [])


def test_two_editors_do_not_attach_over_each_other(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client = api(editor)
    etag = client.get(f"/mailings/{mailing.uid}").headers["ETag"]

    made = send(client, mailing, headers={"If-Match": etag})
    send(client, mailing, "other.pdf", status=412, headers={"If-Match": etag})
    path = f"/mailings/{mailing.uid}/attachments/{made.json()['attachments'][0]['uid']}"
    client.delete(path, status=412, If_Match=etag)
    assert [row["name"] for row in listed(client, mailing)] == ["plan.pdf"]

    client.delete(path, status=200, If_Match=made.headers["ETag"])
    assert listed(client, mailing) == []
    client.delete(path, status=404)


def test_sent_again_with_its_key_it_is_attached_once(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client, key = api(editor), {"Idempotency-Key": "plan-1"}

    first = send(client, mailing, headers=key)
    again = send(client, mailing, headers=key)
    other = send(client, mailing, "other.pdf", status=422, headers=key)

    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json(), again.headers["Location"]) == (first.json(), first.headers["Location"])
    assert other.json()["code"] == "idempotency_key_reused"
    assert mailing.attachments.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("plan.exe", b"MZ\x90\x00", 422, "file_refused"),
        ("plan.docx", PDF, 422, "file_refused"),
        ("empty.pdf", b"", 422, "file_refused"),
        ("large.txt", b"x" * 2001, 422, "too_large"),
        ("there.txt", b"Yes.", 409, "attached"),
    ],
)
def test_what_the_screen_refuses_is_refused(mailing, api, editor, settings, name, content, status, code) -> None:  # type: ignore[no-untyped-def]
    settings.ATTACHMENT_MAX_BYTES = 2000
    client = api(editor)
    send(client, mailing, "there.txt", b"Yes.")

    problem = send(client, mailing, name, content, status=status).json()

    assert (problem["code"], bool(problem["detail"])) == (code, True)
    assert [row["name"] for row in listed(client, mailing)] == ["there.txt"]


def test_ten_files_at_most_and_their_sum_has_a_limit(mailing, api, editor, settings) -> None:  # type: ignore[no-untyped-def]
    settings.ATTACHMENTS_MAX_BYTES = 100
    client = api(editor)
    for number in range(MAX_FILES - 1):
        send(client, mailing, f"{number}.txt", b"0123456789")

    assert send(client, mailing, "sum.txt", b"0123456789!", status=422).json()["code"] == "too_large"
    send(client, mailing, "tenth.txt", b"0123456789")
    assert send(client, mailing, "eleventh.txt", b"1", status=422).json()["code"] == "too_many"
    assert len(listed(client, mailing)) == MAX_FILES


def test_form_without_a_file_or_with_two_is_refused(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client, path = api(editor), f"/mailings/{mailing.uid}/attachments"

    assert client.post(path, {}, status=422).json()["fields"]["file"]
    two = [SimpleUploadedFile("a.txt", b"A"), SimpleUploadedFile("b.txt", b"B")]
    assert send(client, mailing, file=two, status=422).json()["code"] == "several_files"
    assert send(client, mailing, comment="x", status=422).json()["code"] == "unknown_field"
    assert listed(client, mailing) == []


def test_file_of_one_language(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    VariantFactory(mailing=mailing, language="fr", position=2)
    client = api(editor)

    send(client, mailing, language="fr")

    assert send(client, mailing, "b.pdf", language="es", status=422).json()["code"] == "no_variant"
    assert "language" in send(client, mailing, "b.pdf", language="xx", status=422).json()["fields"]
    assert [(row["name"], row["language"]) for row in listed(client, mailing)] == [("plan.pdf", "fr")]


def test_what_is_over_is_not_changed_and_says_so(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client = api(editor)
    uid = send(client, mailing).json()["attachments"][0]["uid"]
    Mailing.objects.filter(pk=mailing.pk).update(state="cancelled")

    attached = send(client, mailing, "b.pdf", status=409).json()
    detached = client.delete(f"/mailings/{mailing.uid}/attachments/{uid}", status=409).json()

    for problem in (attached, detached):
        assert (problem["code"], problem["state"], problem["allowed"]) == ("wrong_state", "cancelled", [])
    assert [row["uid"] for row in listed(client, mailing)] == [uid]


def test_taking_off_is_undone_in_the_history(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client = api(editor)
    row = send(client, mailing).json()["attachments"][0]
    client.delete(f"/mailings/{mailing.uid}/attachments/{row['uid']}", status=200)

    undo(entry=AuditEntry.objects.filter(verb="mailing.edited").latest("pk"), actor=editor)

    [back] = listed(client, mailing)
    assert (back["name"], back["sha256"], back["added_by"]) == (row["name"], row["sha256"], str(editor.uid))
    assert back["added_at"] > row["added_at"]


def test_files_of_a_duplicate_came_with_who_made_it(mailing, api, editor, planner) -> None:  # type: ignore[no-untyped-def]
    send(api(editor), mailing)
    mailing.refresh_from_db()

    [row] = listed(api(editor), duplicate(mailing=mailing, actor=planner, name="Again"))

    assert row["added_by"] == str(planner.uid)


def test_reader_and_narrow_token_write_nothing(mailing, api, editor, viewer) -> None:  # type: ignore[no-untyped-def]
    uid = send(api(editor), mailing).json()["attachments"][0]["uid"]

    for client in (api(viewer), api(editor, "send")):
        send(client, mailing, "b.pdf", status=403)
        client.delete(f"/mailings/{mailing.uid}/attachments/{uid}", status=403)
        client.get(f"/mailings/{mailing.uid}/attachments/{uid}/content")
    assert mailing.attachments.count() == 1


def test_attachment_of_another_mailing_is_not_found_under_this_one(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    """Out of reach or not: it is found below its own mailing only, and that one by who may see it."""
    away, own = MailingFactory(), MailingFactory(drive=mailing.drive)
    for other in (away, own):
        send(api(editor), other)
    limited = UserFactory()
    GrantFactory(user=limited, role="editor", is_everywhere=False, campaigns=[mailing.drive.campaign.uid])
    client = api(limited)

    for other in (away, own):
        path = f"/mailings/{mailing.uid}/attachments/{other.attachments.get().uid}"
        client.get(f"{path}/content", status=404)
        client.delete(path, status=404)
    client.get(f"/mailings/{away.uid}/attachments", status=404)
    client.get(f"/mailings/{away.uid}/attachments/{away.attachments.get().uid}/content", status=404)
    send(client, away, "b.pdf", status=404)
    client.get(f"/mailings/{own.uid}/attachments/{own.attachments.get().uid}/content")
    client.get(f"/mailings/{own.uid}/attachments/{NOWHERE}/content", status=404)
    assert Attachment.objects.count() == 2


def test_list_costs_the_same_for_one_and_three(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client, counts = api(editor), []
    for names in (["a.txt"], ["b.txt", "c.txt"]):
        for name in names:
            send(client, mailing, name, name.encode())
        with CaptureQueriesContext(connection) as captured:
            listed(client, mailing)
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 9


def test_pages_of_attachments_follow_their_order(mailing, api, editor) -> None:  # type: ignore[no-untyped-def]
    client = api(editor)
    for name in ("b.txt", "a.txt", "c.txt"):
        send(client, mailing, name, name.encode())

    first = client.get(f"/mailings/{mailing.uid}/attachments?limit=2").json()
    rest = client.get(first["next"]).json()

    assert [row["name"] for row in first["data"] + rest["data"]] == ["b.txt", "a.txt", "c.txt"]
    assert rest["next"] is None
