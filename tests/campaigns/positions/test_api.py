"""/asks, /positions and /position-steps as a program sees them."""

from __future__ import annotations

import pytest

from campaigns.positions.models import Ask, PositionStep
from tests.factories import AskFactory, DriveFactory, OrganizationFactory, StepFactory

pytestmark = pytest.mark.django_db


def test_ask_is_added_changed_and_listed(api, planner):
    client, drive = api(planner), DriveFactory()

    made = client.post("/asks", {"drive": str(drive.uid), "name": "Ratify", "names": {"fr": "Ratifier"}}).json()
    changed = client.patch(f"/asks/{made['uid']}", {"done_when": "Deposited"}).json()

    assert (made["place"], changed["done_when"], changed["name"]) == (1, "Deposited", "Ratify")
    assert [row["uid"] for row in client.get(f"/asks?drive={drive.uid}").json()["data"]] == [made["uid"]]
    assert client.post("/asks", {"drive": str(drive.uid), "name": "ratify"}, status=422).json()["detail"]
    assert Ask.objects.count() == 1


def test_step_is_recorded_and_withdrawn_and_the_position_follows(api, outreach):
    client, organization, ask = api(outreach), OrganizationFactory(), AskFactory()
    body = {"organization": str(organization.uid), "ask": str(ask.uid), "stance": "champion", "on": "2026-10-01", "evidence_kind": "vote", "evidence": "Voted for it"}  # fmt: skip

    made = client.post("/position-steps", body).json()
    assert (made["stance"], made["recorded_by"], made["withdrawn_at"]) == ("champion", str(outreach.uid), None)
    [position] = client.get(f"/positions?ask={ask.uid}&stance=champion&country=zm").json()["data"]
    assert (position["step"], position["organization"]) == (made["uid"], str(organization.uid))

    gone = client.post(f"/position-steps/{made['uid']}/withdraw", {"why": "Another vote"}, status=200).json()
    assert gone["withdrawn_why"] == "Another vote"
    assert client.get("/positions").json()["data"] == []
    assert len(client.get("/position-steps?withdrawn=true").json()["data"]) == 1


def test_a_wrong_step_is_a_problem_by_field(api, outreach):
    client, organization, ask = api(outreach), OrganizationFactory(), AskFactory()
    body = {"organization": str(organization.uid), "ask": str(ask.uid), "stance": "keen", "on": "2026-10-01", "evidence_kind": "vote"}  # fmt: skip

    assert "stance" in client.post("/position-steps", body, status=422).json()["fields"]
    client.post("/position-steps", {**body, "stance": "neutral"}, status=422)
    assert not PositionStep.objects.exists()


def test_steps_cannot_be_changed_or_removed(api, planner):
    client, step = api(planner), StepFactory()

    client.patch(f"/position-steps/{step.uid}", {"stance": "opposed"}, status=405)
    client.delete(f"/position-steps/{step.uid}", status=405)


def test_power_is_said_again_and_forgotten(api, outreach):
    client, organization, drive = api(outreach), OrganizationFactory(), DriveFactory()
    said = {"organization": str(organization.uid), "campaign": str(drive.campaign.uid), "power": 4}

    first = client.post("/powers", said).json()
    second = client.post("/powers", {**said, "power": 5, "why": "It decides."}).json()
    client.post("/powers", {**said, "power": 6}, status=422)

    assert (first["uid"], second["power"]) == (second["uid"], 5)
    assert [row["why"] for row in client.get(f"/powers?campaign={drive.campaign.uid}").json()["data"]] == [
        "It decides."
    ]
    client.delete(f"/powers/{first['uid']}")
    assert client.get("/powers").json()["data"] == []


def test_what_moved_is_asked_for_by_day_and_direction(api, viewer):
    ask, up, down = AskFactory(), OrganizationFactory(), OrganizationFactory()
    for organization, stance, on in (
        (up, 3, "2026-06-01"), (up, 6, "2026-10-05"), (down, 6, "2026-06-02"), (down, 2, "2026-11-03"),
    ):  # fmt: skip
        StepFactory(ask=ask, organization=organization, stance=stance, on=on)
    client = api(viewer)

    def told(query: str) -> list[tuple[str, str | None, str]]:
        rows = client.get(f"/position-steps?sort=on&{query}").json()["data"]
        return [(row["organization"], row["previous"], row["stance"]) for row in rows]

    assert told("moved=up,down&since=2026-10-01") == [
        (str(up.uid), "unaware", "supportive"), (str(down.uid), "supportive", "sceptical"),
    ]  # fmt: skip
    assert told("moved=down") == [(str(down.uid), "supportive", "sceptical")]
    assert told("moved=first&until=2026-06-01") == [(str(up.uid), None, "unaware")]
    assert len(told("since=2026-06-02&until=2026-10-05")) == 2
    client.get("/position-steps?moved=away", status=400)
