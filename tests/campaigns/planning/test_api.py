"""A drive over the API: planned, begun from a template, looked at, reported; rounds, the queue, feeds and results beside it."""

import pytest
from django.utils import timezone

from campaigns.digest.building import digest_of
from campaigns.interactions.models import Party
from campaigns.mailings.fields import FIELDS as MERGE_FIELDS
from campaigns.rounds.models import CallLine, CallRound
from contacts.segments.registry import catalogue
from tests.factories import (
    AskFactory,
    CampaignFactory,
    CommitmentFactory,
    DriveFactory,
    GrantFactory,
    IndicatorFactory,
    MembershipFactory,
    OrganizationFactory,
    PeriodFactory,
    StepFactory,
)

pytestmark = pytest.mark.django_db


def test_a_drive_is_planned_begun_and_looked_at(api, planner, viewer):  # type: ignore[no-untyped-def]
    client, campaign = api(planner), CampaignFactory()
    OrganizationFactory(country__code="ZM")
    DriveFactory(countries=["TD"], constituencies=["EMP"])  # makes the other country and side
    body = {"campaign": str(campaign.uid), "name": "Farmers", "starts_on": "2027-01-11", "ends_on": "2027-12-18", "countries": ["ZM", "TD"], "constituencies": ["GOV", "EMP"]}  # fmt: skip

    made = client.post("/drives", body).json()
    at = f"/drives/{made['uid']}"
    begun = client.post(
        f"{at}/begin", {"template": "country-action-plan", "starts_on": "2027-01-11"}, status=200
    ).json()
    codes = [row["code"] for row in client.get("/drive-templates").json()["data"]]
    grid = client.get(f"{at}/grid").json()
    steps = client.get(f"{at}/worklist?limit=3").json()["steps"]
    weighed = client.patch(f"{at}/weights", {"need": 0, "silence": 5}).json()

    assert begun["activities"] > 10 and begun["objectives"]
    assert "country-action-plan" in codes
    assert sorted((cell["country"], cell["constituency"], cell["state"]) for cell in grid["cells"]) == [
        ("TD", "EMP", "nobody"), ("TD", "GOV", "nobody"), ("ZM", "EMP", "nobody"), ("ZM", "GOV", "closed"),
    ]  # fmt: skip
    assert (grid["institutions"], grid["reached"]) == (1, 0)
    assert len(steps) == 3 and steps[0]["why"] and steps[0]["next_step"]
    assert (weighed["need"], weighed["silence"]) == (0, 5)
    assert client.get(f"{at}/map?measure=reach").json()["unknown"] == 1
    assert client.get(f"{at}/report").json()["figures"][0]["definition"]
    assert client.get(f"/campaigns/{campaign.uid}/report?from=2026-01-01").json()["first_on"] == "2026-01-01"
    copied = client.post(f"{at}/copy", {"name": "Fishers", "countries": ["TD"], "starts_on": "2028-01-10"}).json()
    assert (copied["countries"], copied["starts_on"]) == (["TD"], "2028-01-10")
    new = f"/drives/{copied['uid']}"
    assert client.get(f"{at}/leftovers").json() == {"data": []}  # it is no copy
    client.patch(new, {"goal": "As agreed in Zambia on 3 May 2027: see https://old.example.org/plan"})
    left = client.get(f"{new}/leftovers").json()["data"]
    assert {(row["kind"], row["found"]) for row in left} == {
        ("date", "3 May 2027"), ("country", "Zambia"), ("link", "https://old.example.org/plan"),
    }  # fmt: skip
    kept = client.post(f"{new}/leftovers", {"key": left[0]["key"]}, status=200).json()["data"]
    assert [row["key"] for row in kept] == [row["key"] for row in left[1:]]
    client.post(f"{new}/leftovers", {"key": left[0]["key"]}, status=404)
    api(viewer).post(f"{new}/leftovers", {"key": left[1]["key"]}, status=403)
    assert client.patch(at, {"goal": "Half of them covered"}).json()["goal"] == "Half of them covered"
    client.get(f"{at}/grid?ask=x", status=400)
    client.get(f"{at}/map?measure=x", status=400)
    client.post(f"{at}/begin", {"template": "x", "starts_on": "2027-01-11"}, status=422)
    api(viewer).patch(f"{at}/weights", {"need": 1}, status=403)
    client.delete(at)


def test_results_are_measured_verified_and_frozen(api, planner, outreach):  # type: ignore[no-untyped-def]
    client, campaign = api(planner), CampaignFactory()
    result = client.post("/results", {"campaign": str(campaign.uid), "title": "Plans are adopted"}).json()
    periods = [{"starts_on": "2026-01-01", "ends_on": "2026-12-31", "target": 10}]
    made = client.post("/result-indicators", {"result": result["uid"], "title": "Countries", "periods": periods}).json()
    today = timezone.localdate().isoformat()
    values = {"period": made["periods"][0]["uid"], "value": 4, "on": today, "evidence": "Gazette 12.", "contribution": "We trained them."}  # fmt: skip
    actual = client.post("/actuals", values).json()

    client.post(f"/actuals/{actual['uid']}/verify", status=403)  # who wrote it down does not verify it
    verified = api(outreach).post(f"/actuals/{actual['uid']}/verify", status=200).json()
    frozen = client.post("/report-snapshots", {"campaign": str(campaign.uid), "title": "To donors"}).json()
    content = client.get(f"/report-snapshots/{frozen['uid']}/content").json()

    assert (verified["verified_by"], verified["value"]) == (str(outreach.uid), 4)
    assert content["is_intact"] is True and content["figures"]
    assert client.get(f"/report-snapshots/{frozen['uid']}/behind?figure=people").json() == {"figure": "people", "of": "people", "count": 0, "uids": []}  # fmt: skip
    client.get(f"/report-snapshots/{frozen['uid']}/behind?figure=x", status=400)
    assert client.post(f"/actuals/{actual['uid']}/withdraw", {"why": "Wrong year"}, status=200).json()["withdrawn_at"]
    other = PeriodFactory(indicator=IndicatorFactory()).indicator
    assert client.patch(f"/result-indicators/{other.uid}", {"unit": "laws"}).json()["unit"] == "laws"
    client.delete(f"/results/{result['uid']}")


def test_calls_are_taken_by_one_and_the_queue_and_feeds_are_ones_own(api, outreach):  # type: ignore[no-untyped-def]
    client = api(outreach)
    ministry = OrganizationFactory()

    round_ = CallRound.objects.create(name="Ministries", owner=outreach)
    line = CallLine.objects.create(round=round_, organization=ministry)

    claim = client.post(f"/call-rounds/{round_.uid}/claim", status=200).json()
    at = f"/call-lines/{line.uid}"
    client.post(f"{at}/outcome", {"token": claim["token"], "outcome": "call_back"}, status=422)
    done = client.post(f"{at}/outcome", {"token": claim["token"], "outcome": "reached", "text": "They will."}, status=200).json()  # fmt: skip

    assert (done["state"], done["outcome"]) == ("done", "reached")
    assert Party.objects.get(organization=ministry).is_two_way
    assert client.post(f"/call-rounds/{round_.uid}/claim", status=200).json()["line"] is None
    assert client.post(f"{at}/outcome", {"token": claim["token"], "outcome": "reached"}, status=409).json()["code"] == "claim_lost"  # fmt: skip
    assert client.get("/outreach-queue").json() == {"data": [], "more": 0}
    feed = client.post("/calendar-feeds", {}).json()
    renewed = client.post(f"/calendar-feeds/{feed['uid']}/renew", status=200).json()
    assert feed["url"] != renewed["url"]
    client.get(f"/calendar-feeds/{feed['uid']}", status=404)
    assert "@" in client.post("/dropped-mail/address", status=200).json()["address"]
    assert client.get("/dropped-mail").json()["data"] == []


def test_the_brief_of_an_institution_and_ones_week_are_told(api, outreach):  # type: ignore[no-untyped-def]
    ministry = OrganizationFactory(name="Ministry of Labour", country__code="TD")
    MembershipFactory(organization=ministry, person__name="Aicha Mahamat", person__pronunciation="eye-EE-sha")
    drive = DriveFactory(owner=outreach, countries=["TD"], constituencies=["GOV"], status="active")
    CommitmentFactory(organization=ministry, drive=drive, owner=outreach, due_on=timezone.localdate())
    StepFactory(organization=ministry, ask=AskFactory(drive=drive), stance=6)
    client = api(outreach)

    brief = client.get(f"/meeting-briefs/{ministry.uid}").json()
    week = client.get("/weekly-digest").json()

    assert (brief["name"], brief["people"][0]["said"], brief["asks"][0]["stance"]) == (
        "Ministry of Labour",
        "eye-EE-sha",
        "supportive",
    )
    assert brief["promises"][0]["text"].startswith("Publish draft")
    assert [section["code"] for section in week["sections"]] == ["moved", "cools", "due", "blind"]
    said = [line.words for section in digest_of(outreach).sections for line in section.lines]
    assert [line["words"] for section in week["sections"] for line in section["lines"]] == said and said
    elsewhere = GrantFactory(role="viewer", is_everywhere=False, countries=["ZM"]).user
    api(elsewhere).get(f"/meeting-briefs/{ministry.uid}", status=404)


def test_positions_promises_contacts_owner_and_touches_are_asked_for_and_written_into_mail() -> None:
    asked = set(catalogue())
    assert asked >= {"position", "commitment", "commitment_due", "two_way_contact", "institution_owner", "touches"}
    written = {
        "position.stance",
        "commitment.text",
        "commitment.due_on",
        "contact.last_on",
        "contact.touches",
        "owner.name",
    }
    assert set(MERGE_FIELDS) >= written
