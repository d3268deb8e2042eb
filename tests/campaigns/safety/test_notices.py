"""Mail to the owner of a mailing that paused by itself: one for each pause, never in a loop."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from campaigns.delivery import breaker
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import resume
from campaigns.mailings.states import State
from campaigns.safety import notices, services
from campaigns.safety.models import PauseNotice
from campaigns.safety.tasks import mail_notices
from crm.accounts.models import User
from tests.campaigns.delivery.conftest import no_wake_ups  # noqa: F401 a fixture
from tests.campaigns.safety.test_pausing import set_counts
from tests.factories import MailingFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_wake_ups")]


@pytest.fixture
def owner():
    return UserFactory(email="writer@coalition.eu", name="Chidi")


@pytest.fixture
def sending(owner):
    return MailingFactory(name="Newsletter", state=State.SENDING, written_by=owner)


def later(**ago: float):
    return timezone.now() + timedelta(**ago)


def test_owner_gets_one_mail_that_says_why_and_where(sending, settings) -> None:
    set_counts(sending, accepted=10, failed=30)
    services.check(mailing_id=sending.pk)

    assert mail_notices() == 1
    assert mail_notices() == 0

    (letter,) = mail.outbox
    assert letter.to == ["writer@coalition.eu"]
    assert letter.subject == "“Newsletter” is paused"
    assert "30 of 40 messages failed or bounced for good: 75 %" in letter.body
    assert f"{settings.BASE_URL}/mailings/{sending.uid}/" in letter.body
    notice = PauseNotice.objects.get()
    assert (notice.sent_to, notice.tries, notice.dropped) == (sending.written_by, 1, "")


def test_transport_that_comes_back_soon_is_no_news(sending, planner) -> None:
    breaker.trip(mailing_id=sending.pk, transport_id=sending.transport_id, reason="it does not answer")
    assert notices.mail_due() == 0
    resume(mailing=sending, actor=planner)

    assert notices.mail_due(now=later(minutes=3)) == 0

    assert mail.outbox == []
    assert PauseNotice.objects.get().dropped == "over"


def test_transport_that_stays_away_is_told_once_an_hour(sending) -> None:
    for _time in range(3):
        breaker.trip(mailing_id=sending.pk, transport_id=sending.transport_id, reason="it does not answer")
        Mailing.objects.update(state=State.SENDING, state_reason="")
    breaker.trip(mailing_id=sending.pk, transport_id=sending.transport_id, reason="it does not answer")
    assert PauseNotice.objects.count() == 1

    assert notices.mail_due(now=later(minutes=3)) == 1

    assert "It goes on by itself" in mail.outbox[0].body
    assert notices.announce(mailing_id=sending.pk, kind="transport", reason="again") is None
    assert notices.announce(mailing_id=sending.pk, kind="transport", reason="again", now=later(minutes=61)) is not None


def test_mail_server_that_is_down_is_tried_five_times_and_given_up(sending, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    set_counts(sending, accepted=10, failed=30)
    services.check(mailing_id=sending.pk)

    for _try in range(10):
        assert notices.mail_due(now=PauseNotice.objects.get().due_at) == 0

    notice = PauseNotice.objects.get()
    assert (notice.tries, notice.dropped, notice.sent_at) == (5, "mail_down", None)
    assert notice.due_at - notice.at >= timedelta(minutes=321)


def test_mail_that_could_not_leave_leaves_later(sending, settings) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    set_counts(sending, accepted=10, failed=30)
    services.check(mailing_id=sending.pk)
    notices.mail_due()
    settings.EMAIL_BACKEND = backend

    assert notices.mail_due() == 0  # not yet
    assert notices.mail_due(now=later(minutes=2)) == 1


def test_owner_who_left_gives_way_to_an_administrator(sending, owner, admin) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    set_counts(sending, accepted=10, failed=30)
    services.check(mailing_id=sending.pk)

    notices.mail_due()

    assert [letter.to for letter in mail.outbox] == [[admin.email]]


def test_nobody_to_tell_is_written_down(sending, owner) -> None:
    User.objects.update(is_active=False)
    set_counts(sending, accepted=10, failed=30)
    services.check(mailing_id=sending.pk)

    assert notices.mail_due() == 0
    assert PauseNotice.objects.get().dropped == "nobody"
    assert mail.outbox == []
