"""Staff build a form: its texts, its questions, and what a visitor sees of them."""

import pytest

from campaigns.forms import services
from campaigns.forms.answering import AnswersForm
from campaigns.forms.checking import Offers, readable
from campaigns.forms.engine import answers_form, in_words, questions_of
from campaigns.forms.models import Form, FormDraft
from campaigns.forms.questions import Kind, Question
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, StaleEdit
from tests.factories import CampaignFactory, CountryFactory, FormFactory, TopicFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def form():
    return FormFactory(slug="needs")


def keys(form):
    form.refresh_from_db()
    return [question["key"] for question in form.questions]


def test_a_planner_makes_a_form_and_an_address_is_taken_once(sign_in, planner, editor):
    campaign = CampaignFactory()
    client = sign_in(planner)
    said = {"campaign": campaign.uid, "name": "What we need", "purpose": "survey", "slug": "Needs", "headline_fr": "Besoins", "is_public": "on"}  # fmt: skip

    assert client.post("/forms/new/", said).status_code == 302
    row = Form.objects.get()
    assert (row.slug, row.headlines, row.is_public, row.questions) == ("needs", {"fr": "Besoins"}, True, [])
    assert client.post("/forms/new/", said).status_code == 422
    assert "What we need" in client.get("/forms/").content.decode()
    assert sign_in(editor).post("/forms/new/", said).status_code == 403


def test_questions_are_added_moved_reworded_and_taken_out(form, sign_in, planner):
    client, base = sign_in(planner), f"/forms/{form.uid}/questions"
    page = client.get(f"{base}/new/?kind=choices").content.decode()
    assert "Only shown after certain answers" in page and "need|is|money" in page

    said = {"label_en": "Which days?", "label_ar": "أي أيام؟", "options_en": "Monday\nTuesday", "options_ar": "الاثنين\nالثلاثاء", "is_required": "on", "least": "1", "match": "all", "rule0": "need|is_not|money"}  # fmt: skip
    assert client.post(f"{base}/new/?kind=choices", said).status_code == 302

    assert keys(form) == ["name", "email", "need", "why", "which_days"]
    assert form.questions[4] == {
        "key": "which_days", "kind": "choices", "labels": {"en": "Which days?", "ar": "أي أيام؟"}, "is_required": True, "least": 1,
        "options": [{"value": "monday", "labels": {"en": "Monday", "ar": "الاثنين"}}, {"value": "tuesday", "labels": {"en": "Tuesday", "ar": "الثلاثاء"}}],
        "shown_if": {"match": "all", "rules": [{"key": "need", "is": "is_not", "value": "money"}]},
    }  # fmt: skip
    said |= {"options_en": "Tuesday\nFriday\nMonday", "options_ar": ""}
    assert client.post(f"{base}/which_days/", said).status_code == 302
    form.refresh_from_db()
    assert [option["value"] for option in form.questions[4]["options"]] == ["tuesday", "friday", "monday"]

    client.post(f"{base}/which_days/move/", {"by": "-1"})
    assert keys(form) == ["name", "email", "need", "which_days", "why"]
    client.post(f"{base}/name/move/", {"by": "-1"})
    client.post(f"{base}/which_days/remove/")
    assert keys(form) == ["name", "email", "need", "why"]
    undo(entry=AuditEntry.objects.filter(verb="form.edited").latest("pk"), actor=planner)
    assert "which_days" in keys(form)

    client.post(f"{base}/which_days/remove/")
    client.post(f"{base}/new/?kind=number", {"label_en": "Which days?", "match": "all"})
    FormDraft.objects.create(form=form, answers={"left_over": ["x"]}, language="en")
    assert keys(form)[-1] == "which_days_2"  # answers of another kind may have the first one's key
    assert {"which_days", "left_over"} <= services.used_keys(form)


def test_an_answer_of_another_type_can_be_read():
    for kind in Kind:
        question = Question(key="q", kind=kind, labels={"en": "Q"})
        for answer in ("text", 7, True, ["a", "b"], {"a": 1}, [{"a": 1}]):
            assert isinstance(readable(question, answer, "en", Offers()), str)


def test_what_cannot_be_is_said_and_kept(form, sign_in, planner):
    client, base = sign_in(planner), f"/forms/{form.uid}/questions"

    page = client.post(f"{base}/new/?kind=choice", {"label_en": "Which?", "options_en": "Only one"})
    assert page.status_code == 422 and "two options at least" in page.content.decode()
    assert client.post(f"{base}/new/?kind=number", {"label_en": "", "least": "3"}).status_code == 422
    assert client.post(f"{base}/new/?kind=colour", {"label_en": "x"}).status_code == 302
    page = client.post(f"{base}/need/", {"label_en": "Need", "options_en": "Money\nPeople", "rule0": "why|answered|"})
    assert page.status_code == 422 and "wait for each other" in page.content.decode()
    page = client.post(f"{base}/need/remove/")
    assert page.status_code == 422
    stale = {"label_en": "Your name", "seen_at": "2020-01-01T00:00:00+00:00"}
    assert "Somebody changed this form" in client.post(f"{base}/name/", stale).content.decode()
    assert keys(form) == ["name", "email", "need", "why"]
    with pytest.raises(StaleEdit):
        services.put_question(form=form, actor=planner, question=form.questions[0], seen_at=form.created_at)
    with pytest.raises(Invalid):
        services.edit_form(form=form, actor=planner, questions=[{"key": "a"}])


def test_the_preview_follows_the_answers_and_keeps_nothing(form, sign_in, planner):
    client = sign_in(planner)
    before = form.updated_at

    page = client.get(f"/forms/{form.uid}/?lang=fr").content.decode()
    assert (
        "De quoi ?" in page
        and '<span lang="en" dir="ltr">People</span>' in page
        and "What for?" not in page.split('id="preview"')[1]
    )
    tried = client.post(
        f"/forms/{form.uid}/preview/", {"q-need": "money", "q-look": "1"}, headers={"HX-Request": "true"}
    )
    assert "What for?" in tried.content.decode() and "Please answer" not in tried.content.decode()
    look = client.post(f"/forms/{form.uid}/questions/new/?kind=date&look=1", {"label_en": "When?"}).content.decode()
    assert "When?" in look and "<html" not in look
    form.refresh_from_db()
    assert form.updated_at == before


def test_answers_are_taken_when_every_question_that_belongs_to_them_was_seen(form):
    first = answers_form(form, {"q-name": "Hery", "q-need": "money", "q-seen": "name email need"}, language="en")
    assert not first.is_valid() and first.has_more and first.errors == {}
    assert [row.question.key for row in first.rows] == ["name", "email", "need", "why"]
    assert [row.question.key for row in first.rows if row.decides] == ["need"]

    missing = answers_form(form, {"q-name": "Hery", "q-need": "money", "q-seen": first.seen_keys}, language="en")
    assert missing.errors == {"why": ["Please answer this."]}

    whole = answers_form(
        form, {"q-name": "Hery", "q-need": "money", "q-why": "Cash", "q-seen": first.seen_keys}, language="en"
    )
    assert whole.is_valid() and whole.answers == {"name": "Hery", "need": "money", "why": "Cash"}
    assert in_words(form, whole.answers, language="fr") == [
        ("Your name", "Hery"),
        ("De quoi ?", "Argent"),
        ("What for?", "Cash"),
    ]
    look = answers_form(form, {"q-look": "1", "q-need": "people", "q-why": "?"}, language="en")
    assert not look.is_valid() and look.errors == {} and look.answers == {"need": "people"}
    embedded = answers_form(form, {"q-name": "Hery", "q-need": "people", "q-why": "no"}, language="en")
    assert embedded.is_valid() and embedded.answers == {"name": "Hery", "need": "people"}


def test_countries_and_topics_are_those_of_the_database(form):
    CountryFactory(code="ZM")
    news, old = TopicFactory(), TopicFactory(archived_at="2026-01-01T00:00:00Z")
    form.questions = [
        {"key": "land", "kind": "country", "labels": {"en": "Country"}, "tells": "country"},
        {"key": "topics", "kind": "consent", "labels": {"en": "Send me"}, "topics": [str(news.uid), str(old.uid)]},
    ]
    questions = questions_of(form)

    page = AnswersForm(questions, language="en")
    assert [value for value, _label in page.fields["topics"].choices] == [str(news.uid)]
    assert "ZM" in dict(page.fields["land"].choices) and 'autocomplete="country"' in str(page["land"])
    sent = AnswersForm(questions, {"q-land": ["ZM"], "q-topics": [str(news.uid)]}, language="en")
    assert sent.is_valid() and sent.answers == {"land": "ZM", "topics": [str(news.uid)]}
