"""What a service tells: believed with its password and signature, kept once, and followed by what a bounce brings."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import return_path
from campaigns.delivery.models import Delivery, DeliveryChunk, Feedback
from campaigns.esp import events
from campaigns.esp.events import feedback_of
from campaigns.esp.models import ServiceEvent
from campaigns.esp.tasks import handle_events
from campaigns.mailings.models import Mailing, Transport
from contacts.consent.models import ConsentState, Suppression
from contacts.consent.services import grant_consent
from contacts.directory.models import ContactPoint, Person
from crm.audit.models import AuditEntry
from tests.campaigns.esp.service import settings_of
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import TransportFactory

pytestmark = pytest.mark.django_db
State = ServiceEvent.State


@pytest.fixture
def row():
    return delivery(sent_mailing(), address="fatou@labour-office.net")


def tie(row):
    return return_path(row.mailing_id, row.seq).partition("@")[0]


def bounce(row, kind="HardBounce", **changes):
    return {
        "RecordType": "Bounce",
        "ID": 42,
        "Type": kind,
        "MessageID": "m-1",
        "Email": row.address,
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "BouncedAt": "2026-11-26T09:30:00Z",
        "Metadata": {"groundswell": tie(row)},
        **changes,
    }


def call(client, transport, payload, *, password="hook-password", user="groundswell", **headers):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    return client.post(
        reverse("service_events", args=[transport.uid]),
        body,
        content_type="application/json",
        headers={"Authorization": f"Basic {login}", **headers},
    )


def states():
    return list(ServiceEvent.objects.order_by("pk").values_list("state", flat=True))


def test_a_bounce_marks_the_address_once_however_often_it_is_told(client, transport, row):
    for _turn in range(3):
        assert call(client, transport, bounce(row)).status_code == 200
    handle_events()
    handle_events()

    found = Feedback.objects.get()
    assert (found.mailing_id, found.seq, found.kind, found.status) == (row.mailing_id, row.seq, "hard_bounce", "5.1.1")
    assert ContactPoint.objects.get(value=row.address).status == "invalid"
    event = ServiceEvent.objects.get()
    assert (event.state, event.detail) == (State.HANDLED, "")


def test_a_complaint_withdraws_the_permission_and_suppresses_the_address(client, transport, row):
    mailing = row_mailing(row)
    person = Person.objects.get(pk=row.person_id)
    grant_consent(subject=person, topic=mailing.topic, lawful_basis="consent", source="test")

    later = (timezone.now() + timedelta(minutes=1)).isoformat()
    call(client, transport, bounce(row, "SpamComplaint", RecordType="SpamComplaint", Details="", BouncedAt=later))
    handle_events()

    assert Feedback.objects.get().kind == "complaint"
    assert Suppression.objects.exists()
    assert ConsentState.objects.get(subject_uid=person.uid, topic=mailing.topic).is_granted is False


def row_mailing(row):
    return Mailing.objects.select_related("topic").get(pk=row.mailing_id)


def test_what_is_delivered_or_opened_changes_nothing(client, transport, row):
    for kind in ("Delivery", "Open"):
        call(client, transport, {"RecordType": kind, "MessageID": "m-1", "Recipient": row.address, "Metadata": {"groundswell": tie(row)}})  # fmt: skip
    handle_events()

    assert states() == [State.IGNORED, State.IGNORED]
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(("kind", "word"), [("Delivery", "delivered"), ("Bounce", "bounced")])
def test_what_a_service_tells_of_an_uncertain_delivery_settles_it(client, transport, row, kind, word):
    mine = Delivery.objects.filter(mailing_id=row.mailing_id, seq=row.seq)
    mine.update(state="uncertain")

    for _turn in range(2):
        call(client, transport, bounce(row, RecordType=kind, Recipient=row.address))
        handle_events()

    assert (mine.get().state, mine.get().reply_text) == ("accepted", f"mailing service: {word}")
    assert states() == [State.HANDLED]
    assert AuditEntry.objects.get(verb="mailing.uncertain_settled").summary == "By the mailing service: 1"
    assert Feedback.objects.filter(kind="hard_bounce").count() == (kind == "Bounce")


@pytest.mark.parametrize("state", ["in_flight", "pending", "deferred"])
def test_what_a_service_tells_before_the_answer_is_known_is_not_lost(client, transport, row, state):
    mine = Delivery.objects.filter(mailing_id=row.mailing_id, seq=row.seq)
    mine.update(state=state, attempts=1)

    call(client, transport, bounce(row, RecordType="Delivery", Recipient=row.address))
    handle_events()

    assert states() == [State.HANDLED]
    if state == "in_flight":
        assert mine.get().state == "in_flight"  # its answer may come yet
        mine.update(state="uncertain")  # it does not
        handle_events()
    assert (mine.get().state, mine.get().reply_text) == ("accepted", "mailing service: delivered")


@pytest.mark.parametrize("changes", [{"password": "guessed"}, {"user": "somebody"}])
def test_without_the_password_nothing_is_kept(client, transport, row, changes):
    assert call(client, transport, bounce(row), **changes).status_code == 403
    assert not ServiceEvent.objects.exists()


def test_without_a_password_of_ours_nobody_is_let_in(client, row, db):
    bare = TransportFactory(kind="service", service="postmark", service_settings='{"server_token": "t"}')

    assert call(client, bare, bounce(row), password="").status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2]", b'"words"', b"\xff\x00", b'{"RecordType": {"a": 1}}'])
def test_what_cannot_be_read_is_refused_and_kept_out(client, transport, body):
    assert call(client, transport, body).status_code in (400, 200)
    assert not ServiceEvent.objects.exclude(kind="unknown").exists()


def test_another_password_of_the_service_may_not_bounce_whom_it_likes(client, transport, row):
    call(client, transport, bounce(row, Metadata={"groundswell": "b.nonsense"}))
    call(client, transport, bounce(row, ID=43, Metadata={}))
    handle_events()

    assert states() == [State.UNMATCHED, State.UNMATCHED]
    assert ContactPoint.objects.get(value=row.address).status == "active"


def test_a_service_that_signs_is_believed_by_its_signature(client, row):
    transport = TransportFactory(
        kind="service",
        service="mailgun",
        service_settings=settings_of(api_key="key", webhook_signing_key="sign-key"),
    )

    def payload(signature):
        return {
            "signature": {"timestamp": "1700000000", "token": "abc", "signature": signature},
            "event-data": {
                "event": "failed",
                "severity": "permanent",
                "reason": "bounce",
                "id": "evt-1",
                "timestamp": 1700000000.5,
                "recipient": row.address,
                "delivery-status": {"code": 550, "message": "5.1.1 No such user"},
                "user-variables": {"groundswell": tie(row)},
                "message": {"headers": {"message-id": "x@y"}},
                "tags": [],
            },
        }

    good = hmac.new(b"sign-key", b"1700000000abc", hashlib.sha256).hexdigest()
    assert call(client, transport, payload("0" * 64)).status_code == 403
    assert call(client, transport, payload(good)).status_code == 200
    handle_events()
    assert Feedback.objects.get().kind == "hard_bounce"


def test_an_event_that_breaks_its_handler_is_kept_and_tried_again(client, transport, row, monkeypatch, sign_in, admin):
    call(client, transport, bounce(row))
    monkeypatch.setattr(events, "note_feedback", lambda **given: 1 / 0)
    handle_events()
    event = ServiceEvent.objects.get()
    assert (event.state, event.detail != "") == (State.FAILED, True)
    assert "division by zero" in sign_in(admin).get(reverse("service_detail", args=[transport.uid])).content.decode()
    monkeypatch.undo()

    sign_in(admin).post(reverse("service_replay", args=[transport.uid]))
    handle_events()

    assert states() == [State.HANDLED]
    assert Feedback.objects.count() == 1


def test_an_event_whose_key_was_missing_is_matched_when_it_is_back(client, transport, row, settings, sign_in, admin):
    keys, told = settings.TRACKING_KEYS, bounce(row)
    settings.TRACKING_KEYS = {"other": b"o" * 32}
    call(client, transport, told)
    handle_events()
    event = ServiceEvent.objects.get()
    assert (event.state, event.mailing_id, event.tie) == (State.UNMATCHED, None, told["Metadata"]["groundswell"])
    page = reverse("service_detail", args=[transport.uid])
    assert "1 event carries an id that looks like ours" in sign_in(admin).get(page).content.decode()

    settings.TRACKING_KEYS = keys
    sign_in(admin).post(reverse("service_replay", args=[transport.uid]))
    handle_events()

    event.refresh_from_db()
    assert (event.state, event.tie, event.detail) == (State.HANDLED, "", "")
    found = Feedback.objects.get()
    assert (found.mailing_id, found.seq, found.kind, found.status) == (row.mailing_id, row.seq, "hard_bounce", "5.1.1")
    assert "looks like ours" not in sign_in(admin).get(page).content.decode()


def test_an_event_about_no_message_of_ours_keeps_nothing_of_it(client, transport, row):
    call(client, transport, bounce(row, Metadata={"groundswell": "their own words"}, Tag="newsletter"))
    handle_events()

    event = ServiceEvent.objects.get()
    assert (event.state, event.tie, event.detail) == (State.UNMATCHED, "", "")
    assert events.replay(transport=transport) == 0


def test_what_was_told_of_a_message_that_is_uncertain_by_now_is_looked_at_again(client, transport, row):
    for kind in ("Delivery", "Open"):
        call(client, transport, bounce(row, RecordType=kind, Recipient=row.address, ID=kind))
    handle_events()
    assert states() == [State.IGNORED, State.IGNORED]
    Delivery.objects.filter(mailing_id=row.mailing_id, seq=row.seq).update(state="uncertain")
    DeliveryChunk.objects.create(
        mailing_id=row.mailing_id, first_seq=row.seq, last_seq=row.seq, due_at=timezone.now(), is_done=True,
        counts={"uncertain": 1},
    )  # fmt: skip

    assert events.replay(transport=transport) == 2
    handle_events()

    assert Delivery.objects.get(mailing_id=row.mailing_id, seq=row.seq).state == "accepted"


def test_the_service_may_ask_whether_anybody_is_there_and_others_find_nothing(client, transport, db):
    assert client.head(reverse("service_events", args=[transport.uid])).status_code == 200
    other = TransportFactory(kind="smtp")
    assert call(client, other, {}).status_code == 404
    assert Transport.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "reason", "detail", "meaning"),
    [
        ("bounced", "bounced", "HardBounce smtp;550 5.1.1 unknown", "hard_bounce"),
        ("bounced", "bounced", "SoftBounce", "soft_bounce"),
        ("bounced", "bounced", "permanent 5.2.2 mailbox full", "soft_bounce"),
        ("bounced", "bounced", "450 4.2.1 try later", "soft_bounce"),
        ("bounced", "bounced", "", "hard_bounce"),
        ("bounced", "blocked", "", "soft_bounce"),
        ("bounced", "", "550 5.7.1 our policy refuses you", "soft_bounce"),
        ("rejected", "invalid", "", "hard_bounce"),
        ("rejected", "unsubscribed", "", None),
        ("rejected", "spam", "", "complaint"),
        ("complained", "", "", "complaint"),
        ("deferred", "", "450 4.2.1", None),
        ("failed", "other", "", None),
        ("delivered", "", "250 ok", None),
    ],
)
def test_what_each_event_means_for_an_address(kind, reason, detail, meaning):
    assert feedback_of(kind, reason, detail) == meaning
