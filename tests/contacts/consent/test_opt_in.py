"""Double opt-in: the mail, the page behind its link, and everything that must not record a permission."""

import datetime as dt
import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.consent import services
from contacts.consent.links import opt_in_url
from contacts.consent.models import ConsentEvent, OptInRequest
from contacts.consent.queries import is_permitted
from contacts.consent.services.opt_in import mail_due
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import ContactPointFactory, PersonFactory, TopicFactory, UserFactory

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def ada():
    cache.clear()
    person = PersonFactory(given_name="Ada", family_name="Banda", language="fr")
    ContactPointFactory(person=person, value="ada@example.org")
    return person


def ask(subject, topic, actor=None):
    return services.ask_permission(
        subject=subject, topic=topic, source="Spoke at the forum", actor=actor or UserFactory()
    )


def link_in(message) -> str:
    return re.search(r"https?://\S+/yes/\S+/", message.body)[0]


def path_of(request) -> str:
    return reverse("opt_in", args=[opt_in_url(request.uid).rstrip("/").rpartition("/")[2]])


def text(answer) -> str:
    return answer.content.decode()


def test_the_mail_asks_in_their_language_and_records_nothing(ada):
    topic = TopicFactory(name="News", names={"fr": "Nouvelles"})
    request = ask(ada, topic)

    assert mail_due() == 1

    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    assert message.subject == "Merci de confirmer : Nouvelles"
    assert "Bonjour Ada Banda" in message.body and "Nouvelles" in message.body
    assert link_in(message) == opt_in_url(request.uid)
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    request.refresh_from_db()
    assert (request.state, request.expires_at - request.sent_at) == ("sent", dt.timedelta(days=14))
    assert not ConsentEvent.objects.exists()
    assert mail_due() == 0, "it goes once"


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (X11; Linux)", "BarracudaCentral scanner", ""])
def test_opening_the_link_again_and_again_changes_nothing(ada, agent):
    request = ask(ada, TopicFactory())
    mail_due()
    visitor = Client(headers={"user-agent": agent})

    for _time in range(3):
        answer = visitor.get(path_of(request))
        visitor.head(path_of(request))
        visitor.options(path_of(request))

    assert answer.status_code == 200 and "<form" in text(answer)
    assert not ConsentEvent.objects.exists()
    request.refresh_from_db()
    assert request.state == "sent"


def test_the_button_records_it_once_with_evidence(ada):
    topic = TopicFactory()
    request = ask(ada, topic)
    mail_due()
    phone = Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile"})

    for _tab in range(2):
        answer = phone.post(path_of(request), {"do": "yes"})

    assert answer.status_code == 200 and "Merci" in text(answer)
    event = ConsentEvent.objects.get()
    assert (event.action, event.lawful_basis, event.source) == ("grant", "consent", "double opt-in")
    assert "a phone's browser" in event.evidence and "iPhone" not in event.evidence
    assert str(request.uid) in event.evidence and "Spoke at the forum" in event.evidence
    assert bytes(event.address_hash) == bytes(request.address_hash)
    assert is_permitted(subject_uid=ada.uid, topic=topic)
    assert AuditEntry.objects.filter(verb="consent.granted", door="link").count() == 1


@pytest.mark.parametrize(("language", "words"), [("en", "May we write to you?"), ("es", "¿Podemos escribirle?"), ("ar", "هل لنا أن نكتب إليكم؟"), ("fr", "Pouvons-nous vous écrire")])  # fmt: skip
def test_the_page_speaks_four_languages(ada, language, words):
    request = ask(ada, TopicFactory())
    mail_due()

    answer = Client().get(path_of(request), {"lang": language})

    assert words in text(answer)
    assert f'lang="{language}"' in text(answer) and answer["Content-Language"] == language


def test_a_link_that_is_too_old_records_nothing(ada):
    request = ask(ada, TopicFactory())
    mail_due()
    OptInRequest.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))

    answer = Client().post(path_of(request), {"do": "yes"})

    assert answer.status_code == 410 and not ConsentEvent.objects.exists()
    mail_due()
    request.refresh_from_db()
    assert request.state == "expired"


def test_forged_and_broken_links_are_told_so(ada):
    request = ask(ada, TopicFactory())
    mail_due()
    token = path_of(request).strip("/").partition("/")[2]
    forged = ("A" if token[0] != "A" else "B") + token[1:]

    for bad in (forged, "x", token[:-2]):
        answer = Client().post(reverse("opt_in", args=[bad]), {"do": "yes"})
        assert answer.status_code == 404
    assert not ConsentEvent.objects.exists()


def test_an_address_is_asked_once_in_ninety_days(ada, settings):
    topic = TopicFactory()
    request = ask(ada, topic)
    with pytest.raises(Invalid, match="asked not long ago"):
        ask(ada, topic)
    mail_due()
    services.revoke_request(request=request, actor=UserFactory())
    with pytest.raises(Invalid, match="asked not long ago"):
        ask(ada, topic)

    OptInRequest.objects.update(created_at=timezone.now() - dt.timedelta(days=91))
    assert ask(ada, topic).state == "waiting"
    assert ask(ada, TopicFactory()).state == "waiting", "another topic is another question"


def test_the_same_address_at_two_people_is_asked_once(ada):
    topic, twin = TopicFactory(), PersonFactory()
    ContactPointFactory(person=twin, value="ADA@example.org")
    ask(ada, topic)

    with pytest.raises(Invalid, match="asked not long ago"):
        ask(twin, topic)


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (lambda ada, topic: services.withdraw_consent(subject=ada, topic=topic, source="call"), "withdrew it"),
        (lambda ada, topic: services.suppress_address(address="ada@example.org", reason="manual", source="x"), "suppressed"),
        (lambda ada, topic: services.grant_consent(subject=ada, topic=topic, lawful_basis="consent", source="f"), "before"),
        (lambda ada, topic: ada.contact_points.update(status="bouncing"), "no usable"),
    ],
)  # fmt: skip
def test_who_must_not_be_asked_is_not(ada, before, why):
    topic = TopicFactory()
    before(ada, topic)

    with pytest.raises(Invalid, match=why):
        ask(ada, topic)
    assert not OptInRequest.objects.exists()


def test_mail_server_down_the_request_waits_and_says_so(ada, settings):
    first, second = ask(ada, TopicFactory()), ask(ada, TopicFactory())
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", 1

    assert mail_due() == 0

    for request in (first, second):
        request.refresh_from_db()
        assert request.state == "waiting" and request.sent_at is None
        assert "does not answer" in request.problem and request.due_at > timezone.now()
    with running_sink() as sink:
        settings.EMAIL_PORT = sink.port
        assert mail_due() == 0, "not before its time"
        assert mail_due(now=timezone.now() + dt.timedelta(minutes=2)) == 2
        assert sink.recipients == ["ada@example.org"] * 2
    first.refresh_from_db()
    assert (first.state, first.problem) == ("sent", "")


def test_made_up_addresses_get_nothing_by_a_real_server(ada, settings):
    request = ask(ada, TopicFactory())
    settings.LOCAL = False

    assert mail_due() == 0 and mail.outbox == []
    request.refresh_from_db()
    assert request.state == "revoked" and "made-up" in request.problem


def test_a_suppression_takes_the_question_back(ada):
    request = ask(ada, TopicFactory())
    mail_due()
    services.suppress_address(address="ada@example.org", reason="complaint", source="loop")

    answer = Client().post(path_of(request), {"do": "yes"})

    assert answer.status_code == 410 and not ConsentEvent.objects.exists()


def test_staff_see_and_take_back_what_is_under_way(ada, outreach, viewer, sign_in):
    topic = TopicFactory(name="Campaign news")
    url = reverse("consent_ask", args=["person", ada.uid])
    sign_in(outreach).post(url, {"topic": str(topic.uid), "source": "Forum", "evidence": ""})
    request = OptInRequest.objects.get()

    page = text(sign_in(outreach).get(reverse("opt_in_list")))
    assert "Campaign news" in page and "Ada Banda" in page and "waits to be mailed" in page
    assert sign_in(viewer).post(reverse("opt_in_revoke", args=[request.uid])).status_code == 403
    assert sign_in(outreach).post(reverse("opt_in_revoke", args=[request.uid])).status_code == 302

    request.refresh_from_db()
    assert request.state == "revoked"
    assert mail_due() == 0 and mail.outbox == []
    assert "Nobody is being asked" in text(sign_in(outreach).get(reverse("opt_in_list")))
    assert "taken back" in text(sign_in(outreach).get(reverse("opt_in_list"), {"all": "1"}))


def test_what_was_confirmed_is_not_taken_back(ada, outreach):
    request = ask(ada, TopicFactory())
    mail_due()
    services.confirm(uid=request.uid)

    with pytest.raises(Conflict, match="confirmed it already"):
        services.revoke_request(request=request, actor=outreach)


def test_asking_is_refused_in_the_form_with_the_reason(ada, outreach, sign_in):
    topic = TopicFactory()
    services.withdraw_consent(subject=ada, topic=topic, source="call")

    answer = sign_in(outreach).post(
        reverse("consent_ask", args=["person", ada.uid]), {"topic": str(topic.uid), "source": "Forum"}
    )

    assert answer.status_code == 422 and "withdrew it" in text(answer)


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_of_questions_asks_the_database_the_same_number_of_times(
    number, outreach, sign_in, django_assert_max_num_queries
):
    for _one in range(number):
        person = PersonFactory()
        ContactPointFactory(person=person)
        ask(person, TopicFactory())
    client = sign_in(outreach)
    client.get(reverse("opt_in_list"))

    with django_assert_max_num_queries(13):
        client.get(reverse("opt_in_list"))
