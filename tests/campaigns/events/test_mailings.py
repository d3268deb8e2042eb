"""Invitations go by the engine: who is in the frozen audience is invited, each with a link of their own, and may just reply."""

import re
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from campaigns.delivery.addresses import reply_address
from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.models import Delivery
from campaigns.events import answering, mailings
from campaigns.events.models import Event, Invitation
from campaigns.mailings.approval import changed_since_approval
from campaigns.mailings.editing import save_settings
from campaigns.mailings.models import Mailing
from campaigns.outreach import services as outreach
from campaigns.outreach.models import Interaction
from contacts.directory.models import Person
from contacts.segments.compiler import compile_segment
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_freezing, to_sending
from tests.factories import (
    EventFactory,
    InvitationFactory,
    PersonFactory,
    RegistrationFactory,
    SegmentFactory,
    SenderFactory,
    TopicFactory,
    TransportFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    cache.clear()
    for place in ("waking", "effects", "sweeping"):
        monkeypatch.setattr(f"campaigns.delivery.{place}.post", lambda task, *args, countdown=None: None)


def ready(mailing, planner):
    """A draft with what else it needs to leave."""
    return save_settings(
        mailing=mailing, actor=planner, version=mailing.content_version,
        values={"sender": SenderFactory(), "transport": mailing.transport or TransportFactory()},
    )  # fmt: skip


def message_to(mailing, person):
    row = Delivery.objects.get(mailing_id=mailing.pk, person_id=person.pk)
    item = Item(
        row.seq, row.address, row.address_key, row.variant_id, row.fields, row.is_tracked, None, 0, "pending", 1
    )
    made = message_from_bytes(plan_of(mailing.pk).message(item, timezone.now()), policy=policy.default)
    return row, made.get_body(("plain",)).get_content(), made.get_body(("html",)).get_content()


@pytest.fixture
def invited(planner):
    """An invitation that left to three people of Zambia."""
    topic = TopicFactory()
    people = [
        subscriber(topic, number, name=name, language="en")
        for number, name in enumerate(("Ana", "Ben", "Cem"), start=1)
    ]
    event = EventFactory(name="Dialogue", capacity=1, names={"fr": "Dialogue national"})
    mailing = mailings.begin_mailing(
        event=event, actor=planner, purpose="invitation", segment=SegmentFactory(tree=EVERYBODY), topic=topic
    )
    return event, to_sending(ready(mailing, planner)), people


def test_whoever_will_get_it_is_invited_with_a_link_of_their_own(invited):
    event, mailing, people = invited

    assert {row.person for row in Invitation.objects.filter(event=event)} == set(people)
    _row, text, page = message_to(mailing, people[0])
    assert "Dialogue" in text and "King Fahd Palace" in text and "(Dakar)" in text
    path = urlsplit(re.search(r"https?://\S+/answer/[^\s)]+", text)[0]).path
    assert f'{path}"' in page  # their own link is not led round: it says nothing that a click would tell
    assert path.startswith("/answer/")
    assert "Ana" in Client().get(path).content.decode() and not Invitation.objects.exclude(answer="").exists()
    Client().post(path, {"says": "yes"})
    assert Invitation.objects.get(person=people[0]).answer == "yes"


@pytest.mark.parametrize(
    ("words", "headers", "answer"),
    [
        ("Oui, avec plaisir\n\nLe lun. 2 nov. 2026 à 10:00, Campagne a écrit :\n> OUI ou NON", "", "yes"),
        ("No, lamentablemente no puedo", "", "no"),
        ("I am out of the office until Monday. YES", "Auto-Submitted: auto-replied\n", ""),
        ("Whom should we call about the visa?", "", ""),
    ],
)
def test_a_reply_is_understood_and_a_machine_is_not(invited, words, headers, answer):
    _event, mailing, people = invited
    row = Delivery.objects.get(mailing_id=mailing.pk, person_id=people[1].pk)
    raw = f"From: Ben <p2@people.test>\nSubject: Re: Invitation\nMessage-ID: <b@people.test>\nContent-Type: text/plain; charset=utf-8\n{headers}\n{words}\n"

    inbound = outreach.take_in(raw=raw.encode(), recipient=reply_address(mailing.pk, row.seq), sender="p2@people.test")
    outreach.handle(inbound_id=inbound.pk)

    invitation = Invitation.objects.get(person=people[1])
    assert (invitation.answer, invitation.came_by) == (answer, "reply" if answer else "")
    assert Interaction.objects.filter(kind="reply").count() == (0 if headers else 1)


def test_a_reminder_goes_to_who_did_not_answer_and_leads_to_the_same_invitation(invited, planner):
    event, first, people = invited
    answering.answer(invitation=Invitation.objects.get(person=people[0]), says="maybe", road="link")

    reminder = mailings.begin_mailing(event=event, actor=planner, purpose="reminder", topic=first.topic)
    sent = to_sending(ready(reminder, planner))

    assert set(Delivery.objects.filter(mailing_id=sent.pk).values_list("person_id", flat=True)) == {
        p.pk for p in people[1:]
    }
    assert Invitation.objects.count() == 3
    row, *_parts = message_to(sent, people[1])
    assert mailings.delivered_url(sent.pk, row.seq) != mailings.delivered_url(first.pk, row.seq)
    path = urlsplit(mailings.delivered_url(sent.pk, row.seq)).path
    Client().post(path, {"says": "no"})
    assert Invitation.objects.get(person=people[1]).answer == "no"


def test_what_the_event_says_is_part_of_what_is_approved(planner):
    topic = TopicFactory()
    subscriber(topic, 1)
    event = EventFactory()
    mailing = mailings.begin_mailing(
        event=event, actor=planner, purpose="invitation", segment=SegmentFactory(tree=EVERYBODY), topic=topic
    )
    mailing = to_freezing(ready(mailing, planner))
    assert changed_since_approval(mailing) == []

    Event.objects.update(place="Another house")

    assert changed_since_approval(mailing) == ["what its event says"]


def test_an_event_that_is_called_off_invites_nobody_any_more(invited, planner, sign_in):
    event, leaving, _people = invited
    news, reminder = (
        mailings.begin_mailing(event=event, actor=planner, purpose=purpose, topic=leaving.topic)
        for purpose in ("news", "reminder")
    )

    page = sign_in(planner).post(f"/events/{event.uid}/cancel/", follow=True).content.decode()

    states = [Mailing.objects.get(pk=row.pk).state for row in (leaving, reminder, news)]
    assert states == ["cancelled", "cancelled", "draft"]
    assert leaving.name in page and reminder.name in page


@pytest.mark.parametrize(
    ("purpose", "name"), [("came", "Came"), ("missed", "Missed"), ("reminder", "Silent"), ("news", "Came Missed")]
)
def test_a_follow_up_knows_its_readers(planner, purpose, name):
    event = EventFactory()
    for number, who in enumerate(("Came", "Missed", "Silent")):
        invitation = InvitationFactory(
            event=event,
            person__name=who,
            **({} if who == "Silent" else {"answer": "yes", "answered_at": timezone.now()}),
        )
        if who != "Silent":
            RegistrationFactory(
                event=event,
                invitation=invitation,
                person=invitation.person,
                came_at=timezone.now() if number == 0 else None,
            )
    RegistrationFactory(event=EventFactory(), person=PersonFactory(name="Elsewhere"))

    segment = mailings.segment_for(event, purpose, planner)

    compiled = compile_segment(segment)
    assert (
        " ".join(
            sorted(
                p.name
                for p in Person.objects.raw(
                    f"SELECT * FROM contacts_person WHERE id IN ({compiled.sql})", compiled.params
                )
            )
        )
        == name
    )  # noqa: S608
    assert mailings.segment_for(event, purpose, planner) == segment
