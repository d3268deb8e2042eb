import re
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation

from contacts.consent import services
from contacts.consent.links import preference_token, preference_url, read_token
from contacts.consent.models import ConsentEvent, Suppression
from contacts.consent.queries import is_permitted, suppression_of
from contacts.directory.models import UidAlias
from crm.audit.models import AuditEntry, Door
from tests.factories import ContactPointFactory, OrganizationFactory, PersonFactory, TopicFactory

pytestmark = pytest.mark.django_db
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "contacts" / "consent"


@pytest.fixture
def ada():
    cache.clear()
    person = PersonFactory(given_name="Ada", family_name="Banda")
    ContactPointFactory(person=person, value="ada@example.org")
    return person


@pytest.fixture
def visitor():
    return Client(enforce_csrf_checks=True)


def give(subject, topic, **values):
    return services.grant_consent(
        subject=subject, topic=topic, lawful_basis=values.pop("basis", "consent"), source="paper form", **values
    )


def page(subject, **values):
    kind = "person" if subject._meta.model_name == "person" else "organization"
    return reverse("preferences", kwargs={"token": preference_token(subject.uid, kind, **values)})


def form(*topics, on=(), was=(), **values):
    uids = lambda rows: [str(row.uid) for row in rows]  # noqa: E731
    return {"do": "save", "shown": uids(topics), "on": uids(on), "was": uids(was), **values}


# --- the link -------------------------------------------------------------------------------------------------------
def test_token_says_whose_it_is_and_what_carried_it():
    uid = uuid.uuid4()

    link = read_token(preference_token(uid, "organization", 2**40, 1_000_000))

    assert (link.subject.uid, link.subject.kind, link.mailing_id, link.seq) == (uid, "organization", 2**40, 1_000_000)
    assert preference_url(uid).startswith(f"{settings.BASE_URL}/p/")


def test_token_of_an_old_key_still_opens(settings):
    token = preference_token(uuid.uuid4())
    settings.TRACKING_KEYS = {"new": b"n" * 32, **settings.TRACKING_KEYS}

    assert read_token(token) is not None


def test_token_cannot_be_made_or_bent():
    token = preference_token(uuid.UUID(int=5))
    body, key_id, mac = token.split(".")
    other = preference_token(uuid.UUID(int=6)).split(".")

    for bent in ("", "x", "a.b.c", f"{other[0]}.{key_id}.{mac}", f"{body}.none.{mac}", f"{body}.{key_id}.{mac[:-2]}",
                 token + "=", token + "é", f"{body}A.{key_id}.{mac}"):  # fmt: skip
        assert read_token(bent) is None, bent


# --- reading --------------------------------------------------------------------------------------------------------
def test_page_shows_public_topics_and_why(ada, visitor):
    news = TopicFactory(name="Policy news")
    TopicFactory(name="Events")
    TopicFactory(name="Inner circle", is_public=False)
    give(ada, news)

    answer = visitor.get(page(ada))
    text = answer.content.decode()

    assert answer.status_code == 200
    assert text.count('type="checkbox"') == 2 and text.count(" checked") == 1
    assert "You get this because you agreed to it" in text and "paper form" in text
    assert "Inner circle" not in text
    assert "a…@example.org" in text and "ada@example.org" not in text
    assert "No mail is sent to you now" not in text
    assert answer.cookies == {} and answer["Cache-Control"] == "no-store"
    assert "<script>" not in text and "style=" not in text


def test_a_topic_that_is_not_public_is_shown_to_those_who_get_it(ada, visitor):
    inner = TopicFactory(name="Inner circle", is_public=False)
    give(ada, inner, basis="contract")

    assert "Inner circle" in visitor.get(page(ada)).content.decode()

    visitor.post(page(ada), form(inner, was=[inner]))
    assert not is_permitted(subject_uid=ada.uid, topic=inner)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_reading_changes_nothing(ada, visitor, method):
    topic = TopicFactory()
    give(ada, topic)

    answer = getattr(visitor, method)(page(ada) + "?do=everything")

    assert answer.status_code in {200, 204}
    assert is_permitted(subject_uid=ada.uid, topic=topic)
    assert ConsentEvent.objects.count() == 1 and not Suppression.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(ada, visitor, method):
    assert getattr(visitor, method)(page(ada)).status_code == 405


@pytest.mark.parametrize(
    ("query", "person", "browser", "shown"),
    [
        ("?lang=ar", "fr", "es", "ar"),
        ("", "fr", "es", "fr"),
        ("", "fr-CA", "es", "fr"),
        ("", "pt", "es", "es"),
        ("", "", "de", "en"),
        ("?lang=xx", "", "fr", "fr"),
    ],
)
def test_language_of_the_page(ada, visitor, query, person, browser, shown):
    ada.language = person
    ada.save()

    answer = visitor.get(page(ada) + query, headers={"accept-language": browser})

    assert answer["Content-Language"] == shown
    assert f'lang="{shown}" dir="{"rtl" if shown == "ar" else "ltr"}"' in answer.content.decode()


def test_page_is_really_translated(ada, visitor):
    titles = {
        lang: re.search("<h1>(.*?)</h1>", visitor.get(page(ada) + f"?lang={lang}").content.decode()).group(1)
        for lang in ("en", "fr", "es", "ar")
    }

    assert titles["en"] == "What we may write to you about"
    assert len(set(titles.values())) == 4


@pytest.mark.parametrize("language", ["fr", "es", "ar"])
def test_every_public_text_has_a_translation(language):
    texts = set()
    for template in TEMPLATES.glob("*.html"):
        if template.name.startswith(("_public", "_why", "preferences")):
            source = template.read_text()
            texts |= {a or b for a, b in re.findall(r"""{% translate (?:"([^"]*)"|'([^']*)')""", source)}
            blocks = re.findall(r"{% blocktranslate trimmed[^%]*%}(.*?){% endblocktranslate %}", source, re.S)
            texts |= {re.sub(r"{{ (\w+) }}", r"%(\1)s", " ".join(block.split())) for block in blocks}

    with translation.override(language):
        missing = [text for text in texts if translation.gettext(text) == text]

    assert len(texts) > 35
    assert missing == []


# --- changing -------------------------------------------------------------------------------------------------------
def test_save_switches_only_what_was_switched(ada, visitor):
    news, events, press = TopicFactory(name="News"), TopicFactory(name="Events"), TopicFactory(name="Press")
    give(ada, news)
    give(ada, press)

    answer = visitor.post(page(ada), form(news, events, press, on=[events, press], was=[news, press]))
    text = answer.content.decode()

    assert answer.status_code == 200
    assert [is_permitted(subject_uid=ada.uid, topic=topic) for topic in (news, events, press)] == [False, True, True]
    assert "mail to your address is stopped" not in text
    assert "You no longer get" in text and "New for you" in text and "Back to my choices" in text
    assert ConsentEvent.objects.filter(topic=press).count() == 1
    assert set(AuditEntry.objects.exclude(actor=None)) == set()
    assert AuditEntry.objects.filter(door=Door.LINK).count() == 2


def test_save_twice_changes_nothing_more(ada, visitor):
    news = TopicFactory()
    give(ada, news)

    visitor.post(page(ada), form(news, was=[news]))
    again = visitor.post(page(ada), form(news, was=[news]))

    assert "Nothing was changed" in again.content.decode()
    assert ConsentEvent.objects.count() == 2


def test_an_old_tab_does_not_switch_back_on_what_was_withdrawn_elsewhere(ada, visitor):
    news, events = TopicFactory(), TopicFactory()
    give(ada, news)
    services.one_click_unsubscribe(subject=ada, topic=news)

    visitor.post(page(ada), form(news, events, on=[news, events], was=[news]))

    assert not is_permitted(subject_uid=ada.uid, topic=news)
    assert is_permitted(subject_uid=ada.uid, topic=events)


def test_a_topic_that_is_not_offered_cannot_be_switched_on(ada, visitor):
    hidden = TopicFactory(is_public=False)

    visitor.post(page(ada), form(hidden, on=[hidden]))

    assert not ConsentEvent.objects.exists()


def test_language_of_mails_is_saved_and_spoken(ada, visitor):
    answer = visitor.post(page(ada), form(language="fr"))

    ada.refresh_from_db()
    assert ada.language == "fr"
    assert answer["Content-Language"] == "fr"
    assert "Enregistré" in answer.content.decode()

    visitor.post(page(ada), form(language="tlh"))
    ada.refresh_from_db()
    assert ada.language == "fr"


def test_everything_withdraws_suppresses_and_has_a_way_back(ada, visitor):
    news = TopicFactory()
    give(ada, news)

    answer = visitor.post(page(ada), {"do": "everything"})

    assert "We will not write to you any more" in answer.content.decode()
    assert not is_permitted(subject_uid=ada.uid, topic=news)
    assert suppression_of("ada@example.org").reason == "unsubscribed"

    shown = visitor.get(page(ada)).content.decode()
    assert "you asked us to stop everything" in shown
    visitor.post(page(ada), form(news, on=[news]))
    assert suppression_of("ada@example.org") is None
    assert is_permitted(subject_uid=ada.uid, topic=news)


def test_each_reason_of_silence_is_explained(ada, visitor):
    services.suppress_address(address="ada@example.org", reason="manual", source="letter")
    assert "on our list of addresses that we do not write to" in visitor.get(page(ada)).content.decode()

    eve = PersonFactory()
    ContactPointFactory(person=eve, value="eve@example.org")
    services.record_complaint(address="eve@example.org", source="loop")
    assert "was reported as unwanted from your address" in visitor.get(page(eve)).content.decode()


def test_a_complaint_is_not_lifted_by_the_page(ada, visitor):
    news = TopicFactory()
    services.record_complaint(address="ada@example.org", source="loop")

    answer = visitor.post(page(ada), form(news, on=[news]))

    assert suppression_of("ada@example.org").reason == "complaint"
    assert "mail to your address is stopped" in answer.content.decode()


def test_an_organization_has_a_page_too(visitor):
    ministry, news = OrganizationFactory(name="Ministry"), TopicFactory()
    ContactPointFactory(person=None, organization=ministry, value="info@example.org")

    visitor.post(page(ministry), form(news, on=[news]))
    assert is_permitted(subject_uid=ministry.uid, topic=news)

    visitor.post(page(ministry), {"do": "everything"})
    assert suppression_of("info@example.org") is not None


def test_a_merged_persons_old_link_opens_the_page_of_who_is_left(ada, visitor):
    old = PersonFactory.build()
    UidAlias.objects.create(old_uid=old.uid, new_uid=ada.uid, object_type="person")

    assert "Ada Banda" in visitor.get(page(old)).content.decode()


def test_a_broken_link_and_a_removed_person_get_a_page(visitor):
    broken = visitor.get("/p/broken/")
    gone = visitor.post(page(PersonFactory.build()), {"do": "everything"})

    assert broken.status_code == 404 and "This link is not complete" in broken.content.decode()
    assert gone.status_code == 410 and "no longer keep anything" in gone.content.decode()


def test_too_many_changes_are_refused_and_said(ada, visitor, monkeypatch):
    monkeypatch.setattr("contacts.consent.preferences.CHANGES", 2)
    news = TopicFactory()

    answers = [visitor.post(page(ada), form(news)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "was not saved" in answers[-1].content.decode()
    assert visitor.get(page(ada)).status_code == 200
