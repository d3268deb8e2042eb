"""One message to one person, through the engine to a real sink; what must not be sent is not."""

import uuid
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import reply_address
from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import ensure_partitions
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import deliver
from campaigns.guard.services import set_guard
from campaigns.interactions.services import log_interaction
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from campaigns.outreach.services import handle, take_in
from campaigns.personal import services
from contacts.consent.services import grant_consent, suppress_address, withdraw_consent
from crm.audit.models import AuditChange
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import (
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    PersonFactory,
    SenderFactory,
    TopicFactory,
    TransportFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_wake_ups(monkeypatch):
    monkeypatch.setattr("campaigns.delivery.waking.post", lambda *args, **kwargs: None)


@pytest.fixture
def world(outreach):
    """Somebody who may be written to, and all that sending needs."""
    person = MembershipFactory(person__name="Awa Diop").person
    point, topic = ContactPointFactory(person=person, value="awa@people.test"), TopicFactory()
    grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test", actor=outreach)
    transport = TransportFactory(is_default=True)
    made = {
        "person": person,
        "point": point,
        "topic": topic,
        "sender": SenderFactory(),
        "drive": DriveFactory(),
        "transport": transport,
    }
    ensure_partitions()
    return made


def form(world, **values):
    chosen = {name: str(world[name].uid) for name in ("point", "sender", "topic", "drive")}
    words = {
        "subject": "Our visit",
        "text": "Dear Awa,\n\ncan {{ we }} meet? <b>Olu</b>",
        "form_key": str(uuid.uuid4()),
    }
    return {**chosen, **words, **values}


def url(world):
    return reverse("person_write", args=[world["person"].uid])


@pytest.mark.django_db(transaction=True)
def test_message_goes_out_once_is_logged_and_its_answer_joins_the_thread(world, sign_in, outreach):
    client, data = sign_in(outreach), form(world)
    with running_sink() as sink:
        type(world["transport"]).objects.filter(pk=world["transport"].pk).update(url=sink.url)
        for _click in range(2):
            client.post(url(world), data)
        mailing = Mailing.objects.get(is_personal=True)
        deliver(mailing.pk)
        deliver(mailing.pk)

        [(recipient, raw)] = sink.messages
    message = message_from_bytes(raw, policy=default)
    assert (recipient, message["Subject"]) == ("awa@people.test", "Our visit")
    text = message.get_body(("plain",)).get_content()
    assert "can (( we )) meet? <b>Olu</b>" in text
    assert "&lt;b&gt;Olu&lt;/b&gt;" in message.get_body(("html",)).get_content()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (counts(mailing.pk)["accepted"], sum(counts(mailing.pk).values())) == (1, 1)
    mailing.refresh_from_db()
    assert mailing.state == "finished"
    logged = Interaction.objects.get()
    assert (logged.kind, logged.is_two_way, logged.person, logged.mailing_id, logged.seq) == (
        "message",
        False,
        world["person"],
        mailing.pk,
        1,
    )

    answer = b"From: awa@people.test\nTo: x\nSubject: Re: Our visit\nMessage-ID: <1@a>\nIn-Reply-To: <0@b>\n\nGladly.\n"
    handle(inbound_id=take_in(raw=answer, recipient=reply_address(mailing.pk, 1), sender="awa@people.test").pk)

    page = client.get(reverse("interaction_detail", args=[logged.uid])).content.decode()
    assert "Gladly." in page
    assert "Our visit" not in client.get(reverse("mailing_list")).content.decode()  # it is no mailing to an audience


def refused(world, client, **values):
    answer = client.post(url(world), form(world, **values))
    assert answer.status_code == 422
    assert not Delivery.objects.exists()
    assert not Interaction.objects.exists()
    assert not Mailing.objects.exists()
    return answer.content.decode()


def test_what_a_mailing_would_leave_out_is_refused(world, sign_in, outreach):
    client = sign_in(outreach)
    refused(world, client, text="\u202e")
    world["point"].status = "bouncing"
    world["point"].save()
    assert "come back" in refused(world, client)
    world["point"].status = "active"
    world["point"].save()
    suppress_address(address="awa@people.test", reason="manual", source="test")
    assert "never to be written to" in refused(world, client)


def test_without_permission_for_the_topic_nothing_is_sent(world, sign_in, outreach):
    withdraw_consent(subject=world["person"], topic=world["topic"], source="test")

    refused(world, sign_in(outreach))
    page = sign_in(outreach).get(url(world)).content.decode()

    assert "no permission to write to them on any topic" in page


def test_who_talked_with_us_lately_is_answered_without_a_subscription(world, sign_in, outreach, settings):
    met = MembershipFactory(person__name="Bo Sy").person
    world |= {"person": met, "point": ContactPointFactory(person=met, value="bo@people.test")}
    client, other = sign_in(outreach), TopicFactory()
    log_interaction(actor=outreach, kind="meeting", people=[met], at=timezone.now() - timedelta(days=91))
    long_ago = client.post(url(world), form(world)).status_code
    log_interaction(actor=outreach, kind="meeting", people=[met], at=timezone.now() - timedelta(days=89))
    settings.ANSWER_DAYS = 0  # the installation wants a permission each time
    forbidden = client.post(url(world), form(world)).status_code
    assert (long_ago, forbidden, Delivery.objects.count()) == (422, 422, 0)

    settings.ANSWER_DAYS = 90
    client.post(url(world), form(world))

    assert Mailing.objects.get(is_personal=True).topic == world["topic"]
    grounds = AuditChange.objects.filter(entry__verb="person.written_to", field="ground")
    assert grounds.get().after == "answer"
    withdraw_consent(subject=met, topic=other, source="test")
    assert services.topics_for(met) == []  # who took one permission back is not written to on the others
    drive = client.get(
        reverse("drive_detail", args=[world["drive"].uid])
    )  # it stands in the log, and is no mailing there
    assert (drive.context["mailings"], drive.context["mailing_count"]) == ([], 0)


def test_guard_is_asked_and_a_reason_lets_it_through(world, sign_in, outreach, planner):
    place = world["person"].memberships.get().organization
    set_guard(organization=place, actor=planner, protocol="Only through the mission")
    client = sign_in(outreach)

    assert "Only through the mission" in client.get(url(world)).content.decode()
    refused(world, client)
    client.post(url(world), form(world, override_reason="They asked for it"))

    assert Interaction.objects.get().subject == "Our visit"
    assert place.guard_overrides.get().reason == "They asked for it"


def test_who_may_not_log_with_them_may_not_write_to_them(world, sign_in, viewer):
    elsewhere = GrantFactory(role="outreach", is_everywhere=False, countries=["TD"]).user
    other = ContactPointFactory(person=PersonFactory(), value="other@people.test")

    assert sign_in(viewer).get(url(world)).status_code == 403
    assert sign_in(elsewhere).post(url(world), form(world)).status_code == 404
    officer = GrantFactory(role="outreach").user
    assert sign_in(officer).post(url(world), form(world, point=str(other.uid))).status_code == 422
    assert not Mailing.objects.exists()


def test_message_over_the_api_asks_what_the_page_asks(world, api, outreach, viewer):
    client = api(outreach)
    body = {name: value for name, value in form(world).items() if name != "form_key"}

    made = client.post("/personal-messages", body, Idempotency_Key="tuesday").json()
    again = client.post("/personal-messages", body, Idempotency_Key="tuesday").json()

    logged = Interaction.objects.get()
    assert made == again == {"interaction": str(logged.uid)}
    assert (logged.subject, Delivery.objects.get().address, Mailing.objects.get().is_personal) == (
        "Our visit", "awa@people.test", True,
    )  # fmt: skip
    set_guard(organization=world["person"].memberships.get().organization, actor=outreach, protocol="Only through the mission")  # fmt: skip
    assert client.post("/personal-messages", body, status=409).json()["code"] == "guarded"
    suppress_address(address="awa@people.test", reason="manual", source="test")
    assert client.post("/personal-messages", body, status=422).json()["code"] == "suppressed"
    api(viewer).post("/personal-messages", body, status=403)
    assert Delivery.objects.count() == 1
