"""A mailing's life over the API: written, looked at, approved by another's token, sent, stopped."""

import pytest

from campaigns.delivery.models import DeliveryChunk
from campaigns.mailings.models import Mailing
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import (
    ConstituencyFactory,
    DriveFactory,
    MailingFactory,
    SegmentFactory,
    SenderFactory,
    TopicFactory,
    TransportFactory,
)


@pytest.fixture
def ready(api, editor):  # type: ignore[no-untyped-def]
    """(client of the editor, uid of a draft that is complete)"""
    TransportFactory(is_default=True)
    client = api(editor)
    made = client.post(
        "/mailings",
        {
            "name": "News", "drive": str(DriveFactory().uid), "segment": str(SegmentFactory().uid),
            "sender": str(SenderFactory().uid), "topic": str(TopicFactory().uid), "language": "en",
        },
    ).json()  # fmt: skip
    client("PUT", f"/mailings/{made['uid']}/variants/en", {"subject": "Hello", "body_html": "<p>Dear {{ person.name }},</p>"}, status=200)  # fmt: skip
    return client, made["uid"]


def state(client, uid: str) -> str:  # type: ignore[no-untyped-def]
    return str(client.get(f"/mailings/{uid}").json()["state"])


def test_written_approved_by_another_and_sent(ready, api, approver) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    boss = api(approver, "approve")
    path = f"/mailings/{uid}"

    editor.post(f"{path}/ask-review", status=200)
    looked_at = boss.get(f"{path}/pre-flight").json()
    editor.post(f"{path}/approve", {"content_hash": looked_at["content_hash"], "audience_count": 0}, status=403)
    approved = boss.post(f"{path}/approve", {"content_hash": looked_at["content_hash"], "audience_count": looked_at["will_get"]}, status=200).json()  # fmt: skip
    sending = editor.post(f"{path}/send", status=200).json()
    again = editor.post(f"{path}/send", status=200).json()
    stopped = editor.post(f"{path}/stop", status=200).json()

    assert looked_at["total"] == looked_at["will_get"] + sum(looked_at["reasons"].values())
    assert (approved["state"], approved["approved_by"]) == ("approved", str(approver.uid))
    assert (sending["state"], again["stop_until"]) == ("scheduled", sending["stop_until"])
    assert (stopped["state"], stopped["allowed"]) == ("approved", ["schedule", "send", "cancel"])


def test_wrong_state_says_what_can_be_done(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready

    for verb in ("send", "resume", "schedule", "withdraw-review"):
        response = editor("POST", f"/mailings/{uid}/{verb}", {})
        if verb == "withdraw-review":  # that is where it is already
            assert response.status_code == 200
            continue
        problem = response.json()
        assert (response.status_code, problem["code"]) == (409, "wrong_state"), verb
        assert (problem["state"], problem["allowed"]) == ("draft", ["ask-review", "cancel"])
    assert editor.get(f"/mailings/{uid}/report", status=409).json()["code"] == "not_frozen"
    assert state(editor, uid) == "draft"


def test_approval_of_something_else_is_refused(ready, api, approver) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    editor.post(f"/mailings/{uid}/ask-review", status=200)
    boss = api(approver)
    hash_then = boss.get(f"/mailings/{uid}/pre-flight").json()["content_hash"]

    Mailing.objects.filter(uid=uid).update(layout="bulletin")
    problem = boss.post(f"/mailings/{uid}/approve", {"content_hash": hash_then, "audience_count": 0}, status=409).json()

    assert problem["code"] == "content_changed"
    assert state(editor, uid) == "in_review"


def test_change_after_approval_makes_it_a_draft_again(ready, api, approver) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    editor.post(f"/mailings/{uid}/ask-review", status=200)
    boss = api(approver)
    looked_at = boss.get(f"/mailings/{uid}/pre-flight").json()
    boss.post(f"/mailings/{uid}/approve", {"content_hash": looked_at["content_hash"], "audience_count": 0}, status=200)

    changed = editor.patch(f"/mailings/{uid}", {"contact_guard_days": 7}).json()

    assert (changed["state"], changed["approved_by"], changed["contact_guard_days"]) == ("draft", None, 7)
    assert "must be approved again" in changed["state_reason"]


def test_who_gets_copies_is_a_code(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    ConstituencyFactory(code="DON")

    assert editor.patch(f"/mailings/{uid}", {"copies_to": "DON"}).json()["copies_to"] == "DON"
    found = editor.get(f"/mailings/{uid}/pre-flight").json()
    assert (found["copies"], found["uncopied"]) == ({}, {})
    editor.patch(f"/mailings/{uid}", {"copies_to": "NONE"}, status=422)
    assert editor.patch(f"/mailings/{uid}", {"copies_to": None}).json()["copies_to"] is None


def test_how_letters_are_numbered_is_written_and_read(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    path = f"/mailings/{uid}"

    written = editor.patch(path, {"reference_pattern": " GC/{year}/{mailing:04}/{seq} "}).json()

    assert written["reference_pattern"] == "GC/{year}/{mailing:04}/{seq}"
    assert [row["reference_pattern"] for row in editor.get("/mailings").json()["data"]] == [written["reference_pattern"]]  # fmt: skip
    copy = editor.post(f"{path}/duplicate", {"name": "Again"}).json()
    assert copy["reference_pattern"] == written["reference_pattern"]
    emptied = editor.patch(path, {"reference_pattern": ""}).json()
    assert (emptied["reference_pattern"], emptied["version"]) == ("", written["version"] + 1)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("GC/{year}/{seq}", "needs {mailing}"),
        ("{seq}/{mailing}", "ends with {seq}"),
        ("{mailing}{seq}", "sign such as"),
        ("{day}/{mailing}/{seq}", "unknown here"),
        ("GC/{mailing/{seq}", "Braces"),
        ("G" * 81, "80"),
    ],
)
def test_pattern_that_the_editor_refuses_is_refused(ready, pattern: str, why: str) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready

    problem = editor.patch(f"/mailings/{uid}", {"reference_pattern": pattern}, status=422).json()

    assert why in problem["fields"]["reference_pattern"][0]
    assert editor.get(f"/mailings/{uid}").json()["reference_pattern"] == ""


def test_pattern_is_given_with_a_new_mailing_and_the_senders_is_told(ready) -> None:  # type: ignore[no-untyped-def]
    editor, _uid = ready
    sender = SenderFactory(reference_pattern="S/{mailing}/{seq}")
    new = {"name": "Letter", "drive": str(DriveFactory().uid), "reference_pattern": "M/{mailing}/{seq}"}

    assert editor.post("/mailings", new).json()["reference_pattern"] == "M/{mailing}/{seq}"
    told = {row["uid"]: row["reference_pattern"] for row in editor.get("/senders").json()["data"]}
    assert told[str(sender.uid)] == "S/{mailing}/{seq}"


def test_two_editors_do_not_overwrite_each_other(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    etag = editor.get(f"/mailings/{uid}").headers["ETag"]
    editor("PUT", f"/mailings/{uid}/variants/fr", {"subject": "Bonjour"}, status=200, If_Match=etag)

    editor("PUT", f"/mailings/{uid}/variants/fr", {"subject": "Salut"}, status=412, If_Match=etag)

    body = editor.get(f"/mailings/{uid}").json()
    assert [(row["language"], row["subject"]) for row in body["variants"]] == [("en", "Hello"), ("fr", "Bonjour")]
    assert body["languages"] == ["en", "fr"]
    assert editor.delete(f"/mailings/{uid}/variants/fr", status=200).json()["languages"] == ["en"]
    assert editor.delete(f"/mailings/{uid}/variants/en", status=409).json()["code"] == "last_variant"


def test_template_that_would_be_refused_is_not_saved(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready

    problem = editor(
        "PUT", f"/mailings/{uid}/variants/en", {"body_html": "{% for x in y %}{% endfor %}"}, status=422
    ).json()

    assert problem["fields"]["body_html"]
    assert editor.get(f"/mailings/{uid}").json()["variants"][0]["body_html"] == "<p>Dear {{ person.name }},</p>"


def test_time_is_local_with_its_zone(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready

    body = editor.patch(f"/mailings/{uid}", {"send_local": "2099-07-01T09:00", "send_zone": "Europe/Paris"}).json()

    assert (body["send_local"], body["send_at"]) == ("2099-07-01T09:00:00", "2099-07-01T07:00:00Z")
    editor.patch(f"/mailings/{uid}", {"send_local": "2099-07-01T09:00Z"}, status=422)
    editor.patch(f"/mailings/{uid}", {"send_zone": "Mars"}, status=422)
    assert editor.patch(f"/mailings/{uid}", {"send_local": None}).json()["send_at"] is None


def test_hours_of_recipients_are_written_and_read(ready) -> None:  # type: ignore[no-untyped-def]
    editor, uid = ready
    rules = {"sends_local": True, "send_local": "2040-06-05T09:00", "hours_from": "08:00", "hours_until": "18:00", "skips_weekends": True, "skips_holidays": True}  # fmt: skip

    body = editor.patch(f"/mailings/{uid}", rules).json()

    assert {name: body[name] for name in rules} == {**rules, "send_local": "2040-06-05T09:00:00"}
    assert body["waiting"] == []
    refused = editor.patch(f"/mailings/{uid}", {"hours_until": "07:00"}, status=422).json()
    assert "before they end" in refused["detail"]
    assert editor.get(f"/mailings/{uid}").json()["hours_until"] == "18:00"
    assert editor.get(f"/mailings/{uid}/pre-flight").json()["arrivals"] == []  # nobody is in its segment


def test_sent_mailing_has_a_report_that_adds_up(api, viewer) -> None:  # type: ignore[no-untyped-def]
    mailing = sent_mailing()
    for outcome in ("accepted", "accepted", "failed", "skipped"):
        delivery(mailing, state=outcome, country_code="ZM", constituency_code="GOV")
    DeliveryChunk.objects.create(mailing_id=mailing.pk, first_seq=1, last_seq=4, due_at=mailing.frozen_at, is_done=True)

    report = api(viewer).get(f"/mailings/{mailing.uid}/report").json()

    assert report["audience"] == sum(report["outcomes"].values()) == 4
    assert (report["outcomes"]["accepted"], report["skipped"]) == (2, {"no_permission": 1})
    assert report["countries"][0]["code"] == "ZM"


def test_paused_resumed_cancelled(api, planner) -> None:  # type: ignore[no-untyped-def]
    mailing, client = MailingFactory(state="sending"), api(planner)
    path = f"/mailings/{mailing.uid}"

    assert client.post(f"{path}/pause", {"reason": "a typo"}, status=200).json()["state_reason"] == "a typo"
    assert client.post(f"{path}/resume", status=200).json()["state"] == "sending"
    assert client.post(f"{path}/cancel", status=200).json()["allowed"] == []
    assert client.post(f"{path}/duplicate", {"name": "Second try"}).json()["state"] == "draft"


@pytest.mark.parametrize("scopes", [("mailings",), ("send",), ("approve",)])
def test_scopes_are_apart(api, admin, scopes: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    mailing = MailingFactory()
    client = api(admin, *scopes)
    verbs = {"ask-review": "mailings", "send": "send", "approve": "approve"}

    for verb, scope in verbs.items():
        status = client("POST", f"/mailings/{mailing.uid}/{verb}", {}).status_code
        assert (status == 403) == (scope not in scopes), verb


def test_list_of_mailings_costs_the_same_for_one_and_three(api, viewer) -> None:  # type: ignore[no-untyped-def]
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counts = api(viewer), []
    for more in (1, 2):
        for _number in range(more):
            MailingFactory(languages=["en", "fr"])
        client.get("/mailings")
        with CaptureQueriesContext(connection) as captured:
            client.get("/mailings")
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 6
