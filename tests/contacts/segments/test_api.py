"""Segments and lists over the API."""

import pytest

from contacts.segments.models import ContactList, Segment
from tests.factories import ContactListFactory, OrganizationFactory, PersonFactory, SegmentFactory

TREE = {"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": ["SN"]}]}
BROKEN = {"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": ["Senegal"]}]}


def test_segment_is_saved_counted_read_and_changed(api, planner) -> None:  # type: ignore[no-untyped-def]
    person, client = PersonFactory(country__code="SN"), api(planner)
    PersonFactory(country__code="ZM")

    made = client.post("/segments", {"name": "Senegal", "tree": TREE}).json()
    path = f"/segments/{made['uid']}"

    assert client.post("/segments/count", {"tree": TREE}, status=200).json() == {
        "count": 1,
        "sentence": "People in Senegal.",
    }
    assert client.get(f"{path}/count").json()["count"] == 1
    assert [row["uid"] for row in client.get(f"{path}/members").json()["data"]] == [str(person.uid)]
    etag = client.get(path).headers["ETag"]
    changed = client.patch(path, {"name": "In Senegal"}, If_Match=etag).json()
    assert (changed["name"], changed["version"], changed["tree"]) == ("In Senegal", 2, TREE)
    client.patch(path, {"name": "Late"}, If_Match=etag, status=412)
    client.delete(path)
    assert client.get("/segments").json()["data"] == []


@pytest.mark.parametrize("path", ["/segments", "/segments/count"])
def test_mistake_is_told_at_its_place(api, planner, path: str) -> None:  # type: ignore[no-untyped-def]
    body = {"tree": BROKEN} | ({"name": "x"} if path == "/segments" else {})

    problem = api(planner).post(path, body, status=422).json()

    assert (problem["code"], list(problem["fields"])) == ("bad_rules", ["tree.rules.0"])
    assert not Segment.objects.exists()


def test_outreach_changes_their_own_segments_only(api, outreach, planner) -> None:  # type: ignore[no-untyped-def]
    own, other = SegmentFactory(owner=outreach), SegmentFactory(owner=planner)
    client = api(outreach)

    client.patch(f"/segments/{own.uid}", {"name": "Mine"})
    client.patch(f"/segments/{other.uid}", {"name": "Mine too"}, status=403)
    client.get(f"/segments/{other.uid}")


def test_fields_and_their_choices(api, viewer) -> None:  # type: ignore[no-untyped-def]
    client = api(viewer)

    fields = {field["code"]: field for field in client.get("/segment-fields").json()["data"]}

    assert {operator["code"] for operator in fields["country"]["operators"]} == {"any_of", "none_of"}
    assert client.get("/segment-fields/choices?field=country&q=senegal").json()["data"][0]["value"] == "SN"
    client.get("/segment-fields/choices?field=nonsense", status=400)


def test_list_by_hand(api, planner) -> None:  # type: ignore[no-untyped-def]
    one, two, client = PersonFactory(), PersonFactory(), api(planner)
    made = client.post("/lists", {"name": "Speakers"}).json()
    path = f"/lists/{made['uid']}"

    added = client.post(f"{path}/members", {"add": [str(one.uid), str(two.uid)]}, status=200).json()
    again = client.post(f"{path}/members", {"add": [str(one.uid)], "remove": [str(two.uid)]}, status=200).json()
    refused = client.post(f"{path}/members", {"add": [str(one.uid), made["uid"]]}, status=422).json()

    assert (added["added"], again) == (2, {"added": 0, "removed": 1, "version": 3})
    assert (refused["code"], refused["fields"]["add"]) == ("unknown_members", [made["uid"]])
    assert [row["uid"] for row in client.get(f"{path}/members").json()["data"]] == [str(one.uid)]
    assert client.patch(path, {"name": "All speakers"}).json()["name"] == "All speakers"
    client.delete(path)
    assert ContactList.objects.get().archived_at


def test_list_and_segment_of_organizations(api, planner) -> None:  # type: ignore[no-untyped-def]
    row, client = OrganizationFactory(country__code="SN"), api(planner)
    segment = SegmentFactory(selects="organizations", tree=TREE)
    contact_list = ContactListFactory(selects="organizations")

    assert client.get(f"/segments/{segment.uid}/members").json()["data"][0]["constituency"] == "GOV"
    client.post(f"/lists/{contact_list.uid}/members", {"add": [str(row.uid)]}, status=200)
    kept = client.post(f"/segments/{segment.uid}/to-list", None)
    assert client.get(f"/lists/{kept.json()['uid']}/members").json()["data"][0]["uid"] == str(row.uid)
