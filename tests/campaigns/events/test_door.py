"""The door: notes of devices that were offline, taken once; badges; who walked in."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.events import checking
from campaigns.events.models import CheckIn, Registration
from contacts.directory.models import Person
from tests.factories import EventFactory, OrganizationFactory, RegistrationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(starts_at=timezone.now() - timedelta(hours=1), taken=2)


def send(client, event, *notes):
    return client.post(
        f"/events/{event.uid}/door/notes/", json.dumps({"notes": notes}), content_type="application/json"
    )


def note(seat=None, minutes=0, **more):
    at = timezone.now() - timedelta(minutes=minutes)
    return {"key": str(uuid.uuid4()), "at": at.isoformat(), **({"seat": str(seat.uid)} if seat else {}), **more}


def test_notes_are_taken_once_whatever_the_order(event, outreach, sign_in):
    ana, ben = RegistrationFactory(event=event, name="Ana"), RegistrationFactory(event=event, name="Ben")
    client = sign_in(outreach)
    came, mistake, again = note(ana, 30), note(ben, 20, out=True), note(ben, 25)
    walked = note(name="Walk In", organization="Press")

    for batch in ([came, mistake], [came, again, walked], [walked, came]):
        answer = send(client, event, *batch)
        assert answer.status_code == 200 and set(answer.json()["answers"].values()) == {"ok"}

    assert CheckIn.objects.count() == 4
    ana.refresh_from_db()
    ben.refresh_from_db()
    assert ana.came_at.isoformat() == came["at"] and ben.came_at is None  # the mistake was noted after it
    new = Registration.objects.get(role="walk_in")
    assert (new.name, new.of, new.state) == ("Walk In", "Press", "seat")
    assert [row["name"] for row in answer.json()["people"]] == ["Ana", "Ben", "Walk In"]
    assert set(event.registrations.missed()) == {ben}


def test_a_note_of_another_event_or_of_nobody_is_told(event, outreach, viewer, outsider, sign_in):
    elsewhere = RegistrationFactory()
    client = sign_in(outreach)

    stranger, nameless = note(elsewhere), note(name="  ")
    assert send(client, event, stranger, nameless).json()["answers"] == {
        stranger["key"]: "unknown",
        nameless["key"]: "no_name",
    }
    assert client.post(f"/events/{event.uid}/door/notes/", "{", content_type="application/json").status_code == 422
    # one that cannot be read is answered by itself, and keeps nobody beside it out
    good = note(name="Beside It")
    assert send(client, event, {"key": "x", "at": "never"}, good).json()["answers"] == {
        "x": "unreadable",
        good["key"]: "ok",
    }
    assert send(sign_in(viewer), event, note(name="A")).status_code == 403
    assert send(sign_in(outsider), event, note(name="A")).status_code in (403, 404)
    late = note(name="From tomorrow", minutes=-600)
    send(client, event, late)
    assert CheckIn.objects.latest("pk").at <= timezone.now()


def test_page_list_worker_and_badges(event, planner, sign_in):
    RegistrationFactory(event=event, name="Ana <b>", organization=OrganizationFactory(name="Ministry"))
    RegistrationFactory(event=event, name="Gone", state="gone", gone_at=timezone.now())
    client = sign_in(planner)

    page = client.get(f"/events/{event.uid}/door/")
    assert page.status_code == 200 and "Ana" not in page.content.decode()
    assert "camera=(self)" in page["Permissions-Policy"] and "microphone=()" in page["Permissions-Policy"]
    assert [row["name"] for row in client.get(f"/events/{event.uid}/door/list/").json()["people"]] == ["Ana <b>"]
    badges = client.get(f"/events/{event.uid}/badges.pdf")
    assert badges["Content-Type"] == "application/pdf" and badges.content.startswith(b"%PDF")
    worker = client.get("/events/door.js")
    assert worker["Content-Type"].startswith("text/javascript") and "Ana" not in worker.content.decode()


def test_who_came_unknown_gets_a_page_in_the_directory(event, planner, sign_in):
    place = OrganizationFactory()
    row = RegistrationFactory(event=event, name="Dele Gate", email="dele@gov.test", role="delegate", organization=place)
    known = RegistrationFactory(event=event, person=Person.objects.create(name="Known", sort_key="known"))

    sign_in(planner).post(f"/events/{event.uid}/adopt/", {"pick": [str(row.uid), str(known.uid)]})

    row.refresh_from_db()
    assert row.person.name == "Dele Gate" and row.person.memberships.get().organization == place
    assert row.person.contact_points.get().value == "dele@gov.test"
    assert checking.adopt(registration=row, actor=planner) is None
