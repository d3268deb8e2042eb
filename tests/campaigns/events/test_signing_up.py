"""Somebody without an invitation: the form, the letter that asks to confirm, a POST, then a seat, the line, or a decision of staff."""

import html
import re
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.events import letters, links, services, signing_up
from campaigns.events.models import Event, EventLetter, Registration, SignUp
from campaigns.files.models import StoredFile
from campaigns.forms.models import Form
from contacts.consent.erasure.registry import HOLDINGS
from contacts.consent.services import suppress_address
from contacts.directory.models import Person
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict
from crm.keyring import seal
from crm.ui import today
from tests.factories import (
    ContactPointFactory,
    EventFactory,
    InvitationFactory,
    MembershipFactory,
    RegistrationFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


def page_of(event, *, ago=10):
    """A token as a page has that somebody has been looking at for some seconds."""
    import struct

    return seal(links.PAGE, struct.pack(">QQ", event.pk, int(time.time()) - ago))


def post(event, email="new@people.test", **more):
    data = {
        "email": email,
        "name": "New Face",
        "organization_name": "Market women",
        "country": "ZM",
        "t": page_of(event),
    }
    return Client().post(f"/meet/{event.slug}/sign-up/", data | more)


def confirm_path():
    """Of the newest letter that asks for it."""
    letters.mail_due()
    found = re.search(r"https?://[^/]+(/meet/confirm/\S+)", mail.outbox[-1].body)
    return found[1]


def signed_up(event, email="new@people.test", **more):
    """Signed up and confirmed."""
    assert post(event, email, **more).status_code == 200
    assert Client().post(confirm_path()).status_code == 200
    return SignUp.objects.latest("pk")


def test_a_seat_is_given_to_whoever_holds_the_address_and_by_post_only():
    event = EventFactory(sign_ups="open", capacity=1)
    page = Client().get(f"/meet/{event.slug}/")
    assert f"/meet/{event.slug}/sign-up/" in page.content.decode()
    assert Client().get(f"/meet/{event.slug}/sign-up/").status_code == 200

    answer = post(event)

    assert "new@people.test" in answer.content.decode() and "Set-Cookie" not in answer.headers
    path = confirm_path()
    assert "Sign up for" in Client().get(path).content.decode()
    assert (
        SignUp.objects.get().state == "asked" and not Registration.objects.exists()
    )  # neither form nor link keeps a seat
    for _turn in range(2):
        assert "You have a seat" in Client().post(path).content.decode()
    row = Registration.objects.get()
    assert (row.role, row.state, row.name, row.organization_name) == ("self", "seat", "New Face", "Market women")
    letters.mail_due()
    assert [m.subject.split(":")[0] for m in mail.outbox] == ["Please confirm", "You have a seat"]
    assert any(part.mimetype.startswith("text/calendar") for part in mail.outbox[1].alternatives)
    assert AuditEntry.objects.filter(verb="signup.confirmed").count() == 1
    # the second one finds the event full, and moves up when the first gives the seat back
    other = signed_up(event, "next@people.test", name="Next Face")
    assert other.registration.state == "waiting"
    assert "number 1" in Client().get("/" + links.confirm_url(other.uid).split("/", 3)[3]).content.decode()
    Client().post("/" + links.seat_url(row).split("/", 3)[3], {"do": "leave"})
    other.registration.refresh_from_db()
    assert other.registration.state == "seat" and Event.objects.get().taken == 1
    assert signed_up(event).registration.state == "waiting"  # and may come back


def test_what_is_closed_forged_or_quick_takes_nothing():
    closed, event = EventFactory(), EventFactory(sign_ups="open")

    assert "sign-up/" not in Client().get(f"/meet/{closed.slug}/").content.decode()
    assert post(closed).status_code == 410
    assert post(EventFactory(sign_ups="open", is_public=False)).status_code == 404
    assert post(event, t=page_of(event, ago=0)).status_code == post(event, t=page_of(closed)).status_code == 422
    assert post(event, t="nonsense").status_code == post(event, email="no address").status_code == 422
    assert post(event, name="").status_code == 422
    assert post(event, website="http://spam.test").status_code == 200
    assert not SignUp.objects.exists()
    assert post(event).status_code == 200
    path = confirm_path()
    assert Client().post(path[:-5] + "AAAA/").status_code == 404
    Event.objects.update(answer_by=timezone.localdate() - timedelta(days=2))
    assert Client().post(path).status_code == Client().get(path).status_code == 410
    assert SignUp.objects.get().state == "asked" and not Registration.objects.exists()


def test_nobody_learns_who_is_known_and_nobody_is_flooded():
    event = EventFactory(sign_ups="open")
    suppress_address(address="never@people.test", reason="manual", source="test")
    known = ContactPointFactory(value="known@people.test").person
    RegistrationFactory(event=event, person=known, email="seated@people.test")

    pages = [post(event, email).content.decode().replace(email, "…") for email in
             ("never@people.test", "known@people.test", "seated@people.test", "unknown@people.test")]  # fmt: skip

    tokens = [re.sub(r'value="[^"]{40,}"', "", page) for page in pages]
    assert len(set(tokens)) == 1
    assert not SignUp.objects.filter(email="never@people.test").exists()
    for _turn in range(5):
        post(event, "unknown@people.test")
    letters.mail_due()
    assert len([m for m in mail.outbox if m.to == ["unknown@people.test"]]) == 1  # later wishes replace what waited
    cache.clear()
    codes = [post(event, f"a{number}@people.test").status_code for number in range(61)]
    assert codes[0] == 200 and codes[-1] == 429


def test_who_was_invited_answers_the_invitation_and_who_has_a_seat_keeps_it():
    event = EventFactory(sign_ups="staff", capacity=5)
    person = MembershipFactory(is_primary=True).person
    ContactPointFactory(person=person, value="fatou@gov.test")
    invitation = InvitationFactory(event=event, person=person, email="fatou@gov.test")

    row = signed_up(event, "Fatou@gov.test", name="F. Ndiaye")

    invitation.refresh_from_db()
    seat = Registration.objects.get()
    assert (invitation.answer, row.state, row.registration, seat.role) == ("yes", "accepted", seat, "invited")
    assert signed_up(event, "fatou@gov.test").registration == seat
    assert Event.objects.get().taken == 1


def test_staff_decide_and_a_refusal_is_taken_back_until_its_letter_leaves(planner, viewer, sign_in, monkeypatch):
    event = EventFactory(sign_ups="staff", capacity=1)
    person = MembershipFactory(is_primary=True).person
    ContactPointFactory(person=person, value="one@people.test")
    one, two, three = (signed_up(event, f"{n}@people.test", name=n.title()) for n in ("one", "two", "three"))
    assert not Registration.objects.exists() and {one.state, two.state} == {"confirmed"}
    client, page = sign_in(planner), f"/events/{event.uid}/?tab=asked"

    with CaptureQueriesContext(connection) as queries:
        shown = client.get(page).content.decode()
    assert len(queries) <= 25 and person.label in shown and "nobody has this address" in shown
    assert "3 would like to come" in str([need.title for need in today.needs_of(planner)])
    monkeypatch.setattr("campaigns.events.views.SHOWN", 2)
    first = client.get(page).content.decode()
    following = html.unescape(re.search(r'href="([^"]*after=[^"]*)"', first)[1])
    assert "Three" not in first and "Three" in client.get(following).content.decode()
    monkeypatch.undo()
    assert sign_in(viewer).post(f"/events/sign-ups/{one.uid}/accept/").status_code == 403
    client = sign_in(planner)
    client.post(f"/events/sign-ups/{one.uid}/accept/")
    client.post(f"/events/sign-ups/{two.uid}/accept/")
    client.post(f"/events/sign-ups/{three.uid}/decline/", {"reason": "This one is for ministries."})

    assert list(Registration.objects.order_by("pk").values_list("name", "state")) == [
        ("One", "seat"),
        ("Two", "waiting"),
    ]
    assert Registration.objects.get(name="One").person == person
    entry = AuditEntry.objects.get(verb="signup.declined")
    undo(entry=entry, actor=planner)
    three.refresh_from_db()
    assert (three.state, three.reason) == ("confirmed", "")
    signing_up.decline(row=three, actor=planner, reason="This one is for ministries.")
    EventLetter.objects.filter(about="declined").update(due_at=timezone.now())
    letters.mail_due()
    assert "for ministries" in mail.outbox[-1].body or any("for ministries" in m.body for m in mail.outbox)
    with pytest.raises(Conflict, match="left"):
        undo(entry=AuditEntry.objects.filter(verb="signup.declined").latest("pk"), actor=planner)
    assert not SignUp.objects.visible_to(planner, Action.DRIVES).waiting().exists()


def test_questions_go_with_it_and_who_waits_hears_when_it_is_called_off(planner, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    event = EventFactory(sign_ups="staff")
    form = services.ask_questions(event=event, actor=planner)
    Form.objects.filter(pk=form.pk).update(
        questions=[
            {"key": "diet", "kind": "choice", "labels": {"en": "What do you eat?"}, "is_required": True,
             "options": [{"value": "all", "labels": {"en": "All"}}, {"value": "other", "labels": {"en": "Other"}}]},
            {"key": "which", "kind": "text", "labels": {"en": "What else?"}, "shown_if": {"rules": [{"key": "diet", "is": "is", "value": "other"}]}},
            {"key": "visa", "kind": "file", "labels": {"en": "Your passport"}},
        ]
    )  # fmt: skip
    event.refresh_from_db()

    assert post(event).status_code == 422
    asks = post(event, **{"q-diet": "other", "q-seen": "diet visa"})
    assert asks.status_code == 422 and "What else?" in asks.content.decode()
    from django.core.files.uploadedfile import SimpleUploadedFile

    lies = SimpleUploadedFile("passport.pdf", b"MZ\x90\x00 a program", content_type="application/pdf")
    assert post(event, **{"q-diet": "all", "q-seen": "diet visa", "q-visa": lies}).status_code == 422
    assert not SignUp.objects.exists()
    true = SimpleUploadedFile("passport.pdf", b"%PDF-1.4\n%%EOF\n", content_type="application/pdf")
    row = signed_up(event, **{"q-diet": "all", "q-seen": "diet visa", "q-visa": true})
    assert row.answers["diet"] == "all" and StoredFile.objects.count() == 1
    services.cancel_event(event=Event.objects.get(), actor=planner)
    letters.mail_due()
    row.refresh_from_db()
    assert mail.outbox[-1].subject.startswith("Called off") and row.state == "declined"

    class Data:
        person_ids, hashes, needles = [], [bytes(row.address_hash)], ["Awa Diop"]

    other = signed_up(EventFactory(sign_ups="staff"), "other@people.test", note="Awa Diop told me of it.")

    assert HOLDINGS["event_sign_ups"].export(Data)[0]["answers"]["diet"] == "all"
    assert HOLDINGS["event_sign_ups"].erase(Data) == 2
    assert SignUp.objects.get().note == "… told me of it." and SignUp.objects.get() == other
    assert not StoredFile.objects.exists() and not Person.objects.exists()


def test_a_refusal_stays_where_undoing_it_would_lead_nowhere(planner):
    event = EventFactory(sign_ups="staff")
    again, late = (signed_up(event, f"{n}@people.test", name=n.title()) for n in ("again", "late"))
    for row in (again, late):
        signing_up.decline(row=row, actor=planner)
    first, second = AuditEntry.objects.filter(verb="signup.declined").order_by("pk")
    post(event, "again@people.test")
    with pytest.raises(Conflict, match="signed up again"):
        undo(entry=first, actor=planner)
    services.cancel_event(event=Event.objects.get(), actor=planner)
    with pytest.raises(Conflict, match="called off"):
        undo(entry=second, actor=planner)
    assert set(SignUp.objects.filter(pk__in=[again.pk, late.pk]).values_list("state", flat=True)) == {"declined"}
    assert not EventLetter.objects.filter(sign_up=late, about="cancelled").exists()


def test_asking_again_gives_the_new_letter_all_of_its_days():
    event = EventFactory(sign_ups="open")
    post(event)
    SignUp.objects.update(created_at=timezone.now() - timedelta(days=6, hours=23))
    post(event, name="Once More")
    assert SignUp.objects.get().created_at > timezone.now() - timedelta(minutes=1)


def test_what_nobody_confirms_is_deleted():
    event = EventFactory(sign_ups="open")
    post(event)
    signed_up(event, "held@people.test")
    SignUp.objects.update(created_at=timezone.now() - timedelta(days=40))

    assert signing_up.forget_unconfirmed() == 1 and signing_up.forget_unconfirmed() == 0

    assert SignUp.objects.get().email == "held@people.test"
