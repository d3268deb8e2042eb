"""People, institutions and their parts over the API, as the services see them."""

import json

import pytest
from django.db import connection
from django.db.models import Prefetch
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer

from contacts.directory.api import shown
from contacts.directory.api.serializers import OrganizationOut, PersonOut
from contacts.directory.models import ContactPoint, ExternalId, Membership, Organization, Person, Post, UidAlias
from contacts.directory.services import set_tags
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.factories import (
    ContactPointFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    SegmentFactory,
    UserFactory,
)


def names(response) -> list[str]:  # type: ignore[no-untyped-def]
    return [row["name"] for row in response.json()["data"]]


def test_person_is_added_with_address_place_tags_and_foreign_key(api, planner) -> None:  # type: ignore[no-untyped-def]
    post = PostFactory(name="Minister", organization__country__code="SN")

    made = api(planner).post(
        "/people",
        {
            "given_name": "Amina", "family_name": "Warsame", "language": "fr", "email": "Amina@Ministry.example",
            "post": str(post.uid), "tags": ["speaker"], "external_ids": {"erp": "P-1"},
        },
    )  # fmt: skip

    body, person = made.json(), Person.objects.get()
    assert made.headers["Location"] == f"/api/v1/people/{person.uid}"
    assert (body["name"], body["country"], body["tags"]) == ("Amina Warsame", "SN", ["speaker"])
    assert body["contact_points"][0]["value"] == "Amina@Ministry.example"
    assert body["memberships"][0]["post"] == {"uid": str(post.uid), "name": "Minister"}
    assert body["external_ids"] == {"erp": "P-1"}


def test_only_what_is_sent_changes(api, planner) -> None:  # type: ignore[no-untyped-def]
    person = PersonFactory(given_name="Amina", family_name="Warsame", note="kept", language="en")

    body = api(planner).patch(f"/people/{person.uid}", {"given_name": "Aminata", "language": "fr"}).json()

    assert (body["name"], body["note"], body["language"]) == ("Aminata Warsame", "kept", "fr")
    assert AuditEntry.objects.get(verb="person.edited").changes.count() == 3


def test_archived_people_are_shown_when_asked_for(api, planner) -> None:  # type: ignore[no-untyped-def]
    person, client = PersonFactory(), api(planner)

    client.delete(f"/people/{person.uid}")

    assert names(client.get("/people")) == []
    assert names(client.get("/people?archived=true")) == [person.name]


def test_uid_of_a_merged_person_leads_to_who_they_are_now(api, planner) -> None:  # type: ignore[no-untyped-def]
    old, person = "01890000-0000-7000-8000-000000000000", PersonFactory()
    UidAlias.objects.create(old_uid=old, new_uid=person.uid, object_type="person")

    client = api(planner)

    assert client.get(f"/people/{old}").json()["uid"] == str(person.uid)
    client.patch(f"/people/{old}", {"language": "fr"})
    person.refresh_from_db()
    assert person.language == "fr"


def test_filters_narrow_alone_and_together(api, planner) -> None:  # type: ignore[no-untyped-def]
    french = PersonFactory(family_name="Diouf", language="fr", country__code="SN")
    ContactPointFactory(person=french, value="diouf@people.test")
    place = OrganizationFactory(constituency__code="WRK", country__code="SN")
    MembershipFactory(person=french, organization=place)
    PersonFactory(family_name="Banda", language="en")
    segment = SegmentFactory(tree={"version": 1, "op": "all", "rules": [{"field": "constituency", "operator": "any_of", "value": ["WRK"]}]})  # fmt: skip
    client = api(planner)
    tree = json.dumps(segment.tree)

    for query in (
        "q=diouf", "country=SN,TD", "constituency=WRK", "language=fr", "email=DIOUF@people.test", f"segment={segment.uid}",
        f"organization={place.uid}", f"filter={tree}", "country=SN&language=fr", "email_state=active",
    ):  # fmt: skip
        assert names(client.get(f"/people?{query}")) == ["Ada Diouf"], query
    assert names(client.get("/people?country=SN&language=en")) == []
    assert len(names(client.get("/people?updated_since=2020-01-01T00:00:00Z"))) == 2
    assert names(client("POST", "/people/query", {"filter": segment.tree}, status=200)) == ["Ada Diouf"]


def test_mistake_in_rules_is_told_at_its_place(api, planner) -> None:  # type: ignore[no-untyped-def]
    tree = {
        "version": 1,
        "op": "all",
        "rules": [{"op": "any", "rules": [{"field": "nonsense", "operator": "is", "value": 1}]}],
    }

    problem = api(planner)("POST", "/people/query", {"filter": tree}, status=422).json()

    assert (problem["code"], list(problem["fields"])) == ("bad_rules", ["filter.rules.0.rules.0"])


def test_query_pages_by_its_cursor(api, planner) -> None:  # type: ignore[no-untyped-def]
    for number in range(3):
        PersonFactory(family_name=f"P{number}")
    body = {"filter": {"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": ["ZM"]}]}, "limit": 2}  # fmt: skip
    client = api(planner)

    first = client("POST", "/people/query", body, status=200).json()
    second = client("POST", "/people/query", {**body, "after": first["next_cursor"]}, status=200).json()

    assert [row["name"] for row in first["data"] + second["data"]] == ["Ada P0", "Ada P1", "Ada P2"]
    assert second["next_cursor"] is None


# --- many at once -------------------------------------------------------------------------------------------------
def test_upsert_adds_changes_and_leaves_alone(api, planner) -> None:  # type: ignore[no-untyped-def]
    known = PersonFactory(name="Amina", given_name="", family_name="", language="en")
    ContactPointFactory(person=known, value="amina@people.test")
    rows = [
        {"email": "AMINA@people.test", "language": "fr"},
        {"email": "new@people.test", "name": "Binta", "country": "SN"},
        {"email": "no address", "name": "Nobody"},
        {"email": "typo@people.test", "name": "Typo", "country": "Senegal"},
    ]
    client = api(planner)

    first = client.post("/people/upsert", {"match": "email", "rows": rows}, status=200).json()
    again = client.post("/people/upsert", {"match": "email", "rows": rows[:2]}, status=200).json()

    assert [row["status"] for row in first["results"]] == ["updated", "created", "failed", "failed"]
    assert first["results"][0]["uid"] == str(known.uid)
    assert (first["results"][2]["code"], list(first["results"][3]["fields"])) == ("no_key", ["country"])
    assert (again["unchanged"], again["created"], again["updated"]) == (2, 0, 0)
    assert sorted(Person.objects.values_list("name", flat=True)) == ["Amina", "Binta"]


def test_upsert_by_another_systems_key(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    rows = [{"name": "Amina", "external_ids": {"erp": "1"}}, {"name": "Twice", "external_ids": {"erp": "1"}}, {"name": "None"}]  # fmt: skip

    clash = client.post("/people/upsert", {"match": "erp", "rows": rows}, status=200).json()
    assert [row.get("code") for row in clash["results"]] == ["key_twice", "key_twice", "no_key"]

    client.post("/people/upsert", {"match": "erp", "rows": rows[:1]}, status=200)
    client.post(
        "/people/upsert", {"match": "erp", "rows": [{"name": "Amina W.", "external_ids": {"erp": "1"}}]}, status=200
    )

    assert list(Person.objects.values_list("name", flat=True)) == ["Amina W."]
    assert ExternalId.objects.get().person == Person.objects.get()


def test_upsert_does_not_reach_people_of_other_countries(api) -> None:  # type: ignore[no-untyped-def]
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    other = PersonFactory(country__code="TD", language="en")
    ContactPointFactory(person=other, value="other@people.test")
    rows = [{"email": "other@people.test", "language": "fr"}, {"email": "n@people.test", "name": "N"}, {"email": "m@people.test", "name": "M", "country": "TD"}]  # fmt: skip

    found = api(user).post("/people/upsert", {"match": "email", "rows": rows}, status=200).json()

    assert [row.get("code") for row in found["results"]] == ["not_allowed", "country_missing", "invalid"]
    other.refresh_from_db()
    assert other.language == "en"
    assert Person.objects.count() == 1


def test_key_of_another_system_leads_to_one_row_and_can_be_undone(api, planner) -> None:  # type: ignore[no-untyped-def]
    one, two = PersonFactory(), PersonFactory()
    client = api(planner)
    client.patch(f"/people/{one.uid}", {"external_ids": {"erp": "1", "web": "a"}})

    refused = client.patch(f"/people/{two.uid}", {"external_ids": {"erp": "1"}}, status=409)
    body = client.patch(f"/people/{one.uid}", {"external_ids": {"web": None}}).json()

    assert refused.json()["code"] == "external_id_taken"
    assert body["external_ids"] == {"erp": "1"}
    assert names(client.get("/people?external_id=erp:1")) == [one.name]
    undo(entry=AuditEntry.objects.filter(verb="person.external_ids_set").latest("pk"), actor=planner)
    assert sorted(one.external_ids.values_list("system", flat=True)) == ["erp", "web"]


def test_everybody_as_a_stream_is_logged(api, planner) -> None:  # type: ignore[no-untyped-def]
    for number in range(3):
        PersonFactory(country__code="SN" if number else "ZM")

    response = api(planner).get("/people/export?country=SN", Accept="application/x-ndjson")

    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert [line["country"] for line in lines] == ["SN", "SN"]
    assert AuditEntry.objects.get(verb="list.exported").door == "token"
    assert api(planner, "directory").get("/people/export", status=403).json()["needed_scopes"] == ["export"]


# --- institutions and parts ---------------------------------------------------------------------------------------
def test_organization_and_its_post_get_a_new_minister(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    before, after = PersonFactory(), PersonFactory()

    ministry = client.post("/organizations", {"name": "Ministry of Labour", "constituency": "GOV", "country": "SN", "email": "info@labour.example"}).json()  # fmt: skip
    post = client.post("/posts", {"organization": ministry["uid"], "name": "Minister", "is_head": True}).json()
    client.post("/memberships", {"person": str(before.uid), "post": post["uid"], "started_on": "2024-01-15"})
    new = client.post("/memberships", {"person": str(after.uid), "post": post["uid"], "started_on": "2026-03-01", "ends_previous": True}).json()  # fmt: skip

    assert ministry["contact_points"][0]["value"] == "info@labour.example"
    assert new["is_primary"] is True
    assert client.get(f"/people/{after.uid}").json()["country"] == "SN"
    past = client.get(f"/memberships?post={post['uid']}&current=false").json()["data"]
    assert [(row["person"]["uid"], row["ended_on"]) for row in past] == [(str(before.uid), "2026-02-28")]
    assert client.delete(f"/posts/{post['uid']}", status=409).json()["code"] == "post_held"
    client.post(f"/memberships/{new['uid']}/end", {"ended_on": "2026-04-01"}, status=200)
    assert client.post(f"/memberships/{new['uid']}/end", status=409).json()["code"] == "ended"
    client.delete(f"/posts/{post['uid']}")
    assert Post.objects.get().archived_at
    assert Membership.objects.count() == 2


def test_organization_is_changed_and_archived(api, planner) -> None:  # type: ignore[no-untyped-def]
    row, client = OrganizationFactory(), api(planner)

    body = client.patch(f"/organizations/{row.uid}", {"acronym": "ML", "countries_of_work": ["TD", "SN"], "tags": ["partner"]}).json()  # fmt: skip
    client.delete(f"/organizations/{row.uid}")

    assert (body["acronym"], body["countries_of_work"], body["tags"]) == ("ML", ["SN", "TD"], ["partner"])
    assert Organization.objects.get().archived_at
    client.patch(f"/organizations/{row.uid}", {"name": " "}, status=422)


def test_addresses_are_added_changed_and_taken_away(api, planner) -> None:  # type: ignore[no-untyped-def]
    person, client = PersonFactory(), api(planner)

    point = client.post("/contact-points", {"person": str(person.uid), "value": "a@people.test"}).json()
    assert client.post("/contact-points", {"person": str(person.uid), "value": "a@people.test"}, status=409).json()["code"] == "address_exists"  # fmt: skip
    client.post("/contact-points", {"value": "a@people.test"}, status=422)
    client.post("/contact-points", {"person": str(person.uid), "value": "no address"}, status=422)
    changed = client.patch(f"/contact-points/{point['uid']}", {"value": "b@people.test", "label": "work"}).json()
    assert (changed["value"], changed["label"], changed["person"]) == ("b@people.test", "work", str(person.uid))
    client.delete(f"/contact-points/{point['uid']}")

    assert not ContactPoint.objects.exists()


@pytest.mark.parametrize("path", ["/countries?limit=300", "/constituencies"])
def test_reference_is_there(api, viewer, path: str) -> None:  # type: ignore[no-untyped-def]
    codes = [row["code"] for row in api(viewer).get(path).json()["data"]]

    assert {"SN", "ZM"} <= set(codes) or {"GOV", "WRK"} <= set(codes)


def test_people_are_told_as_the_schema_says(db: None) -> None:
    """The representation that is written out for speed is the one that the fields give."""
    person = PersonFactory(family_name="Diouf", last_mailed_at="2026-11-01T12:00:00.123456Z", custom={"é": [1, None]})
    ContactPointFactory(person=person)
    MembershipFactory(person=person, post=PostFactory())
    MembershipFactory(person=person, is_primary=False, started_on=None, role="adviser")
    MembershipFactory(person=person, is_primary=False, ended_on="2025-12-31")
    set_tags(target=person, names=["b", "A"], actor=None)
    ExternalId.objects.create(system="z", key="2", person=person)
    ExternalId.objects.create(system="erp", key="1", person=person)
    PersonFactory()
    present = Membership.objects.current().order_by("-is_primary", "-started_on", "pk")
    rows = list(Person.objects.order_by("pk").prefetch_related(Prefetch("memberships", present, to_attr="present")))

    told = shown.people(rows)

    assert [len(row["memberships"]) for row in told] == [2, 0]
    assert JSONRenderer().render(told) == JSONRenderer().render(PersonOut(rows, many=True).data)


def test_organizations_are_told_as_the_schema_says(db: None) -> None:
    parent = OrganizationFactory()
    place = OrganizationFactory(
        parent=parent, names={"fr": "Ministère"}, countries_of_work=["SN", "ZM"], website="https://labour.example"
    )
    ContactPointFactory(person=None, organization=place)
    set_tags(target=place, names=["b", "A"], actor=None)
    ExternalId.objects.create(system="erp", key="1", organization=place)

    told = shown.organizations(shown.with_refs(Organization.objects.order_by("pk")))

    fields = OrganizationOut(Organization.objects.order_by("pk"), many=True).data
    assert JSONRenderer().render(told) == JSONRenderer().render(fields)
    assert told[1]["parent"] == str(parent.uid)


@pytest.mark.parametrize("path", ["/people", "/organizations"])
def test_page_takes_as_many_queries_for_one_as_for_three(api, planner, path: str) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    def add() -> None:
        person = PersonFactory()
        MembershipFactory(person=person, organization=OrganizationFactory(), post=PostFactory())
        ContactPointFactory(person=person)
        set_tags(target=person, names=["a"], actor=None)

    add()
    asked()
    with_one = asked()
    add()
    add()

    assert asked() == with_one
