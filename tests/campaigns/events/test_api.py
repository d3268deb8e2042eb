"""Events over the API: planned, changed, invited to, answered, checked in, called off; sent again without harm."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.events.models import CheckIn, Event, Invitation, Registration
from tests.factories import (
    DriveFactory,
    EventFactory,
    InvitationFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    RegistrationFactory,
    SignUpFactory,
)

pytestmark = pytest.mark.django_db


def planned(drive, **more):
    day = (timezone.now() + timedelta(days=40)).date()
    return {
        "drive": str(drive.uid), "name": "Training", "slug": "training", "kind": "training", "zone": "Africa/Nairobi", "place": "Nairobi",
        "starts_local": f"{day}T09:00", "ends_local": f"{day}T17:00", "capacity": 30, "quotas": {"GOV": 12}, "country": "KE",
        "abouts": {"en": "Figures"}, "is_public": True, "sign_ups": "open",
        "sessions": [{"title": "Opening", "starts_local": f"{day}T09:00", "ends_local": f"{day}T10:00", "place": "Hall"}],
    } | more  # fmt: skip


def test_an_event_is_planned_once_changed_by_who_read_it_and_called_off(api, planner, viewer):
    drive, client = DriveFactory(), api(planner)
    key = {"Idempotency_Key": str(uuid.uuid4())}

    first = client.post("/campaign-events", planned(drive), **key)
    again = client.post("/campaign-events", planned(drive), **key)

    made = first.json()
    assert again.json() == made and again.headers["Idempotency-Replayed"] == "true" and Event.objects.count() == 1
    row = Event.objects.get()
    assert row.starts_at == row.starts_local - timedelta(hours=3)  # Nairobi's clocks
    assert (made["quotas"], made["sessions"][0]["title"], made["sign_ups"]) == ({"GOV": 12}, "Opening", "open")
    path = f"/campaign-events/{made['uid']}"
    read = client.get(path)
    client.patch(path, {"place": "Mombasa"}, If_Match=read.headers["ETag"])
    client.patch(path, {"place": "Kisumu"}, If_Match=read.headers["ETag"], status=412)
    assert Event.objects.get().place == "Mombasa"
    for wrong in (
        {"zone": "Mars/Base"},
        {"quotas": {"XYZ": 1}},
        {"starts_local": "soon"},
        {"colour": "red"},
        {"place": "", "is_public": True},
    ):
        client.patch(path, wrong, status=422)
    client.post("/campaign-events", planned(drive), status=422)  # its address is taken
    api(viewer).post(f"{path}/cancel", status=403)
    api(planner, "mailings").post(f"{path}/cancel", status=403)
    assert client.post(f"{path}/cancel", status=200).json()["cancelled_at"]
    client.patch(path, {"place": "Elsewhere"}, status=409)


def test_people_are_invited_answer_and_are_checked_in_once(api, planner, outreach):
    event, client = EventFactory(capacity=1), api(planner)
    person, union = MembershipFactory(is_primary=True).person, OrganizationFactory()
    path = f"/campaign-events/{event.uid}"
    body = {"people": [str(person.uid)], "organizations": [str(union.uid)]}

    made = client.post(f"{path}/invite", body, status=200).json()
    assert (len(made["invited"]), made["known"]) == (2, 0)
    assert client.post(f"{path}/invite", body, status=200).json()["known"] == 2
    client.post(f"{path}/invite", {"people": [str(uuid.uuid4()), str(PersonFactory().uid)]}, status=422)
    assert Invitation.objects.count() == 2 and Invitation.objects.get(person=person).organization
    client = api(outreach)
    for uid in made["invited"]:
        client.post(f"/event-invitations/{uid}/answer", {"answer": "yes"}, status=200)
    client.post(f"/event-invitations/{uid}/answer", {"answer": "other"}, status=422)
    client.post(f"/event-invitations/{uid}/answer", {"answer": "yes", "guests": [{"name": "A"}]}, status=422)
    rows = client.get(f"/event-registrations?event={event.uid}").json()["data"]
    assert [row["state"] for row in rows] == ["seat", "waiting"]
    left = client.post(f"/event-registrations/{rows[0]['uid']}/leave", status=200).json()
    assert left["state"] == "gone" and Registration.objects.get(uid=rows[1]["uid"]).state == "seat"
    note = {"key": str(uuid.uuid4()), "at": timezone.now().isoformat(), "seat": rows[1]["uid"]}
    strange = {"key": str(uuid.uuid4()), "at": timezone.now().isoformat(), "seat": str(RegistrationFactory().uid)}
    for _turn in range(2):
        told = client.post(f"{path}/check-in", {"notes": [note, strange]}, status=200).json()["answers"]
        assert told == {note["key"]: "ok", strange["key"]: "unknown"}
    assert CheckIn.objects.count() == 1 and Registration.objects.get(uid=rows[1]["uid"]).came_at
    client.post(f"{path}/check-in", {"notes": [{"key": "x"}]}, status=422)


def test_sign_ups_are_decided(api, planner, outreach):
    event = EventFactory(sign_ups="staff", capacity=5)
    one, two, asked = (
        SignUpFactory(event=event),
        SignUpFactory(event=event),
        SignUpFactory(event=event, state="asked", confirmed_at=None),
    )
    client = api(planner)

    assert {row["uid"] for row in client.get(f"/event-sign-ups?event={event.uid}").json()["data"]} == {
        str(one.uid),
        str(two.uid),
    }
    client.get(f"/event-sign-ups/{asked.uid}", status=404)  # nobody confirmed that address
    api(outreach).post(f"/event-sign-ups/{one.uid}/accept", status=403)
    assert client.post(f"/event-sign-ups/{one.uid}/accept", status=200).json()["registration"]
    client.post(f"/event-sign-ups/{one.uid}/accept", status=409)
    assert (
        client.post(f"/event-sign-ups/{two.uid}/decline", {"reason": "Full"}, status=200).json()["state"] == "declined"
    )
    assert [row["uid"] for row in client.get("/event-sign-ups?decided=false").json()["data"]] == []


def test_lists_of_the_api_ask_as_often_for_three_as_for_one(api, planner, django_assert_max_num_queries):
    client, event = api(planner), EventFactory()
    for _each in range(3):
        InvitationFactory(event=event)
        EventFactory(drive=event.drive).sessions.create(
            title="S", starts_local=timezone.now(), ends_local=timezone.now() + timedelta(hours=1)
        )
    client.get("/campaign-events")
    with django_assert_max_num_queries(12):
        assert len(client.get("/campaign-events").json()["data"]) == 4
