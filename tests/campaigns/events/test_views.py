"""Staff pages: planned by form, listed, looked at, written about; who may not."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.events import answering
from campaigns.events.answering import Human
from campaigns.events.models import Event, EventMailing, Invitation, Registration
from campaigns.events.services import edit_event
from campaigns.events.timeline import events
from campaigns.face.models import PublicPage
from campaigns.files.models import StoredFile
from campaigns.files.storage import store
from contacts.consent.erasure.registry import HOLDINGS
from crm.audit.services import undo
from crm.errors import Conflict
from tests.factories import (
    CountryFactory,
    DriveFactory,
    EventFactory,
    GrantFactory,
    InvitationFactory,
    RegistrationFactory,
    SegmentFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def form(drive, **values):
    day = (timezone.now() + timedelta(days=40)).date()
    return {
        "drive": str(drive.uid), "kind": "training", "name": "Training of actuaries", "slug": "actuaries", "zone": "Africa/Dakar",
        "starts_local": f"{day}T09:00", "ends_local": f"{day}T17:00", "place": "Dakar", "guests_each": "0", "capacity": "30",
        "quotas": "gov | 12\nWRK | 6", "sessions": f"{day} 09:00–10:30 Opening | Room A\n{day} 22:00-01:00 Night watch",
        "about_en": "Figures", "name_fr": "Formation", "is_public": "on", "allows_delegate": "on",
    } | values  # fmt: skip


def test_an_event_is_planned_shown_and_edited(planner, sign_in):
    drive, client = DriveFactory(), sign_in(planner)

    assert client.post("/events/new/", form(drive, zone="Mars/Base")).status_code == 422
    assert client.post("/events/new/", form(drive, quotas="XYZ | many")).status_code == 422
    assert client.post("/events/new/", form(drive, sessions="sometime")).status_code == 422
    assert not Event.objects.exists()
    assert client.post("/events/new/", form(drive)).status_code == 302

    event = Event.objects.get()
    assert event.starts_at == event.starts_local and event.sessions.count() == 2  # Dakar's clocks are UTC's
    assert dict(event.quotas.values_list("constituency__code", "seats")) == {"GOV": 12, "WRK": 6}
    page = client.get(f"/events/{event.uid}/").content.decode()
    assert "Training of actuaries" in page and "0 / 12" in page
    public = Client().get("/meet/actuaries/?lang=fr")
    assert public.status_code == 200 and "Formation" in public.content.decode() and "Set-Cookie" not in public.headers
    PublicPage.objects.create(campaign=drive.campaign, slug="about", headlines={"en": "All"}, is_public=True)
    assert "/meet/actuaries/" in Client().get("/about/about/").content.decode()
    assert "/meet/actuaries/" in Client().get("/sitemap.xml").content.decode()
    again = client.post(
        f"/events/{event.uid}/edit/", form(drive, name="Another name", seen_at=event.updated_at.isoformat())
    )
    assert again.status_code == 302 and Event.objects.get().name == "Another name"
    stale = client.post(f"/events/{event.uid}/edit/", form(drive, name="Third", seen_at=event.updated_at.isoformat()))
    assert stale.status_code == 422 and "Somebody changed this event" in stale.content.decode()


def test_lists_ask_as_often_for_three_as_for_one(planner, sign_in):
    client, event = sign_in(planner), EventFactory()
    numbers = []
    client.get("/events/")  # what a process asks once
    for more in (1, 2):
        for _each in range(more):
            EventFactory(drive=event.drive)
            invitation = InvitationFactory(event=event)
            RegistrationFactory(event=event, invitation=invitation, person=invitation.person)
        row = []
        for path in (
            "/events/",
            f"/events/{event.uid}/",
            f"/events/{event.uid}/?tab=people",
            reverse("drive_events", args=[event.drive.uid]),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            row.append(len(queries))
        numbers.append(row)
    assert numbers[0] == numbers[1] and max(numbers[0]) <= 25


def test_two_clicks_to_a_draft_for_those_who_came(editor, sign_in):
    event = EventFactory()
    topic = TopicFactory()
    client = sign_in(editor)

    assert client.get(f"/events/{event.uid}/write/came/").status_code == 200
    answer = client.post(f"/events/{event.uid}/write/came/", {"topic": str(topic.uid), "language": "fr"})
    row = EventMailing.objects.get()
    assert answer["Location"] == reverse("mailing_detail", args=[row.mailing.uid])
    assert (row.purpose, row.mailing.drive, row.mailing.variants.get().language) == ("came", event.drive, "fr")
    assert (
        client.post(f"/events/{event.uid}/write/invitation/", {"topic": str(topic.uid), "language": "fr"}).status_code
        == 422
    )
    segment = SegmentFactory()
    client.post(
        f"/events/{event.uid}/write/invitation/",
        {"topic": str(topic.uid), "language": "fr", "segment": str(segment.uid)},
    )
    assert EventMailing.objects.filter(purpose="invitation", mailing__segment=segment).count() == 1
    assert client.get(f"/events/{event.uid}/write/nonsense/").status_code == 404


def test_an_answer_by_phone_is_noted_and_who_may_not_does_not(outreach, viewer, sign_in):
    invitation = InvitationFactory()
    path = f"/events/invitations/{invitation.uid}/note/"
    elsewhere = GrantFactory(role="planner", is_everywhere=False, countries=["NO"]).user

    assert sign_in(viewer).post(path, {"says": "yes"}).status_code == 403
    assert sign_in(elsewhere).get(path).status_code == 404
    assert sign_in(outreach).post(path, {"says": "other", "delegate_name": "", "delegate_email": ""}).status_code == 422
    assert sign_in(outreach).post(path, {"says": "yes", "note": "On the phone"}).status_code == 302

    invitation.refresh_from_db()
    assert (invitation.answer, invitation.came_by, invitation.note) == ("yes", "staff", "On the phone")
    assert [entry.title for entry in events(invitation.person, outreach, None, 9)][0].startswith("Said yes to")
    assert Registration.objects.get().state == "seat"


def test_erasure_takes_seats_and_invitations_and_frees_the_seat(planner):
    event = EventFactory(capacity=1, taken=1)
    mine, other = (
        InvitationFactory(event=event, answer="yes", answered_at=timezone.now()),
        InvitationFactory(event=event),
    )
    RegistrationFactory(event=event, invitation=mine, person=mine.person)
    RegistrationFactory(event=event, invitation=other, person=other.person, state="waiting", seated_at=None)

    class Data:
        person_ids, hashes, needles = [mine.person.pk], [], []

    for name, part in HOLDINGS.items():
        if name in ("event_registrations", "event_invitations"):
            assert part.export(Data) and part.erase(Data) == 1

    assert list(Invitation.objects.all()) == [other] and Registration.objects.get().state == "seat"
    event.refresh_from_db()
    assert event.taken == 1


def test_who_was_sent_keeps_the_seat_when_the_one_who_was_invited_is_erased(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    event = EventFactory(capacity=5, guests_each=1)
    mine = InvitationFactory(event=event)
    with transaction.atomic():
        mine.files.create(file=store(b"a scan", media_type="application/pdf"))
    delegate = Human("Dele Gate", "dele@gov.test")
    answering.answer(invitation=mine, says="other", road="link", delegate=delegate, guests=[Human("Guest")])

    class Data:
        person_ids, hashes, needles = [mine.person.pk], [], []

    for name, part in HOLDINGS.items():
        if name.startswith("event_"):
            part.erase(Data)

    event.refresh_from_db()
    assert not Invitation.objects.exists() and not StoredFile.objects.exists()
    assert event.taken == event.registrations.seated().count() == 2


def test_grants_do_not_lend_each_other_their_reach(outsider):
    one, other = (EventFactory(drive=DriveFactory(countries=["ZM", "TD"])) for _ in range(2))
    for event, code in ((one, "ZM"), (other, "TD")):
        GrantFactory(user=outsider, is_everywhere=False, campaigns=[event.drive.campaign.uid], countries=[code])
    here, there = CountryFactory(code="ZM"), CountryFactory(code="TD")
    rows = {
        (event, country): InvitationFactory(event=event, person__country=country)
        for event in (one, other)
        for country in (here, there)
    }

    assert set(Invitation.objects.visible_to(outsider)) == {rows[one, here], rows[other, there]}


def test_an_edit_is_taken_back_but_not_what_people_were_told_of(planner):
    event = EventFactory(name="Before")
    entry = edit_event(event=event, actor=planner, name="After")
    undo(entry=entry, actor=planner)
    event.refresh_from_db()
    assert event.name == "Before"
    moved = edit_event(event=event, actor=planner, place="Elsewhere")
    with pytest.raises(Conflict, match="told"):
        undo(entry=moved, actor=planner)
