"""The screens and the API of commitments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.commitments.models import Commitment, CommitmentUpdate
from crm.ui.today import needs_of, waiting_for
from tests.factories import AskFactory, CommitmentFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


def test_recorded_followed_and_settled_on_the_screen(sign_in, outreach, planner, viewer):
    ask, organization = AskFactory(), OrganizationFactory(name="Ministry")
    client, create = sign_in(outreach), reverse("commitment_create", args=[organization.uid])
    data = {"text": "Publish the draft", "due_on": "2027-06-30", "made_on": "2026-10-01", "ask": str(ask.uid), "owner": str(outreach.uid), "key": str(client.get(create).context["form"]["key"].value())}  # fmt: skip

    assert sign_in(viewer).post(create, data).status_code == 403
    assert client.post(create, {**data, "ask": "", "drive": ""}).status_code == 422
    for _ in range(2):
        assert client.post(create, data).status_code == 302
    row = Commitment.objects.get()
    assert (row.drive, row.owner, row.recorded_by) == (ask.drive, outreach, outreach)

    page = reverse("commitment_detail", args=[row.uid])
    client.post(reverse("milestone_create", args=[row.uid]), {"text": "A draft", "due_on": "2027-01-31"})
    milestone = row.milestones.get()
    client.post(reverse("milestone_done", args=[milestone.uid]))
    client.post(reverse("commitment_word", args=[row.uid]), {"progress": "on_track", "text": "The director called"})
    shown = client.get(page).content.decode()
    assert "The director called" in shown and "Publish the draft" in shown and "Make the link" in shown
    client.post(reverse("link_make", args=[row.uid]))
    assert "/promise/" in client.get(page).content.decode()
    assert "/promise/" not in sign_in(viewer).get(page).content.decode()

    assert client.post(reverse("commitment_settle", args=[row.uid]), {"state": "kept"}).status_code == 422
    client.post(reverse("commitment_settle", args=[row.uid]), {"state": "kept", "outcome": "In the gazette"})
    assert "somebody else verifies it" in client.get(page).content.decode()
    assert client.post(reverse("commitment_verify", args=[row.uid])).status_code == 403
    sign_in(planner).post(reverse("commitment_verify", args=[row.uid]))
    row.refresh_from_db()
    assert (row.state, row.verified_by) == ("kept", planner)
    detail = sign_in(viewer).get(reverse("organization_detail", args=[organization.uid])).content.decode()
    assert "Promise kept" in detail and reverse("organization_commitments", args=[organization.uid]) in detail


def test_list_is_narrowed_by_each_facet_and_is_a_file(sign_in, planner):
    today = timezone.localdate()
    red = CommitmentFactory(due_on=today - timedelta(days=1), owner=planner, text="Red one")
    green = CommitmentFactory(made_on=today, due_on=today + timedelta(days=200), text="Green one")
    client, url = sign_in(planner), reverse("commitment_list")

    def found(query: str) -> list[str]:
        return [row.text for row in client.get(f"{url}?{query}").context["table"].rows]

    assert found("") == ["Red one", "Green one"]
    assert (found("light=red"), found("light=green")) == (["Red one"], ["Green one"])
    assert (found("owner=me"), found("owner=none"), found("due=past"), found("due=later")) == (["Red one"], ["Green one"], ["Red one"], ["Green one"])  # fmt: skip
    assert found(f"drive={green.drive.uid}") == ["Green one"]
    assert (found("q=green"), found(f"q={red.organization.name.replace(' ', '+')}")) == (["Green one"], ["Red one"])
    assert found("public=yes") == []
    file = b"".join(client.get(f"{url}?export=csv").streaming_content).decode()
    assert "Red one" in file and "is not settled" in file
    own = client.get(reverse("drive_commitments", args=[red.drive.uid]))
    assert [row.text for row in own.context["table"].rows] == ["Red one"]


def test_today_says_what_is_due_what_came_and_what_waits_for_another(planner, outreach):
    today = timezone.localdate()
    late = CommitmentFactory(owner=planner, due_on=today - timedelta(days=3), organization__name="Ministry")
    CommitmentFactory(owner=outreach, due_on=today)
    CommitmentFactory(state="kept", settled_at=timezone.now(), outcome="x", settled_by=outreach)
    CommitmentUpdate.objects.create(commitment=late, progress="on_track", text="All well", received_at=timezone.now())

    counted = sum(rows if isinstance(rows, int) else rows.count() for rows in waiting_for(planner))
    titles = [need.title for need in needs_of(planner)]

    assert titles == [
        "Promise of Ministry",
        "Ministry says how its promise stands",
        "1 commitment waits to be verified",
    ]
    assert counted == 3


def test_pages_ask_as_much_for_one_row_as_for_three(sign_in, planner):
    first = CommitmentFactory(ask=AskFactory())
    client = sign_in(planner)
    urls = [
        reverse("commitment_list"), reverse("drive_commitments", args=[first.drive.uid]),
        reverse("organization_commitments", args=[first.organization.uid]), reverse("update_list"),
    ]  # fmt: skip

    def asked() -> list[int]:
        counts = []
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(connection) as found:
                client.get(url)
            counts.append(len(found))
        return counts

    CommitmentUpdate.objects.create(commitment=first, progress="late", received_at=timezone.now())
    first.milestones.create(text="m", due_on=first.due_on)
    before = asked()
    for _ in range(2):
        more = CommitmentFactory(drive=first.drive, organization=first.organization, owner=planner)
        more.milestones.create(text="m", due_on=more.due_on)
        CommitmentUpdate.objects.create(commitment=more, progress="late", received_at=timezone.now())

    after = asked()

    assert after == before
    assert max(after) <= 25


def test_api_records_settles_and_verifies(api, outreach, planner):
    client, organization, ask = api(outreach), OrganizationFactory(), AskFactory()
    body = {"organization": str(organization.uid), "drive": str(ask.drive.uid), "ask": str(ask.uid), "text": "A draft", "due_on": "2027-06-30"}  # fmt: skip

    made = client.post("/commitments", body).json()
    path = f"/commitments/{made['uid']}"
    [milestone] = client.post(f"{path}/milestones", {"text": "First", "due_on": "2027-01-01"}).json()["milestones"]
    done = client.post(f"{path}/done", {"milestone": milestone["uid"], "done_on": "2026-12-01"}, status=200).json()
    assert (made["light"], done["milestones"][0]["done_on"]) == ("green", "2026-12-01")
    assert client.patch(path, {"is_public": True}).json()["is_public"] is True

    client.post(f"{path}/settle", {"state": "kept"}, status=422)
    client.post(f"{path}/settle", {"state": "kept", "outcome": "Published"}, status=200)
    client.post(f"{path}/verify", status=403)
    assert api(planner).post(f"{path}/verify", status=200).json()["verified_by"] == str(planner.uid)
    assert [row["uid"] for row in client.get("/commitments?light=kept&verified=true").json()["data"]] == [made["uid"]]
