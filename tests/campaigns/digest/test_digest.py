"""The weekly mail: what it says, once a week, and off by one press."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from campaigns.digest import mailing
from campaigns.digest.building import digest_of
from campaigns.digest.models import DigestWeek
from campaigns.guard.models import ContactGuard
from campaigns.positions.models import PositionStep
from campaigns.todo.services import add_task
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.factories import AskFactory, DriveFactory, GrantFactory, OrganizationFactory, StepFactory, UserFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
MONDAY = datetime.combine(TODAY - timedelta(TODAY.weekday()), time(9), UTC)


@pytest.fixture
def lead():
    """Leads a drive of Zambia and Chad in which one side is known, and looks after it; a ministry moved, a task is due."""
    user = GrantFactory(role="planner", user=UserFactory(time_zone="UTC")).user
    today = TODAY
    drive = DriveFactory(
        owner=user, name="Ten countries", countries=["ZM", "TD"], ends_on=today + timedelta(90), starts_on=today - timedelta(9)
    )  # fmt: skip
    ministry = OrganizationFactory(name="Ministry of Labour", country__code="ZM", constituency__code="GOV")
    StepFactory(organization=ministry, ask=AskFactory(drive=drive, name="Adopt a plan"), on=today, stance=5)
    ContactGuard.objects.create(organization=ministry, owner=user)
    add_task(actor=user, title="Send the draft", due_on=today)
    add_task(actor=user, title="Next month", due_on=today + timedelta(30))
    return user


def test_it_says_what_moved_cools_is_due_and_is_blind(lead):
    digest = digest_of(lead)

    said = {section.code: [line.words for line in section.lines] for section in digest.sections}
    assert said["moved"] == ["Ministry of Labour is interested: Adopt a plan"]
    assert said["cools"] == ["Ministry of Labour: You look after it, and it never talked with us"]
    assert len(said["due"]) == 1 and said["due"][0].endswith("Send the draft")
    assert len(said["blind"]) == 1 and said["blind"][0].startswith("Ten countries: nobody known for")
    assert digest.subject == "Your week: 1 moved, 1 cools, 1 due, 1 blind spot"
    assert digest_of(GrantFactory(role="viewer").user).is_empty


def test_it_leaves_once_a_week_on_monday_morning(lead):
    nothing_to_say = GrantFactory(role="viewer", user=UserFactory(time_zone="UTC")).user
    assert mailing.mail_digests(now=MONDAY.replace(hour=6)) == 0
    assert mailing.mail_digests(now=MONDAY + timedelta(days=3)) == 0  # too late in the week
    assert not mail.outbox

    assert mailing.mail_digests(now=MONDAY) == 1
    assert mailing.mail_digests(now=MONDAY + timedelta(hours=1)) == 0
    message = mail.outbox[0]
    assert message.to == [lead.email] and "Send the draft" in message.body
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.extra_headers["List-Unsubscribe"][1:-1] in message.body
    assert DigestWeek.objects.filter(user=nothing_to_say, sent_at=None).count() == 1
    assert mailing.mail_digests(now=MONDAY + timedelta(days=7)) == 1
    assert mailing.week_of(UserFactory(time_zone="Pacific/Auckland"), MONDAY - timedelta(hours=14)) == MONDAY.date()


def test_the_mail_is_text_and_html_that_says_what_got_better_or_worse_and_hides_nothing(lead, settings):
    union = OrganizationFactory(name="<b>Union</b>", country__code="TD", constituency__code="WRK")
    ask = PositionStep.objects.get().ask
    for stance, ago in ((6, 20), (3, 1)):
        StepFactory(organization=union, ask=ask, stance=stance, on=TODAY - timedelta(days=ago))

    digest = digest_of(lead)
    message = mailing.message_of(digest)

    ways = {line.words.partition(":")[0]: line.way for line in digest.sections[0].lines}
    assert ways == {"<b>Union</b>": "down", "Ministry of Labour is interested": ""}
    [(html, kind)] = message.alternatives
    assert kind == "text/html" and "▼" in html and "▲" not in html
    assert "&lt;b&gt;Union&lt;/b&gt;" in html and "<b>Union" not in html
    assert f'href="{message.extra_headers["List-Unsubscribe"][1:-1]}"' in html
    for line in (line for section in digest.sections for line in section.lines):
        assert f'href="{escape(settings.BASE_URL + line.url)}"' in html
    assert "<script" not in html and "src=" not in html


def test_a_mail_server_that_takes_nothing_is_tried_again(lead, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert mailing.mail_digests(now=MONDAY) == 0
    week = DigestWeek.objects.get(user=lead)
    assert (week.claimed_at, week.tries) == (None, 1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mailing.mail_digests(now=MONDAY) == 0  # not yet
    assert mailing.mail_digests(now=MONDAY + timedelta(minutes=16)) == 1


def test_one_press_turns_it_off_and_looking_at_the_link_does_not(client, sign_in, lead):
    path = mailing.off_url(lead).partition("/week/")[2]
    url = f"/week/{path}"
    assert client.get(url).status_code == 200 and client.head(url).status_code == 200
    assert mailing.is_on(lead)
    for _n in range(2):  # a mail program's press, twice
        assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not mailing.is_on(lead) and AuditEntry.objects.filter(verb="digestchoice.set").count() == 1
    assert mailing.mail_digests(now=MONDAY) == 0
    assert client.post(url[:-2] + "xx/", {}).status_code == 404
    client.post(url, {"on": "1"})
    assert mailing.is_on(lead)
    page = sign_in(lead).get(reverse("digest")).content.decode()
    assert "Send the draft" in page
    sign_in(lead).post(reverse("digest"), {"is_off": "1"})
    undo(entry=AuditEntry.objects.filter(verb="digestchoice.set").latest("pk"), actor=lead)
    assert mailing.is_on(lead)
