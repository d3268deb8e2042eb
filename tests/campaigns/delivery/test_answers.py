"""What somebody answered to the form, event or network that a mailing is about stands in their copy; who did not answer gets the default."""

import pytest
from django.utils import timezone

from campaigns.delivery.audience import audience_summary, members
from campaigns.delivery.models import Delivery
from campaigns.delivery.preflight import findings
from campaigns.mailings.answers import form_of
from campaigns.mailings.approval import differences, snapshot
from campaigns.mailings.compiling import load_content
from campaigns.mailings.content import render
from campaigns.mailings.editing import create_mailing, save_settings, save_variant
from campaigns.mailings.recipients import example_fields, fields_of
from campaigns.mailings.templates import TemplateRefused, validate
from contacts.consent.services import grant_consent
from contacts.segments.models import Selects
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.factories import (
    ApplicationFactory,
    ContactPointFactory,
    EventFactory,
    FormFactory,
    InvitationFactory,
    MailingFactory,
    MemberFactory,
    NetworkFactory,
    OrganizationFactory,
    SegmentFactory,
    SubmissionFactory,
    TransportFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db

BODY = (
    "<p>You need {{ answer.need | default('we do not know what') }}. {% if answer.size > 10 %}Many{% else %}Few{% endif %}"
    " {{ answer.topics }} {{ answer.from }} {{ answer.plan }} {{ answer.why }}</p>"
)
QUESTIONS = [
    {"key": "need", "kind": "choice", "labels": {"en": "What do you need?"},
     "options": [{"value": "money", "labels": {"en": "Money", "fr": "De l’argent"}}, {"value": "people", "labels": {"en": "People"}}]},
    {"key": "topics", "kind": "choices", "labels": {"en": "About what?"},
     "options": [{"value": "a", "labels": {"en": "Health", "fr": "Santé"}}, {"value": "b", "labels": {"en": "Age"}}]},
    {"key": "size", "kind": "number", "labels": {"en": "How many are you?"}},
    {"key": "from", "kind": "country", "labels": {"en": "From where?"}},
    {"key": "plan", "kind": "file", "labels": {"en": "Your plan"}},
    {"key": "why", "kind": "long", "labels": {"en": "Why?"}},
]  # fmt: skip
FULL = {
    "need": "money", "topics": ["a", "b"], "size": 12.5, "from": "ZM", "why": "<b>now</b>\nor never",
    "plan": {"name": "plan.pdf", "size": 5, "media_type": "application/pdf", "sha256": "0" * 64},
}  # fmt: skip


def about(form, field="form_answered", row=None, **more):  # type: ignore[no-untyped-def]
    rule = {"field": field, "operator": "any_of", "value": [str((row or form).uid)]}
    country = {"field": "country", "operator": "any_of", "value": ["ZM"]}
    return SegmentFactory(tree={"version": 1, "op": "any", "rules": [rule, country]}, **more)


def write(mailing, body=BODY, languages=("en", "fr")):  # type: ignore[no-untyped-def]
    for position, language in enumerate(languages, 1):
        mailing.variants.filter(language=language).delete()
        VariantFactory(mailing=mailing, language=language, position=position, subject="Hello", body_html=body)


@pytest.fixture
def mailing():
    form = FormFactory(questions=QUESTIONS)
    row = MailingFactory(
        segment=about(form),
        transport=TransportFactory(),
        answers_of=form,
        languages=["en", "fr"],
        fallback_languages=["en"],
    )
    write(row)
    return row


def test_the_last_answer_is_copied_in_the_words_of_the_text_and_escaped_as_other_fields(mailing):
    """One audience: somebody who answered twice and reads French, somebody who answered half, somebody who never did."""
    twice = subscriber(mailing.topic, 1, language="fr")
    SubmissionFactory(form=mailing.answers_of, state="filed", person=twice, answers={"need": "people", "size": 3})
    SubmissionFactory(form=mailing.answers_of, state="filed", person=twice, answers=FULL)
    half = subscriber(mailing.topic, 2)
    SubmissionFactory(form=mailing.answers_of, state="filed", person=half, answers={"need": "people"})
    SubmissionFactory(form=FormFactory(questions=QUESTIONS), state="filed", person=half, answers=FULL)  # another form's
    SubmissionFactory(form=mailing.answers_of, state="waiting", person=half, answers=FULL)  # nobody said yet who it is
    never = subscriber(mailing.topic, 3)
    before = snapshot(mailing)

    fields = {member.person_id: member.fields for member in members(mailing)}

    assert fields[twice.pk] | {"answer.from": "", "sender.name": ""} == fields[twice.pk] | {
        "answer.need": "De l’argent", "answer.topics": "Santé, Age", "answer.size": 12.5, "answer.plan": "plan.pdf",
        "answer.why": "<b>now</b>\nor never", "answer.from": "", "sender.name": "",
    }  # fmt: skip
    assert fields[twice.pk]["answer.from"]
    assert [fields[half.pk][f"answer.{key}"] for key in ("need", "size", "why")] == ["People", None, None]
    assert fields[never.pk]["answer.need"] is None
    summary = audience_summary(mailing)
    assert (summary.empty["answer.need"], summary.empty["answer.why"]) == (1, 2)
    said = [finding.title for finding in findings(mailing, summary)]
    assert "1 person did not answer “What do you need?”" in said
    assert "2 people did not answer “Why?”" in said
    assert [member.person_id for member in members(mailing, empty_field="answer.need")] == [never.pk]

    sent = to_sending(mailing)
    compiled = load_content(sent.frozen_with)
    pages = {
        row.person_id: render(compiled[row.variant_id], row.fields, unsubscribe_url="#", preferences_url="#")
        for row in Delivery.objects.filter(mailing_id=sent.pk)
    }
    assert "You need De l’argent. Many Santé, Age" in pages[twice.pk].html
    assert "&lt;b&gt;now&lt;/b&gt; or never" in pages[twice.pk].html
    assert "You need we do not know what. Few" in pages[never.pk].html

    # what the options are called is part of what was approved; what is not named is not
    form = mailing.answers_of
    form.questions = [
        {**QUESTIONS[0], "options": [{"value": "money", "labels": {"en": "Cash"}}, QUESTIONS[0]["options"][1]]},
        *QUESTIONS[1:],
    ]
    form.save()
    assert differences(before, snapshot(mailing)) == ["whose answers it names, or what their options are called"]


def test_answers_to_an_event_and_to_a_network_and_in_an_institutions_name(mailing):
    event = EventFactory(form=mailing.answers_of)
    person = subscriber(mailing.topic, 1)
    InvitationFactory(event=event, person=person, answer="", answers={"need": "money"})
    network = NetworkFactory(form=FormFactory(questions=QUESTIONS))
    member = MemberFactory(network=network, organization=OrganizationFactory(country_id="ZM"))
    ApplicationFactory(
        network=network,
        state="accepted",
        decided_at=timezone.now(),
        member=member,
        kind="institution",
        organization_name="Them",
        answers={"need": "people"},
    )
    ContactPointFactory(person=None, organization=member.organization, value="info@them.test")
    grant_consent(subject=member.organization, topic=mailing.topic, lawful_basis="consent", source="test")
    theirs = MailingFactory(
        segment=about(None, "network", network, selects=Selects.ORGANIZATIONS),
        transport=TransportFactory(),
        topic=mailing.topic,
        answers_of=network.form,
    )
    write(theirs, languages=("en",))

    assert [m.fields["answer.need"] for m in members(mailing) if m.person_id == person.pk] == ["Money"]
    assert {m.fields["answer.need"] for m in members(theirs) if m.organization_id == member.organization_id} == {
        "People"
    }
    assert form_of(about(None, "event_yes", event)) == event.form_id
    assert form_of(theirs.segment) == network.form_id
    assert form_of(about(None, "event_yes", EventFactory())) is None


def test_a_segment_brings_its_form_along_and_a_text_names_only_what_is_asked(mailing, planner):
    made = create_mailing(drive=mailing.drive, actor=planner, name="Thanks", segment=mailing.segment)
    assert made.answers_of == mailing.answers_of
    later = create_mailing(drive=mailing.drive, actor=planner, name="Later")
    later = save_settings(
        mailing=later, actor=planner, version=later.content_version, values={"segment": mailing.segment}
    )
    assert later.answers_of == mailing.answers_of

    with pytest.raises(TemplateRefused, match="does not ask that"):
        save_variant(
            mailing=made,
            actor=planner,
            version=made.content_version,
            language="en",
            values={"body_html": "<p>{{ answer.hobby }}</p>"},
        )
    made = save_settings(mailing=made, actor=planner, version=made.content_version, values={"answers_of": None})
    with pytest.raises(TemplateRefused, match="no form is chosen"):
        save_variant(
            mailing=made,
            actor=planner,
            version=made.content_version,
            language="en",
            values={"subject": "{{ answer.need }}"},
        )
    saved = save_variant(
        mailing=made,
        actor=planner,
        version=made.content_version,
        language="en",
        values={"body_html": "<p>Your answer.thanks</p>"},
    )
    assert saved.content_version == made.content_version + 1


def test_a_preview_shows_what_the_audience_would_read(mailing, planner):
    person = subscriber(mailing.topic, 1)
    SubmissionFactory(form=mailing.answers_of, state="filed", person=person, answers=FULL)
    [member] = members(mailing)

    shown = fields_of(mailing, planner, str(person.uid), "en")

    assert {path: value for path, value in shown.items() if path in member.fields and path.startswith("answer.")} == {
        path: value for path, value in member.fields.items() if path.startswith("answer.")
    }
    assert example_fields(mailing, "fr")["answer.need"] == "De l’argent"


@pytest.mark.parametrize("path", ["answer.Need", "answer.", "answer.1", "answer.a-b", "answers.need"])
def test_a_field_that_no_question_can_have(path):
    assert validate("{{ " + path + " }}")
