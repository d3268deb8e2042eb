"""Delegations over the API: composed, asked for, named, decided and seen to as staff do; sent again without harm."""

import uuid
from datetime import timedelta

import pytest

from campaigns.delegations import deciding, letters
from campaigns.delegations.models import Composition, Delegation, DelegationMail, Nomination, Nominator
from tests.factories import (
    CompositionFactory,
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    DelegationFactory,
    EventFactory,
    GrantFactory,
    NominationFactory,
    NominatorFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_names_are_read_accepted_sent_back_and_withdrawn(api, planner, viewer):
    row = DelegationFactory()
    ada, ben, cy = (NominationFactory(delegation=row, name=name) for name in ("Ada", "Ben", "Cy"))
    person, client = PersonFactory(), api(planner)

    found = client.get(f"/event-nominations?delegation={row.uid}").json()["data"]
    assert {one["uid"] for one in found} == {str(one.uid) for one in (ada, ben, cy)} and "passport_name" not in found[0]
    api(viewer).post(f"/event-nominations/{ada.uid}/accept", {}, status=403)
    assert client.post(f"/event-nominations/{ada.uid}/accept", {"person": str(person.uid)}, status=200).json()[
        "person"
    ] == str(person.uid)
    client.post(f"/event-nominations/{ada.uid}/accept", {}, status=409)
    client.post(f"/event-nominations/{ben.uid}/send-back", {"reason": ""}, status=422)
    assert (
        client.post(f"/event-nominations/{ben.uid}/send-back", {"reason": "Full"}, status=200).json()["state"]
        == "returned"
    )
    assert client.post(f"/event-nominations/{cy.uid}/accept", {"add": True}, status=200).json()["person"]
    assert client.post(f"/event-nominations/{cy.uid}/withdraw", status=200).json()["state"] == "withdrawn"
    assert Nomination.objects.accepted().count() == 1
    [told] = client.get("/event-delegations?complete=false").json()["data"]
    assert {(one["constituency"], one["role"], one["taken"]) for one in told["seats"]} >= {("GOV", "delegate", 1)}


def composed(event, **more):
    day = str(event.starts_at.date() - timedelta(days=20))
    seats = [
        {"constituency": "GOV", "role": "delegate", "seats": 2},
        {"constituency": "EMP", "role": "adviser", "seats": 1},
    ]
    return {"event": str(event.uid), "nominate_by": day, "seats": seats, "countries": ["ZM", "NE"]} | more


@pytest.fixture
def sides():
    for code in ("GOV", "EMP", "WRK", "IGO"):
        ConstituencyFactory(code=code)
    for code in ("ZM", "NE"):
        CountryFactory(code=code)


def test_an_event_is_composed_once_and_changed_by_who_read_it(api, planner, viewer, sides):
    event, body = EventFactory(), OrganizationFactory(constituency__code="IGO")
    client, key = api(planner), {"Idempotency_Key": str(uuid.uuid4())}

    api(viewer).post("/event-compositions", composed(event), status=403)
    for wrong in (
        {"seats": [{"constituency": "GOV", "role": "king", "seats": 1}]},
        {"seats": composed(event)["seats"][:1] * 2},
        {"seats": composed(event)["seats"][1:]},
        {"countries": ["ZZ"]},
        {"nominate_by": "1999-12-31"},
        {"steps": [{"days_before": 400, "titles": {"en": "Visa"}}]},
        {"steps": [{"days_before": 4, "titles": {"xx": "Visa"}}]},
        {"steps": [{"days_before": 4, "titles": {}}]},
    ):
        client.post("/event-compositions", composed(event, **wrong), status=422)
    assert not Composition.objects.exists() and not Delegation.objects.exists()

    steps = [{"days_before": 30, "titles": {"en": "Visa", "fr": "Le visa"}, "paper": "visa"}]
    sent = composed(event, institutions=[str(body.uid)], steps=steps, letter_texts={"en": "Welcome"})
    made = client.post("/event-compositions", sent, **key)
    again = client.post("/event-compositions", sent, **key)
    assert made.json()["uid"] == again.json()["uid"] and again.headers["Idempotency-Replayed"] == "true"
    assert client.post("/event-compositions", sent, status=409).json()["code"] == "composed_already"
    told = client.get(made.headers["Location"]).json()
    assert (told["countries"], told["institutions"], told["officer"]) == (
        ["NE", "ZM"],
        [str(body.uid)],
        str(planner.uid),
    )
    assert told["steps"] == steps and told["letter_texts"] == {"en": "Welcome"}
    assert sorted((row["constituency"], row["role"], row["seats"]) for row in told["seats"]) == [
        ("EMP", "adviser", 1), ("GOV", "delegate", 2),
    ]  # fmt: skip

    seen = client.get(made.headers["Location"]).headers["ETag"]
    changed = client.patch(made.headers["Location"], {"countries": ["ZM"]}, If_Match=seen).json()
    assert (changed["countries"], changed["institutions"], changed["steps"]) == (["ZM"], [str(body.uid)], steps)
    client.patch(made.headers["Location"], {"countries": ["NE"]}, status=412, If_Match=seen)
    assert [row.country_id for row in Delegation.objects.taking_part().exclude(country=None)] == ["ZM"]
    event.archived_at = event.created_at
    event.save()
    client.patch(made.headers["Location"], {"asks_passport": True}, status=409)
    assert not Composition.objects.get().asks_passport


def test_who_takes_part_beyond_ones_reach_stays_whatever_is_sent(api, planner, sides, sign_in):
    event = EventFactory(drive__countries=["ZM", "NE"])
    made = api(planner).post("/event-compositions", composed(event)).json()
    ours = UserFactory()
    GrantFactory(user=ours, role="planner", is_everywhere=False, countries=["ZM"])
    client = api(ours)

    path = f"/event-compositions/{made['uid']}"
    assert client.get(path).json()["countries"] == ["ZM"]
    client.patch(path, {"countries": ["NE"]}, status=422)
    assert client.patch(path, {"countries": []}).json()["countries"] == []
    assert [row.country_id for row in Delegation.objects.taking_part()] == ["NE"]
    abroad = Delegation.objects.get(country="NE")
    client.patch(f"/event-delegations/{abroad.uid}", {"note": "Ours"}, status=404)
    client.post(
        "/event-nominations",
        {"delegation": str(abroad.uid), "constituency": "GOV", "role": "delegate", "name": "Ada"},
        status=422,
    )
    client.post(f"{path}/ask", {"delegations": [str(abroad.uid)]}, status=422)
    assert not Nomination.objects.exists()


def test_a_delegation_has_seats_of_its_own_and_follows_the_event_again(api, planner, sides):
    event = EventFactory()
    client = api(planner)
    client.post(
        "/event-compositions", composed(event, institutions=[str(OrganizationFactory(constituency__code="EMP").uid)])
    )
    row, other = Delegation.objects.get(country="ZM"), Delegation.objects.exclude(organization=None).get()
    path = f"/event-delegations/{row.uid}"

    def seats(body):
        return {(one["constituency"], one["role"], one["seats"], one["is_own"]) for one in body["seats"]}

    own = client.patch(
        path, {"seats": [{"constituency": "WRK", "role": "delegate", "seats": 3}], "language": "fr"}
    ).json()
    assert seats(own) == {("WRK", "delegate", 3, True), ("GOV", "delegate", 0, True), ("EMP", "adviser", 0, True)}
    assert (own["language"], own["note"]) == ("fr", "")
    seen = client.get(path).headers["ETag"]
    back = client.patch(path, {"seats": None, "note": "As the others"}, If_Match=seen).json()
    assert {one for one in seats(back) if one[2]} == {("GOV", "delegate", 2, False), ("EMP", "adviser", 1, False)}
    client.patch(path, {"note": "Late"}, status=412, If_Match=seen)
    institution = client.patch(f"/event-delegations/{other.uid}", {"seats": None}).json()
    assert seats(institution) == {("EMP", "adviser", 1, False)}
    client.patch(path, {"language": "xx"}, status=422)
    assert client.get(path).json()["note"] == "As the others"


def test_who_names_is_found_asked_reminded_revoked_and_has_a_new_link(api, planner, viewer, sides, mailoutbox):
    row = DelegationFactory()
    ministry = OrganizationFactory(constituency__code="GOV", country=row.country)
    post = PostFactory(organization=ministry, name="Permanent Representative")
    ContactPointFactory(person=None, post=post, value="pr@mission.test")
    client, path = api(planner), f"/event-compositions/{row.event.composition.uid}"

    found = client.post(f"{path}/find-nominators", {"constituency": "GOV", "words": "Permanent"}, status=200).json()
    assert found == {"found": 1, "missing": []}
    nobody = client.post(f"{path}/find-nominators", {"constituency": "EMP"}, status=200).json()
    assert nobody == {"found": 0, "missing": [row.label]}
    [told] = client.get(f"/event-nominators?delegation={row.uid}&asked=false").json()["data"]
    assert (told["organization"], told["post"], told["email"]) == (str(ministry.uid), str(post.uid), "pr@mission.test")
    assert "link" not in told
    one = f"/event-nominators/{told['uid']}"
    api(viewer).get(f"{one}/link", status=403)
    before = client.get(f"{one}/link").json()["link"]
    assert client.client.get(before).status_code == 200

    assert client.post(f"{path}/ask", {}, status=200).json() == {"letters": 1}
    client.post(f"{one}/ask", status=409)
    assert letters.mail_due() == 1 and before in mailoutbox[0].body
    assert client.post(f"{one}/remind", status=200).json()["reminded_at"]
    assert client.post(f"{one}/renew", status=200).json()["edition"] == 2
    assert client.client.get(before).status_code == 410
    assert client.get(f"{one}/link").json()["link"] != before
    assert client.post(f"{one}/revoke", status=200).json()["revoked_at"]
    client.get(f"{one}/link", status=404)
    assert not DelegationMail.objects.filter(sent_at=None).exists()


def test_an_institution_is_let_name_people_only_where_there_is_a_seat_and_an_address(api, planner, sides):
    row, silent = DelegationFactory(), OrganizationFactory()
    client = api(planner)
    given = {"delegation": str(row.uid), "organization": str(silent.uid), "constituency": "GOV"}

    assert client.post("/event-nominators", given, status=422).json()["code"] == "no_address"
    known = given | {"email": "pr@mission.test"}
    client.post("/event-nominators", known | {"email": "not an address"}, status=422)
    assert (
        client.post("/event-nominators", known | {"constituency": "WRK"}, status=422).json()["code"] == "no_such_seat"
    )
    client.post("/event-nominators", known | {"post": str(PostFactory().uid)}, status=422)
    assert not Nominator.objects.exists()
    made = client.post("/event-nominators", known).json()
    assert (made["constituency"], made["email"], made["edition"]) == ("GOV", "pr@mission.test", 1)
    client.post("/event-nominators", known, status=409)
    client.post(f"/event-nominators/{made['uid']}/revoke", status=200)
    again = client.post("/event-nominators", known).json()
    assert (again["uid"], again["edition"], again["revoked_at"]) == (made["uid"], 2, None)


def test_somebody_is_named_corrected_replaced_and_only_who_is_sure_is_accepted_unseen(api, planner, sides):
    row, other = DelegationFactory(), DelegationFactory()
    client = api(planner)
    given = {
        "delegation": str(row.uid),
        "constituency": "GOV",
        "role": "delegate",
        "name": "Ada Banda",
        "email": "ada@people.test",
    }

    for wrong in ({"name": " "}, {"constituency": "WRK"}, {"email": "none"}, {"gender": "x"}, {"language": "xx"}):
        client.post("/event-nominations", given | wrong, status=422)
    client.post("/event-nominations", {"delegation": str(row.uid), "name": "Ada"}, status=422)
    assert not Nomination.objects.exists()
    made = client.post("/event-nominations", given | {"passport_name": "ADA M BANDA"}).json()
    assert (made["state"], made["nominator"], "passport_name" in made) == ("proposed", None, False)
    assert client.post("/event-nominations", given, status=409).json()["code"] == "named_already"

    path = f"/event-nominations/{made['uid']}"
    seen = client.get(path).headers["ETag"]
    assert client.patch(path, {"function": "Director"}, If_Match=seen).json()["function"] == "Director"
    client.patch(path, {"function": "Clerk"}, status=412, If_Match=seen)
    kept = Nomination.objects.get()
    assert (kept.name, kept.passport_name, kept.email) == ("Ada Banda", "ADA M BANDA", "ada@people.test")

    like = PersonFactory(name="Ada Banda", country=row.country)
    assert client.post(f"{path}/accept", {"if_sure": True}, status=409).json()["code"] == "not_sure"
    client.post(f"{path}/accept", {"if_sure": True, "add": True}, status=422)
    assert client.get(path).json()["state"] == "proposed"
    accepted = client.post(f"{path}/accept", {}, status=200).json()
    assert (accepted["state"], accepted["person"], bool(accepted["registration"])) == ("accepted", None, True)
    client.post(f"{path}/identify", {}, status=422)
    assert client.post(f"{path}/identify", {"person": str(like.uid)}, status=200).json()["person"] == str(like.uid)
    client.post(f"{path}/identify", {"add": True}, status=409)

    assert {one["kind"] for one in accepted["letters"]} == {"invitation", "visa"}
    letter = client.get(f"{path}/letter?kind=visa&language=fr")
    assert letter.headers["Content-Type"] == "application/pdf" and letter.content[:5] == b"%PDF-"
    client.get(f"{path}/letter?kind=love", status=400)
    page = client.client.get(client.get(f"{path}/link").json()["link"])
    assert page.status_code == 200 and "Ada Banda" in page.content.decode()

    instead = {"delegation": str(other.uid), "name": "Ben Phiri", "replaces": made["uid"]}
    client.post("/event-nominations", instead, status=422)  # of another delegation
    new = client.post("/event-nominations", instead | {"delegation": str(row.uid)}).json()
    assert (new["replaces"], new["constituency"], new["role"]) == (made["uid"], "GOV", "delegate")
    assert client.get(path).json()["state"] == "replaced"
    client.get(f"{path}/link", status=404)
    client.get(f"{path}/letter", status=404)
    assert [
        one["uid"] for one in client.get(f"/event-nominations?delegation={row.uid}&state=proposed").json()["data"]
    ] == [new["uid"]]


def test_steps_are_read_and_closed_once(api, planner, outreach, viewer):
    composition = CompositionFactory()
    composition.templates.create(titles={"en": "Visa"}, days_before=20, paper="visa")
    named = NominationFactory(delegation=DelegationFactory(event=composition.event))
    deciding.accept(nomination=named, actor=planner)

    [step] = api(viewer).get(f"/event-delegate-steps?event={composition.event.uid}&open=true").json()["data"]
    assert (step["titles"], step["paper"], step["done_at"]) == ({"en": "Visa"}, "visa", None)
    api(viewer).post(f"/event-delegate-steps/{step['uid']}/done", status=403)
    done = api(outreach).post(f"/event-delegate-steps/{step['uid']}/done", status=200).json()
    again = api(outreach).post(f"/event-delegate-steps/{step['uid']}/done", status=200).json()
    assert done["done_at"] and again["done_at"] == done["done_at"]
    assert api(viewer).get("/event-delegate-steps?open=true").json()["data"] == []


def test_lists_ask_as_often_for_three_as_for_one(api, planner, django_assert_max_num_queries):
    client, counts = api(planner), []
    for more in (1, 2):
        for _each in range(more):
            row = DelegationFactory()
            row.event.composition.templates.create(titles={"en": "Visa"}, days_before=20)
            NominatorFactory(delegation=row)
            deciding.accept(nomination=NominationFactory(delegation=row), actor=planner)
        found = []
        for name in ("compositions", "delegations", "nominators", "nominations", "delegate-steps"):
            client.get(f"/event-{name}")
            with django_assert_max_num_queries(15) as queries:
                client.get(f"/event-{name}")
            found.append(len(queries))
        counts.append(found)
    assert counts[0] == counts[1]
