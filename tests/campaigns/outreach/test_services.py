import datetime as dt
import json
import socket
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import message_id, reply_address, return_path
from campaigns.delivery.models import Delivery, Feedback
from campaigns.engagement.models import DeliveryEngagement, EngagementDay
from campaigns.outreach import services
from campaigns.outreach.intake import take_in_folder
from campaigns.outreach.mail import classify
from campaigns.outreach.mail.parts import parse
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.outreach.tasks import handle_inbound
from contacts.consent.models import ConsentState, Suppression
from contacts.consent.services import grant_consent
from contacts.directory.models import ContactPoint, Organization, Person
from crm.audit.services import undo
from crm.local.mailbox import letters
from tests.campaigns.ledger import delivery, sent_mailing
from tests.campaigns.outreach.mail import corpus
from tests.campaigns.outreach.test_reading import dsn, original
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db
REPLY = (
    b"From: Awa Diop <awa@ministry.test>\nSubject: Re: Coverage\nMessage-ID: <a@ministry.test>\n\n"
    b"Whom should we call?\n\n> our text\n"
)


@pytest.fixture
def row(db):
    return delivery(sent_mailing(), organization_id=OrganizationFactory().pk)


def receive(raw, recipient, sender=""):
    inbound = services.take_in(raw=raw, recipient=recipient, sender=sender)
    services.handle(inbound_id=inbound.pk)
    inbound.refresh_from_db()
    return inbound


def point_of(row):
    return ContactPoint.objects.get(address_key=row.address_key)


def test_hard_bounce_makes_the_address_invalid_and_leaves_the_ledger_alone(row):
    inbound = receive(dsn("5.1.1", code="550 5.1.1 gone"), return_path(row.mailing_id, row.seq))

    found = Feedback.objects.get()
    assert (found.mailing_id, found.seq, found.kind, found.status, found.reason) == (
        row.mailing_id, row.seq, "hard_bounce", "5.1.1", "550 5.1.1 gone",
    )  # fmt: skip
    assert (inbound.state, inbound.kind) == ("handled", "bounce")
    assert (point_of(row).status, point_of(row).status_reason) == ("invalid", "550 5.1.1 gone")
    assert Delivery.objects.get(mailing_id=row.mailing_id, seq=row.seq).state == "accepted"


def test_soft_bounces_count_and_the_third_in_a_row_makes_it_bouncing(row):
    mailings = [row, *(delivery(sent_mailing(), person=Person.objects.get(pk=row.person_id), address=f"x{n}@y.test",
                                address_key=row.address_key) for n in range(2))]  # fmt: skip
    states = []
    for one in mailings:
        receive(dsn("4.2.2"), return_path(one.mailing_id, one.seq))
        states.append(point_of(row).status)

    assert states == ["active", "active", "bouncing"]


def test_same_bounce_twice_is_one(row):
    for _ in range(2):
        receive(dsn("5.1.1"), return_path(row.mailing_id, row.seq))
    receive(dsn("5.1.1", code="another copy"), return_path(row.mailing_id, row.seq))

    assert InboundMessage.objects.count() == 2
    assert Feedback.objects.count() == 1


def test_reply_is_an_interaction_with_everything_that_follows(row):
    inbound = receive(REPLY, reply_address(row.mailing_id, row.seq), "awa@ministry.test")

    interaction = Interaction.objects.get()
    assert (interaction.person_id, interaction.organization_id) == (row.person_id, row.organization_id)
    assert (interaction.mailing_id, interaction.seq, interaction.kind) == (row.mailing_id, row.seq, "reply")
    assert (interaction.subject, interaction.text) == ("Re: Coverage", "Whom should we call?")
    assert DeliveryEngagement.objects.get().replied_at == inbound.received_at
    assert EngagementDay.objects.get(person_id=row.person_id).replies == 1
    assert Person.objects.get(pk=row.person_id).last_engaged_at == inbound.received_at
    assert Organization.objects.get(pk=row.organization_id).last_contacted_at == inbound.received_at


def test_handling_twice_does_nothing_twice(row):
    inbound = services.take_in(raw=REPLY, recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test")

    assert services.handle(inbound_id=inbound.pk) is not None
    assert services.handle(inbound_id=inbound.pk) is None
    assert services.take_in(raw=REPLY, recipient=inbound.recipient, sender=inbound.sender) == inbound
    assert Interaction.objects.count() == 1


def test_automatic_reply_is_kept_apart(row):
    raw = b"From: a@b.test\nSubject: Away\nAuto-Submitted: auto-replied\n\nUntil Monday\n"

    inbound = receive(raw, reply_address(row.mailing_id, row.seq), "a@b.test")

    assert (inbound.kind, inbound.state, inbound.mailing_id) == ("auto", "handled", row.mailing_id)
    assert Interaction.objects.count() == 0
    assert DeliveryEngagement.objects.count() == 0


def test_complaint_withdraws_the_topic_and_suppresses_the_address(row):
    mailing = sent_mailing()
    row = delivery(mailing)
    person = Person.objects.get(pk=row.person_id)
    grant_consent(subject=person, topic=mailing.topic, lawful_basis="consent", source="test")
    letter = letters.complaint(original(), return_path(row.mailing_id, row.seq), row.address)

    receive(letter.raw, letter.recipient)

    assert Feedback.objects.get(mailing_id=mailing.pk).kind == "complaint"
    assert Suppression.objects.get().reason == "complaint"
    assert point_of(row).status == "complained"
    assert ConsentState.objects.get(subject_uid=person.uid).is_granted is False


def nothing_followed(row):
    return (
        not Feedback.objects.exists()
        and not Suppression.objects.exists()
        and not ConsentState.objects.filter(is_granted=False).exists()
        and (point_of(row).status, point_of(row).bounce_count) == ("active", 0)
    )


@pytest.mark.parametrize("status", ["5.1.1", "4.2.2"])
def test_forged_bounce_changes_nothing(row, status):
    """Without a signed return path: no address at all, one made up, one of another kind, and a Message-ID that was quoted."""
    from campaigns.mailings.models import Mailing

    ours = message_id(Mailing.objects.get(pk=row.mailing_id).uid, row.seq).encode()
    forged = dsn(status, code="550 gone").replace(b"<ours@campaign.test>", ours)
    real = return_path(row.mailing_id, row.seq)
    token = real.partition(".")[2].partition("@")[0]
    altered = real.replace(token, ("a" if token[0] != "a" else "b") + token[1:])

    for recipient in (f"postmaster@{django_settings.RETURN_DOMAIN}", f"b.forged@{django_settings.RETURN_DOMAIN}", altered,
                      reply_address(row.mailing_id, row.seq), "r" + real[1:]):  # fmt: skip
        inbound = receive(forged, recipient)
        assert (inbound.state, inbound.kind, inbound.mailing_id) == ("unmatched", "bounce", None)
        assert "nothing was changed" in inbound.note
    assert nothing_followed(row)


def test_forged_complaint_changes_nothing(row):
    letter = letters.complaint(original(), "b.forged@bounce.campaign.test", row.address)

    assert receive(letter.raw, "fbl@bounce.campaign.test").state == "unmatched"
    assert nothing_followed(row)


@pytest.mark.parametrize(
    "place",
    [
        b"To: <%b>\n" + dsn("5.1.1"),
        b"X-Original-To: %b\n" + dsn("5.1.1"),
        dsn("5.1.1").replace(b"Message-ID: <ours", b"Return-Path: <%b>\nMessage-ID: <ours"),
        dsn("5.1.1").replace(
            b"Reporting-MTA: dns; mx.test", b"Reporting-MTA: dns; mx.test\nX-Postfix-Sender: rfc822; %b"
        ),
    ],
)
def test_bounce_is_known_by_a_return_path_where_servers_write_it(row, place):
    """A mailbox that is read by IMAP gets everything under one address of its own."""
    raw = place.replace(b"%b", return_path(row.mailing_id, row.seq).encode())

    inbound = receive(raw, f"everything@{django_settings.RETURN_DOMAIN}")

    assert (inbound.state, inbound.mailing_id, inbound.seq) == ("handled", row.mailing_id, row.seq)
    assert point_of(row).status == "invalid"


def test_complaint_to_the_address_of_a_feedback_loop_is_known_by_the_message_that_it_returns(row):
    from campaigns.mailings.models import Mailing

    ours = original()
    ours.replace_header("Message-ID", message_id(Mailing.objects.get(pk=row.mailing_id).uid, row.seq))
    letter = letters.complaint(ours, "redacted@redacted.test", "redacted@redacted.test")

    inbound = receive(letter.raw, "fbl@bounce.campaign.test")

    assert (inbound.state, inbound.mailing_id, inbound.seq) == ("handled", row.mailing_id, row.seq)
    assert Suppression.objects.get().reason == "complaint"


def test_every_letter_of_the_corpus_is_handled_as_what_it_is():
    """To a return path of ours; each to a message of its own."""
    mailing = sent_mailing()
    kinds = {"hard": "bounce", "soft": "bounce", "complaint": "complaint", "auto_reply": "auto", "reply": "reply"}
    wrong = []
    for name, kind, _recipients in corpus.CORPUS:
        one = delivery(mailing)
        sender = classify.envelope_sender(parse(corpus.RAW[name]))
        inbound = receive(corpus.RAW[name], return_path(mailing.pk, one.seq), "a@b.test" if sender is None else sender)
        found = Feedback.objects.filter(mailing_id=mailing.pk, seq=one.seq).values_list("kind", flat=True)
        is_delay = name.endswith(("delayed", "delay", "warning-4-hours"))
        wanted = (
            []
            if is_delay
            else {"hard": ["hard_bounce"], "soft": ["soft_bounce"], "complaint": ["complaint"]}.get(kind, [])
        )
        kept = "auto" if is_delay else kinds.get(kind)
        if inbound.state != "handled" or list(found) != wanted or (kept and inbound.kind != kept):
            wrong.append((name, inbound.state, inbound.kind, list(found)))

    assert wrong == []


def test_report_of_a_failed_signature_and_of_no_spam_are_no_complaints(row):
    for kind in (b"auth-failure", b"not-spam"):
        letter = letters.complaint(original(), return_path(row.mailing_id, row.seq), row.address)
        receive(letter.raw.replace(b"Feedback-Type: abuse", b"Feedback-Type: " + kind), letter.recipient)

    assert nothing_followed(row)


@pytest.mark.parametrize("recipient", ["b.forged@bounce.campaign.test", "somebody@else.test"])
def test_mail_that_belongs_to_no_mailing_is_kept_and_listed(row, recipient):
    inbound = receive(REPLY, recipient, "a@b.test")

    assert inbound.state == "unmatched"
    assert list(InboundMessage.objects.left_over()) == [inbound]
    assert Interaction.objects.count() == 0


def test_reply_after_soft_bounces_shows_that_the_address_works(row):
    ContactPoint.objects.filter(address_key=row.address_key).update(status="bouncing", bounce_count=3)

    receive(REPLY, reply_address(row.mailing_id, row.seq), "a@b.test")

    assert (point_of(row).status, point_of(row).bounce_count) == ("active", 0)


def test_answered_reply_leaves_the_list_and_undo_puts_it_back(row, outreach):
    receive(REPLY, reply_address(row.mailing_id, row.seq), "a@b.test")
    interaction = Interaction.objects.get()

    entry = services.answer_reply(interaction=interaction, actor=outreach)

    assert services.answer_reply(interaction=interaction, actor=outreach) is None
    assert not Interaction.objects.to_answer().exists()
    undo(entry=entry, actor=outreach)
    assert list(Interaction.objects.to_answer()) == [interaction]


def test_folder_is_taken_in_once_and_emptied(tmp_path, row):
    for number in range(2):
        (tmp_path / f"{number}.eml").write_bytes(REPLY)
        (tmp_path / f"{number}.json").write_text(json.dumps({"sender": "a@b.test", "recipient": "x@y.test"}))
    (tmp_path / "3.eml").write_bytes(b"its envelope is not there yet")
    (tmp_path / "4.json").write_text("{broken")
    (tmp_path / "4.eml").write_bytes(b"x")

    assert take_in_folder(tmp_path) == 2
    assert InboundMessage.objects.count() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.eml", "4.bad", "4.eml"]


class Mailbox:
    """A mail server that keeps what it gets, or says no."""

    def __init__(self):
        self.got, self.answer = [], "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answer.startswith("250"):
            self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return self.answer


@pytest.fixture
def smtp(settings, folder):
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield mailbox
    controller.stop()


@pytest.mark.parametrize(
    ("mailbox", "written"),
    [("officer@campaign.test", "officer@campaign.test"), ("officer@büro.test", "officer@xn--bro-hoa.test")],
)
def test_reply_is_forwarded_to_the_senders_mailbox_once(row, smtp, mailbox, written):
    from campaigns.mailings.models import Mailing

    sender = Mailing.objects.get(pk=row.mailing_id).sender
    sender.reply_to = mailbox
    sender.save()
    services.take_in(raw=REPLY, recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test")

    assert [handle_inbound(), handle_inbound()] == [1, 0]

    [(recipients, message)] = smtp.got
    assert recipients == [written]
    assert message["Reply-To"] == "Awa Diop <awa@ministry.test>"
    assert message["From"].addresses[0].display_name == "Awa Diop via Groundswell"
    assert "Whom should we call?" in message.get_content()
    assert InboundMessage.objects.get().forwarded_at is not None


def test_reply_that_cannot_be_written_anew_goes_as_a_file(row, smtp):
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    head = b"From: Awa <awa@ministry.test>\nSubject: Re: Coverage\nIn-Reply-To: <x@y.test>\n"
    for raw in (head + deep + b"\nhello", REPLY):
        services.take_in(raw=raw, recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test")

    assert handle_inbound() == 2

    broken, whole = (message for _recipients, message in smtp.got)
    assert (broken["Subject"], broken["Reply-To"]) == ("Re: Coverage", "awa@ministry.test")
    assert [part.get_filename() for part in broken.iter_attachments()] == ["reply.eml"]
    assert "Whom should we call?" in whole.get_content()


def test_reply_waits_for_a_mail_server_that_says_later(row, smtp):
    services.take_in(raw=REPLY, recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test")
    smtp.answer = "451 later"
    handle_inbound()
    assert InboundMessage.objects.get().forwarded_at is None

    smtp.answer = "250 OK"
    handle_inbound()

    assert len(smtp.got) == 1
    assert Interaction.objects.count() == 1


def test_message_that_breaks_the_handler_fails_alone(row, smtp, monkeypatch):
    broken = services.take_in(raw=b"broken", recipient="x@y.test", sender="a@b.test")
    services.take_in(raw=REPLY, recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test")
    real = services.read_message

    def read(raw, **kwargs):
        if raw == b"broken":
            raise ValueError("cannot")
        return real(raw, **kwargs)

    monkeypatch.setattr(services, "read_message", read)

    assert handle_inbound() == 1

    broken.refresh_from_db()
    assert (broken.state, broken.note) == ("failed", "ValueError: cannot")


def test_what_was_not_matched_or_not_read_is_looked_at_again_and_does_what_it_would_have_done(
    row, smtp, sign_in, admin, planner, settings, monkeypatch
):
    keys, settings.TRACKING_KEYS = settings.TRACKING_KEYS, {"other": b"x" * 32}  # a restore that lacks a key
    lost = services.take_in(
        raw=dsn("5.1.1", code="550 5.1.1 gone"), recipient=return_path(row.mailing_id, row.seq), sender=""
    )
    settings.TRACKING_KEYS = {"newer": b"y" * 32}
    broken = services.take_in(raw=b"broken", recipient="x@y.test", sender="a@b.test")
    services.give_up(inbound_id=broken.pk, why="ZeroDivisionError")
    services.handle(inbound_id=lost.pk)
    lost.refresh_from_db()
    assert (lost.state, Feedback.objects.count()) == ("unmatched", 0)
    client, page = sign_in(admin), reverse("returned_mail")
    assert reverse("returned_mail_again") in client.get(page).content.decode()

    settings.TRACKING_KEYS = {**keys, "other": b"x" * 32}
    posted: list[object] = []
    monkeypatch.setattr("campaigns.outreach.settings_views.post", posted.append)
    said = client.post(reverse("returned_mail_again"), follow=True).content.decode()
    handle_inbound()

    assert "2 messages are looked at again." in said and posted == [handle_inbound]
    lost.refresh_from_db()
    assert (lost.state, Feedback.objects.get().kind, point_of(row).status) == ("handled", "hard_bounce", "invalid")
    broken.refresh_from_db()
    assert broken.state == "unmatched"
    InboundMessage.objects.all().delete()
    assert reverse("returned_mail_again") not in client.get(page).content.decode()
    assert sign_in(planner).post(reverse("returned_mail_again")).status_code == 403


def test_older_reply_does_not_turn_the_clock_back(row):
    later = timezone.now() + dt.timedelta(days=1)
    Person.objects.filter(pk=row.person_id).update(last_engaged_at=later)

    receive(REPLY, reply_address(row.mailing_id, row.seq), "a@b.test")

    assert Person.objects.get(pk=row.person_id).last_engaged_at == later
