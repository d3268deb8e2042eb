"""From an invitation to a seat: by link and POST, with colleagues and guests, and in a line that moves by itself."""

import threading
from datetime import timedelta

import icalendar
import pytest
import vobject
from django.core import mail
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from campaigns.events import answering, letters, links, seats, services
from campaigns.events.answering import Human
from campaigns.events.models import Event, EventLetter, Invitation, Quota, Registration
from campaigns.forms.models import Form
from contacts.consent.services import suppress_address
from contacts.directory.models import Constituency, Person
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from tests.factories import (
    EventFactory,
    InvitationFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    RegistrationFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


def path_of(invitation):
    return "/" + links.invitation_url(invitation).split("/", 3)[3]


def says(invitation, word="yes", **more):
    return answering.answer(invitation=invitation, says=word, road="link", **more)


def states(event):
    return [(row.name, row.state) for row in event.registrations.order_by("pk")]


def test_get_shows_and_post_answers_once():
    invitation = InvitationFactory(person__name="Fatou Ndiaye", event__name="Dialogue")
    path = path_of(invitation)

    shown = Client().get(f"{path}?a=yes")
    invitation.refresh_from_db()

    assert shown.status_code == 200 and "Fatou Ndiaye" in shown.content.decode() and "Set-Cookie" not in shown.headers
    assert invitation.answer == "" and not Registration.objects.exists()
    for _turn in range(2):
        assert "has a seat" in Client().post(path, {"says": "yes"}).content.decode()
    invitation.refresh_from_db()
    assert (invitation.answer, invitation.came_by) == ("yes", "link")
    assert states(invitation.event) == [("Fatou Ndiaye", "seat")]
    assert AuditEntry.objects.filter(verb="invitation.answered").count() == 1
    assert Event.objects.get().taken == 1


def test_forged_expired_and_broken_links_change_nothing():
    invitation = InvitationFactory()
    path = path_of(invitation)

    assert Client().post(path[:-4] + "AAA/", {"says": "yes"}).status_code == 404
    assert Client().get("/answer/not-ours/").status_code == 404
    assert Client().post(path, {"says": "perhaps"}).status_code == 422
    Event.objects.update(answer_by=timezone.localdate() - timedelta(days=2))
    late = Client().post(path, {"says": "yes"})
    assert late.status_code == 410 and "no answers any more" in late.content.decode()
    invitation.refresh_from_db()
    assert invitation.answer == ""
    invitation.delete()
    assert Client().get(path).status_code == 410
    assert not Registration.objects.exists()


def test_a_forwarded_link_tells_no_address_and_whoever_was_invited_hears_of_what_is_done_with_it():
    invitation = InvitationFactory(person__name="Fatou Ndiaye", email="fatou@ministry.test")
    Client().post(
        path_of(invitation), {"says": "other", "delegate_name": "Awa Sarr", "delegate_email": "awa@ministry.test"}
    )
    seat = "/" + links.seat_url(Registration.objects.get()).split("/", 3)[3]
    letters.mail_due()
    first = [message.to for message in mail.outbox]

    # somebody else opens both, and answers
    for path in (path_of(invitation), seat):
        page = Client().get(path).content.decode()
        assert "@ministry.test" not in page and "Awa Sarr" in page
    again = Client().post(path_of(invitation), {"says": "other", "delegate_name": "Awa Sarr"})  # the address is kept
    assert again.status_code == 200 and Registration.objects.get().email == "awa@ministry.test"
    another = Client().post(path_of(invitation), {"says": "other", "delegate_name": "Jo Banda"})
    assert another.status_code == 422 and states(invitation.event) == [("Awa Sarr", "seat")]
    assert Client().post(path_of(invitation), {"says": "yes"}).status_code == 200
    letters.mail_due()

    told = [(message.to, message.subject) for message in mail.outbox[len(first) :]]
    assert first == [["awa@ministry.test"]]
    assert sorted(to for to, _subject in told) == [["awa@ministry.test"], ["fatou@ministry.test"]]
    assert states(invitation.event) == [("Awa Sarr", "gone"), ("Fatou Ndiaye", "seat")]
    assert Client().get(seat).status_code == 200 and Client().post(seat, {"do": "leave"}).status_code in (200, 410)
    assert Event.objects.get().taken == 1  # the link of a seat that is given back frees nobody else's


def test_somebody_else_is_sent_and_has_a_link_of_their_own():
    organization = OrganizationFactory(name="Ministry of Labour")
    person = MembershipFactory(organization=organization, is_primary=True).person
    known = PersonFactory(name="Known Colleague")
    known.contact_points.create(
        kind="email", value="colleague@gov.test", address_key="colleague@gov.test", address_hash=b"x" * 32
    )
    invitation = InvitationFactory(person=person)
    data = {"says": "other", "delegate_name": "Known Colleague", "delegate_email": ""}

    assert Client().post(path_of(invitation), data).status_code == 422
    assert Client().post(path_of(invitation), data | {"delegate_email": "Colleague@gov.test"}).status_code == 200

    row = Registration.objects.get()
    assert (row.role, row.state, row.organization, row.person) == ("delegate", "seat", organization, known)
    letters.mail_due()
    assert mail.outbox[0].to == ["Colleague@gov.test"]
    seat = "/" + links.seat_url(row).split("/", 3)[3]
    assert Client().get(seat).status_code == 200
    row.refresh_from_db()
    assert row.state == "seat"
    Client().post(seat, {"do": "leave"})
    row.refresh_from_db()
    invitation.refresh_from_db()
    assert (row.state, invitation.answer, Event.objects.get().taken) == ("gone", "no", 0)
    with pytest.raises(Invalid, match="Only who was invited"):
        Event.objects.update(allows_delegate=False)
        says(invitation, "other", delegate=Human("A", "a@gov.test"))


def test_somebody_else_is_named_a_few_times_a_day():
    invitation = InvitationFactory()
    posts = [{"says": "other", "delegate_name": "A", "delegate_email": f"a{number}@gov.test"} for number in range(6)]

    assert [Client().post(path_of(invitation), data).status_code for data in posts] == [200] * 5 + [429]
    assert Client().post(path_of(invitation), {"says": "no"}).status_code == 200
    assert not Registration.objects.filter(email="a5@gov.test").exists()


def test_the_line_moves_up_by_itself_with_a_letter_and_a_guest_follows_their_host(planner):
    event = EventFactory(capacity=2, guests_each=1)
    first, second, third = (InvitationFactory(event=event, person__name=name) for name in ("Ana", "Ben", "Cem"))
    says(first, guests=[Human("Ana's guest")])
    says(second, guests=[Human("Ben's guest")])
    says(third)

    assert states(event) == [
        ("Ana", "seat"),
        ("Ana's guest", "seat"),
        ("Ben", "waiting"),
        ("Ben's guest", "waiting"),
        ("Cem", "waiting"),
    ]
    assert [answering.place_in_line(row) for row in event.registrations.waiting()] == [1, 2, 3]
    letters.mail_due()
    assert [m.subject.split(":")[0] for m in mail.outbox] == [
        "You have a seat",
        "You are on the waiting list",
        "You are on the waiting list",
    ]
    says(first, guests=[])  # the guest stays at home
    assert ("Ben", "seat") in states(event) and ("Ben's guest", "waiting") in states(event)
    says(first, "no")
    assert ("Ben's guest", "seat") in states(event) and ("Cem", "waiting") in states(event)
    services.edit_event(event=Event.objects.get(), actor=planner, capacity=3)
    assert ("Cem", "seat") in states(event)
    mail.outbox.clear()
    letters.mail_due()
    assert sorted((m.to[0], m.subject.split(":")[0]) for m in mail.outbox) == sorted(
        [(second.email, "A seat is yours"), (third.email, "A seat is yours"), (first.email, "Your seat is given back")]
    )
    assert Event.objects.get().taken == 3


def test_seats_of_a_constituency_are_kept_apart():
    event = EventFactory(capacity=3)
    union = Constituency.objects.get(code="WRK")
    Quota.objects.create(event=event, constituency=union, seats=1)
    workers = [MembershipFactory(organization__constituency=union, is_primary=True).person for _ in range(2)]
    rows = [InvitationFactory(event=event, person=person) for person in [*workers, PersonFactory()]]

    for row in rows:
        says(row)

    assert [state for _name, state in states(event)] == ["seat", "waiting", "seat"]
    says(rows[0], "no")
    assert [state for _name, state in states(event)] == ["gone", "seat", "seat"]
    assert Quota.objects.get().taken == 1 and Event.objects.get().taken == 2


def test_the_line_costs_no_query_for_each_who_waits(django_assert_num_queries):
    event = EventFactory(capacity=9)
    union, state = Constituency.objects.get(code="WRK"), Constituency.objects.get(code="GOV")
    for constituency in (union, state):
        Quota.objects.create(event=event, constituency=constituency, seats=0)
    for constituency in (union, union, state):
        RegistrationFactory(event=event, state="waiting", seated_at=None, constituency=constituency)

    with django_assert_num_queries(2):  # the seats that are set aside, and who else waits
        assert seats.move_up(event) == []
    Quota.objects.filter(constituency=union).update(seats=1)
    assert [row.constituency for row in seats.move_up(event)] == [union]
    host = RegistrationFactory(event=event, state="waiting", seated_at=None)
    guest = RegistrationFactory(event=event, state="waiting", seated_at=None, role="guest", host=host)
    assert seats.move_up(event) == [host, guest]
    event.refresh_from_db()
    assert event.taken == event.registrations.seated().count() == 3


def test_fewer_seats_than_are_taken_are_refused(planner):
    event = EventFactory(capacity=5)
    says(InvitationFactory(event=event))
    says(InvitationFactory(event=event))

    with pytest.raises(Invalid, match="2 have a seat already"):
        services.edit_event(event=event, actor=planner, capacity=1)

    assert Event.objects.get().capacity == 5


def calendars(message):
    """What both libraries read in a letter: (method, sequence, begin, partstat)."""
    text = next(part.content for part in message.alternatives if part.mimetype.startswith("text/calendar"))
    one = icalendar.Calendar.from_ical(text)
    row = one.walk("VEVENT")[0]
    other = vobject.readOne(text)
    assert str(one["method"]) == other.method.value == message.alternatives[0].mimetype.partition("method=")[2]
    assert int(row["sequence"]) == int(other.vevent.sequence.value)
    assert row["dtstart"].dt == other.vevent.dtstart.value and row["uid"] == other.vevent.uid.value
    assert row["attendee"].params["PARTSTAT"] == other.vevent.attendee.params["PARTSTAT"][0]
    return str(one["method"]), int(row["sequence"]), row["dtstart"].dt, str(row["uid"]), str(row["status"])


def test_calendar_entries_are_asked_changed_and_taken_out(planner):
    event = EventFactory()
    invitation = InvitationFactory(event=event, mailing_id=7, seq=3)
    says(invitation)
    letters.mail_due()
    later = (event.starts_local + timedelta(hours=2)).replace(tzinfo=None)
    services.edit_event(event=Event.objects.get(), actor=planner, starts_local=later)
    letters.mail_due()
    says(invitation, "no")
    letters.mail_due()
    says(invitation, "yes")
    services.cancel_event(event=Event.objects.get(), actor=planner)
    letters.mail_due()

    found = [calendars(message) for message in mail.outbox]
    begin = event.starts_at
    assert [(method, sequence, at) for method, sequence, at, _uid, _status in found] == [
        ("REQUEST", 1, begin), ("REQUEST", 2, begin + timedelta(hours=2)), ("CANCEL", 3, begin + timedelta(hours=2)),
        ("CANCEL", 2, begin + timedelta(hours=2)),  # of the second seat, whose first letter was not needed any more
    ]  # fmt: skip
    assert found[0][3] == found[1][3] == found[2][3] != found[3][3] and found[2][4] == "CANCELLED"
    assert mail.outbox[0].reply_to[0].startswith("r.") and f"mailto:{mail.outbox[0].reply_to[0]}" in str(
        mail.outbox[0].alternatives[0].content
    ).replace("\r\n ", "")
    assert b"invite.ics" in mail.outbox[0].message().as_bytes()
    with pytest.raises(Conflict):
        says(invitation)


def test_letters_go_once_and_never_to_who_asked_for_none():
    suppress_address(address="never@people.test", reason="manual", source="test")
    for email in ("never@people.test", "guest@people.test"):
        says(InvitationFactory(email=email))

    assert letters.mail_due() == 1 and letters.mail_due() == 0

    assert [m.to for m in mail.outbox] == [["guest@people.test"]]
    assert EventLetter.objects.get(sent_at=None).problem == "This address asked never to be written to."


@pytest.mark.django_db(transaction=True)
def test_two_hundred_at_once_are_never_oversold():
    event = EventFactory(capacity=20)
    guests = Person.objects.bulk_create(Person(name=f"Guest {n}", sort_key=f"guest {n}") for n in range(200))
    people = Invitation.objects.bulk_create(Invitation(event=event, person=person) for person in guests)
    begin = threading.Barrier(20)

    def some(rows):
        begin.wait()
        for row in rows:
            answering.answer(invitation=row, says="yes", road="link")
        connections.close_all()

    threads = [threading.Thread(target=some, args=[people[n::20]]) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    event.refresh_from_db()
    assert event.taken == event.registrations.seated().count() == 20
    assert event.registrations.waiting().count() == 180
    with connection.cursor() as cursor, pytest.raises(Exception, match="event_never_oversold"):
        cursor.execute("UPDATE campaigns_event SET taken = 21")


def test_answers_at_the_same_moment_are_not_lost_to_each_other():
    invitation = InvitationFactory()
    says(invitation, "maybe", note="Depends on the budget")
    says(invitation, "yes")

    invitation.refresh_from_db()
    assert (invitation.answer, invitation.note) == ("yes", "Depends on the budget")
    assert Invitation.objects.unanswered().count() == 0


def test_who_comes_is_asked_the_event_s_questions(planner, sign_in):
    invitation = InvitationFactory()
    form = services.ask_questions(event=invitation.event, actor=planner)
    assert services.ask_questions(event=invitation.event, actor=planner) == form
    Form.objects.filter(pk=form.pk).update(
        questions=[{"key": "visa", "kind": "text", "labels": {"en": "Do you need a visa letter?"}, "is_required": True}]
    )
    path = path_of(invitation)

    assert "Do you need a visa letter?" in Client().get(path).content.decode()
    assert Client().post(path, {"says": "yes"}).status_code == 422
    assert Client().post(path, {"says": "no"}).status_code == 200  # who does not come is asked nothing
    assert Client().post(path, {"says": "yes", "q-visa": "Yes, for Dakar"}).status_code == 200

    invitation.refresh_from_db()
    assert (invitation.answer, invitation.answers) == ("yes", {"visa": "Yes, for Dakar"})
    answering.answer(invitation=invitation, says="maybe", road="reply")
    invitation.refresh_from_db()
    assert invitation.answers == {"visa": "Yes, for Dakar"}
    page = sign_in(planner).get(f"/events/invitations/{invitation.uid}/note/").content.decode()
    assert "Yes, for Dakar" in page
