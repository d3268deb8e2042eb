"""A sender's address is proven by whoever reads it; until then nothing leaves in its name."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.audience import audience_summary
from campaigns.delivery.preflight import findings
from campaigns.mailings import proving, services
from campaigns.mailings.approval import content_hash
from campaigns.mailings.models import Mailing, MailingTest, Sender
from campaigns.mailings.testing import send_test
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from tests.factories import MailingFactory, SenderFactory

pytestmark = pytest.mark.django_db


def unproven(**values: object) -> Sender:
    return SenderFactory(confirmed_email="", confirmed_at=None, **values)


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"https?://[^/\s]+(/sender/\S+)", str(message.body))
    assert found is not None
    return found[1]


def state(client: Client) -> str:
    return client.get(reverse("sender_list")).content.decode()


def test_new_sender_is_asked_by_mail_and_confirmed_by_a_post(admin, sign_in) -> None:
    client = sign_in(admin)

    client.post(reverse("sender_create"), {"name": "Campaign", "email": "news@campaign.test", "reply_to": ""})

    (letter,) = mail.outbox
    assert letter.to == ["news@campaign.test"]
    assert "Admin of Groundswell" in letter.body and "“Campaign”" in letter.body
    assert "waits for its reader" in state(client)
    visitor = Client(enforce_csrf_checks=False)
    page = visitor.get(link_in(letter))
    assert page.status_code == 200
    assert "<b>Admin</b> of Groundswell asks." in page.content.decode()
    assert not Sender.objects.get().is_confirmed  # looking changes nothing: link scanners look

    assert visitor.post(link_in(letter)).status_code == 200
    assert visitor.post(link_in(letter)).status_code == 200

    assert Sender.objects.get().is_confirmed
    entry = AuditEntry.objects.get(verb="sender.confirmed")
    assert (entry.door, entry.actor, entry.summary) == ("link", None, "news@campaign.test")
    assert "confirmed" in state(client)


def test_another_address_is_another_proof(admin, sign_in) -> None:
    sender = SenderFactory(name="Campaign", email="old@campaign.test")
    client = sign_in(admin)
    address = reverse("sender_edit", args=[sender.uid])

    client.post(address, {"name": "Renamed", "email": "old@campaign.test", "reply_to": ""})
    assert mail.outbox == []
    client.post(address, {"name": "Renamed", "email": "new@campaign.test", "reply_to": ""})
    sender.refresh_from_db()
    assert (sender.is_confirmed, [letter.to for letter in mail.outbox]) == (False, [["new@campaign.test"]])
    first = link_in(mail.outbox[0])
    client.post(address, {"name": "Renamed", "email": "third@campaign.test", "reply_to": ""})

    assert Client().get(first).status_code == 410
    assert Client().post(first).status_code == 410
    sender.refresh_from_db()
    assert not sender.is_confirmed


def test_link_ends_after_a_week_and_nobody_else_can_make_one() -> None:
    sender = unproven()
    now = timezone.now()
    old = proving.confirmation_url(sender, expires_at=now - timedelta(seconds=1)).rsplit("/", 2)[1]
    good = proving.confirmation_url(sender, expires_at=now + timedelta(days=1)).rsplit("/", 2)[1]
    body, key, mac = good.split(".")

    for token in (old, f"{old.split('.')[0]}.{key}.{mac}", f"{body}.zz.{mac}", f"{body}.{key}.AAAA", "x", "a.b.c"):
        with pytest.raises(Conflict):
            proving.confirm(token=token)
        assert Client().get(reverse("sender_confirm", args=[token])).status_code == 410
    sender.refresh_from_db()
    assert not sender.is_confirmed


def test_archived_sender_is_not_confirmed() -> None:
    sender = unproven(archived_at=timezone.now())
    url = proving.confirmation_url(sender, expires_at=timezone.now() + timedelta(days=1))

    assert Client().post(url[url.index("/sender/") :]).status_code == 410


def test_mail_goes_again_but_not_twice_a_minute(admin, sign_in) -> None:
    sender = unproven()
    client = sign_in(admin)
    ask = reverse("sender_ask", args=[sender.uid])

    client.post(ask)
    said = client.post(ask, follow=True).content.decode()
    assert len(mail.outbox) == 1
    assert "less than a minute ago" in said
    Sender.objects.update(confirmation_sent_at=timezone.now() - timedelta(minutes=2))
    client.post(ask)
    assert len(mail.outbox) == 2


def test_mail_server_that_does_not_answer_is_a_message_and_the_sender_is_kept(admin, sign_in, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    form = {"name": "Campaign", "email": "news@campaign.test", "reply_to": ""}

    answer = sign_in(admin).post(reverse("sender_create"), form, follow=True)

    assert answer.status_code == 200
    assert "could not be sent" in answer.content.decode()
    assert "not asked yet" in answer.content.decode()
    assert Sender.objects.get().confirmation_sent_at is None


def test_nothing_is_reviewed_approved_or_sent_in_the_name_of_an_unproven_address(editor, approver) -> None:
    mailing = services.ask_review(mailing=MailingFactory(), actor=editor)
    sender = mailing.sender
    Sender.objects.update(confirmed_email="", confirmed_at=None)
    mailing = Mailing.objects.get()

    with pytest.raises(Invalid) as refused:
        services.approve(mailing=mailing, actor=approver, content_hash=content_hash(mailing), audience_count=1)
    assert refused.value.code == "sender_unconfirmed" and sender.email in refused.value.message
    assert Mailing.objects.get().state == "in_review"
    services.withdraw_review(mailing=mailing, actor=editor)
    with pytest.raises(Invalid, match=f"have the address {re.escape(sender.email)} confirmed"):
        services.ask_review(mailing=mailing, actor=editor)
    with pytest.raises(Invalid, match="Nobody has confirmed"):
        send_test(mailing=Mailing.objects.get(), actor=editor, language="en")
    assert not MailingTest.objects.exists()
    words = [finding.why for finding in findings(Mailing.objects.get(), audience_summary(Mailing.objects.get()))]
    assert any(sender.email in text and "confirmed" in text for text in words)


@pytest.mark.parametrize("verb", ["send_now", "schedule"])
def test_approved_mailing_does_not_leave_when_the_proof_is_gone(editor, verb) -> None:
    at = timezone.now() + timedelta(days=1)
    times = {"send_local": at, "send_at": at} if verb == "schedule" else {}
    mailing = MailingFactory(state="approved", **times)
    Sender.objects.update(confirmed_email="", confirmed_at=None)

    with pytest.raises(Invalid, match="Nobody has confirmed"):
        getattr(services, verb)(mailing=mailing, actor=editor)

    assert Mailing.objects.get().state == "approved"


def test_archived_sender_and_transport_come_back(admin, sign_in) -> None:
    client, sender = sign_in(admin), SenderFactory(name="Old name")

    client.post(reverse("sender_archive", args=[sender.uid]))
    client.post(reverse("sender_archive", args=[sender.uid]))
    assert "Restore" in state(client)
    client.post(reverse("sender_restore", args=[sender.uid]))

    sender.refresh_from_db()
    assert sender.archived_at is None
    assert list(AuditEntry.objects.values_list("verb", flat=True).order_by("pk")) == [
        "sender.archived",
        "sender.restored",
    ]
