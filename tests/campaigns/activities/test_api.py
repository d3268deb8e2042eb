"""/activities, /objectives, /team-members."""

import pytest

from campaigns.activities.models import Activity
from tests.factories import ActivityFactory, DriveFactory

pytestmark = pytest.mark.django_db


def test_a_plan_is_made_moved_and_taken_apart_over_the_api(api, planner, outreach):  # type: ignore[no-untyped-def]
    client, drive, other = api(planner), DriveFactory(), ActivityFactory()
    made = client.post("/activities", {"drive": str(drive.uid), "name": "Diagnosis", "starts_on": "2026-10-01", "due_on": "2026-10-05"}, status=201).json()  # fmt: skip
    body = {"drive": str(drive.uid), "name": "Training", "starts_on": "2026-10-03", "due_on": "2026-10-04", "depends_on": [made["uid"]]}  # fmt: skip

    assert client.post("/activities", body, status=409).json()["code"] == "order_broken"
    assert Activity.objects.filter(drive=drive).count() == 1
    early = client.post("/activities", {**body, "order": "leave", "owner": str(outreach.uid)}, status=201).json()
    assert (early["is_early"], early["depends_on"], early["state"]) == (True, [made["uid"]], "planned")
    moved = client.patch(f"/activities/{early['uid']}", {"starts_on": "2026-10-05", "due_on": "2026-10-06"}).json()
    assert (moved["is_early"], moved["is_held"]) == (False, True)
    assert (
        "depends_on.0" in client.patch(f"/activities/{made['uid']}", {"depends_on": ["x"]}, status=422).json()["fields"]
    )
    circle = client.patch(f"/activities/{made['uid']}", {"depends_on": [early["uid"]]}, status=422).json()
    assert circle["code"] == "circle"

    own = api(outreach)
    assert own.patch(f"/activities/{early['uid']}", {"state": "done"}).json()["state"] == "done"
    own.patch(f"/activities/{other.uid}", {"state": "done"}, status=403)
    own.patch(f"/activities/{early['uid']}", {"name": "Mine"}, status=403)
    assert [row["name"] for row in client.get(f"/activities?drive={drive.uid}&state=planned").json()["data"]] == [
        "Diagnosis"
    ]
    client.delete(f"/activities/{made['uid']}", status=204)
    client.get(f"/activities/{made['uid']}", status=404)


def test_objectives_and_teams_over_the_api(api, planner, outreach):  # type: ignore[no-untyped-def]
    client, drive = api(planner), DriveFactory()
    made = client.post("/objectives", {"drive": str(drive.uid), "name": "Plans", "target": 10, "due_on": "2026-12-01"}, status=201).json()  # fmt: skip

    changed = client.patch(f"/objectives/{made['uid']}", {"reached": 5, "reached_on": "2026-11-01"}).json()
    member = client.post("/team-members", {"drive": str(drive.uid), "user": str(outreach.uid), "role": "lead"}, status=201).json()  # fmt: skip

    assert (changed["done_share"], changed["reached"]) == (50, 5)
    client.post("/team-members", {"drive": str(drive.uid), "user": str(outreach.uid), "role": "lead"}, status=422)
    client.delete(f"/team-members/{member['uid']}", status=204)
    client.delete(f"/objectives/{made['uid']}", status=204)
    assert client.get(f"/objectives?drive={drive.uid}").json()["data"] == []
