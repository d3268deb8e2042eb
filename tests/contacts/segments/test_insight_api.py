"""One segment looked at over the API: why, sizes, versions, overlap; and described, archived, brought back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.segments.models import Segment, SegmentSize, SegmentVersion
from contacts.segments.services import create_segment, save_segment
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.contacts.segments.test_compiler import tree
from tests.factories import GrantFactory, OrganizationFactory, PersonFactory, SegmentFactory, UserFactory

FRENCH = {"field": "language", "operator": "any_of", "value": ["fr"]}
SENEGAL = {"field": "country", "operator": "any_of", "value": ["SN"]}
GONE = {"field": "gone", "operator": "any_of", "value": ["x"]}


@pytest.fixture
def in_zambia(db: None) -> Any:
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    return user


def test_why_answers_each_rule_with_the_value_that_decided(api, planner) -> None:  # type: ignore[no-untyped-def]
    person = PersonFactory(language="en", country__code="SN")
    inner = SegmentFactory(name="Senegal", tree=tree(SENEGAL))
    nested = {"field": "in_segment", "operator": "any_of", "value": [str(inner.uid)]}
    segment = SegmentFactory(tree=tree(nested, FRENCH))

    found = api(planner).get(f"/segments/{segment.uid}/why?person={person.uid}").json()

    assert (found["is_in"], found["answer"], found["is_active"]) == (False, "no", True)
    (root,) = found["reasons"]
    inside, french = root["rules"]
    assert (root["words"], root["answer"]) == ("All of these", "no")
    assert (inside["answer"], inside["is_segment"]) == ("yes", True)
    assert [(leaf["answer"], leaf["value"]) for leaf in inside["rules"][0]["rules"]] == [("yes", "Senegal")]
    assert (french["answer"], french["value"], french["rules"]) == ("no", "English", [])
    assert "<" not in french["words"] and "French" in french["words"]


def test_why_of_organizations_and_of_what_is_archived(api, planner) -> None:  # type: ignore[no-untyped-def]
    row = OrganizationFactory(country__code="SN")
    gone = OrganizationFactory(country__code="SN", archived_at="2026-01-01T00:00Z")
    path = f"/segments/{SegmentFactory(selects='organizations', tree=tree(SENEGAL)).uid}/why"
    client = api(planner)

    here, away = (client.get(f"{path}?organization={one.uid}").json() for one in (row, gone))

    assert (here["is_in"], here["answer"]) == (True, "yes")
    assert (away["is_in"], away["answer"], away["is_active"]) == (False, "yes", False)
    assert client.get(f"{path}?person={row.uid}", status=400).json()["fields"]["person"]
    assert client.get(path, status=400).json()["fields"]["organization"]
    assert client.get(f"{path}?organization=x", status=400).json()["fields"]["organization"]


def test_why_of_nobody_out_of_ones_countries(api, in_zambia) -> None:  # type: ignore[no-untyped-def]
    path, client = f"/segments/{SegmentFactory().uid}/why?person=", api(in_zambia)

    client.get(f"{path}{PersonFactory(country__code='ZM').uid}")
    away = client.get(f"{path}{PersonFactory(country__code='TD').uid}", status=400).json()
    nobody = client.get(f"{path}{SegmentFactory().uid}", status=400).json()

    assert away["fields"] == nobody["fields"]


def test_rules_that_became_unusable_are_told(api, planner) -> None:  # type: ignore[no-untyped-def]
    broken, other, client = SegmentFactory(tree=tree(GONE)), SegmentFactory(), api(planner)
    person = PersonFactory()

    assert client.get(f"/segments/{broken.uid}/why?person={person.uid}", status=422).json()["code"] == "bad_rules"
    assert client.get(f"/segments/{other.uid}/overlap?with={broken.uid}", status=422).json()["code"] == "bad_rules"


def test_sizes_the_latest_first_by_pages(api, viewer) -> None:  # type: ignore[no-untyped-def]
    segment = SegmentFactory()
    for day, number in [(1, 4), (2, 7), (4, 6)]:
        SegmentSize.objects.create(segment=segment, day=date(2026, 3, day), count=number, version=1)
    SegmentSize.objects.create(segment=SegmentFactory(), day=date(2026, 3, 3), count=99, version=1)
    client = api(viewer)

    first = client.get(f"/segments/{segment.uid}/sizes?limit=2&count=exact").json()
    rest = client.get(first["next"]).json()

    assert first["data"] == [
        {"day": "2026-03-04", "count": 6, "version": 1},
        {"day": "2026-03-02", "count": 7, "version": 1},
    ]
    assert (first["count"], [row["count"] for row in rest["data"]], rest["next"]) == (3, [4], None)


def versions_of(count: int, actor: Any) -> Segment:
    """A segment saved so many times, with two rules in turn."""
    segment = create_segment(name="One", tree=tree(FRENCH), actor=actor)
    for number in range(2, count + 1):
        segment = save_segment(
            segment=segment, expected_version=number - 1, tree=tree(FRENCH, SENEGAL) if number % 2 == 0 else tree(FRENCH), actor=actor,
        )  # fmt: skip
    return segment


def test_versions_say_what_came_and_went_across_pages(api, planner, viewer) -> None:  # type: ignore[no-untyped-def]
    segment, client = versions_of(3, planner), api(viewer)

    first = client.get(f"/segments/{segment.uid}/versions?limit=2").json()
    (oldest,) = client.get(first["next"]).json()["data"]
    latest, middle = first["data"]

    assert (latest["version"], latest["tree"], latest["saved_by"]) == (3, tree(FRENCH), str(planner.uid))
    assert (latest["changes"]["removed"], latest["changes"]["added"]) == (["in Senegal"], [])
    assert (middle["changes"]["added"], middle["changes"]["is_first"]) == (["in Senegal"], False)
    assert oldest["changes"] == {
        "is_first": True,
        "is_readable": True,
        "is_regrouped": False,
        "added": [],
        "removed": [],
    }
    assert oldest["sentence"].startswith("People") and "<" not in oldest["sentence"]


def test_versions_cost_as_many_queries_for_nine_as_for_three(api, planner) -> None:  # type: ignore[no-untyped-def]
    client, counted = api(planner), []
    paths = [f"/segments/{versions_of(number, planner).uid}/versions" for number in (3, 9)]
    client.get(paths[0])
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counted.append(len(queries))

    assert counted[0] == counted[1]


def test_overlap_is_within_ones_countries(api, planner, in_zambia) -> None:  # type: ignore[no-untyped-def]
    here, there = SegmentFactory(tree=tree(FRENCH)), SegmentFactory(tree=tree(SENEGAL))
    PersonFactory(language="fr", country__code="SN")
    PersonFactory(language="fr", country__code="ZM")
    PersonFactory(language="en", country__code="SN")
    path = f"/segments/{here.uid}/overlap"

    assert api(planner).get(f"{path}?with={there.uid}").json() == {"both": 1, "only_here": 1, "only_there": 1}
    assert api(in_zambia).get(f"{path}?with={there.uid}").json() == {"both": 0, "only_here": 1, "only_there": 0}
    for other in (here.uid, SegmentFactory(selects="organizations").uid, PersonFactory().uid, "", "x"):
        assert api(planner).get(f"{path}?with={other}", status=400).json()["fields"]["with"]


# --- described, archived, brought back ------------------------------------------------------------------------------
def test_description_is_changed_without_a_version_and_taken_back(api, planner) -> None:  # type: ignore[no-untyped-def]
    segment, client = create_segment(name="One", tree=tree(FRENCH), description="Before", actor=planner), api(planner)

    changed = client.patch(f"/segments/{segment.uid}", {"description": " For the forum "}).json()
    assert (changed["description"], changed["name"], changed["version"]) == ("For the forum", "One", 1)
    undo(entry=AuditEntry.objects.get(verb="segment.saved"), actor=planner)
    segment.refresh_from_db()
    assert (segment.description, segment.version) == ("Before", 1)

    both = client.patch(f"/segments/{segment.uid}", {"description": "", "tree": tree(SENEGAL)}).json()
    assert (both["description"], both["version"]) == ("", 2)
    undo(entry=AuditEntry.objects.filter(verb="segment.saved").latest("pk"), actor=planner)
    segment.refresh_from_db()
    assert (segment.description, segment.tree, segment.version) == ("Before", tree(FRENCH), 3)
    assert list(SegmentVersion.objects.order_by("version").values_list("version", flat=True)) == [1, 2, 3]


def test_rules_that_became_unusable_can_still_be_described(api, planner) -> None:  # type: ignore[no-untyped-def]
    broken, client = SegmentFactory(tree=tree(GONE)), api(planner)

    assert client.patch(f"/segments/{broken.uid}", {"description": "Mend me"}).json()["description"] == "Mend me"
    assert client.patch(f"/segments/{broken.uid}", {"name": "Mended"}, status=422).json()["code"] == "bad_rules"


def test_archived_segment_is_brought_back_once(api, planner, outreach) -> None:  # type: ignore[no-untyped-def]
    segment, client = SegmentFactory(owner=planner), api(planner)
    path = f"/segments/{segment.uid}"
    client.delete(path)
    client.delete(path, status=409)
    assert [row["uid"] for row in client.get("/segments?archived=true").json()["data"]] == [str(segment.uid)]

    api(outreach).post(f"{path}/bring-back", None, status=403)
    back = client.post(f"{path}/bring-back", None, status=200).json()

    assert (back["uid"], back["archived_at"], back["version"]) == (str(segment.uid), None, 1)
    assert [row["uid"] for row in client.get("/segments").json()["data"]] == [str(segment.uid)]
    client.post(f"{path}/bring-back", None, status=409)
    undo(entry=AuditEntry.objects.get(verb="segment.unarchived"), actor=planner)
    segment.refresh_from_db()
    assert segment.archived_at
