"""The ledger as a story: who said what, by which road, and which mailing led there."""

import html

import pytest
from django.urls import reverse

from campaigns.engagement.services import unsubscribe
from contacts.consent import services
from contacts.directory.models import UidAlias
from crm.ids import new_uid
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import ContactPointFactory, OrganizationFactory, PersonFactory, TopicFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return PersonFactory(given_name="Ada", family_name="Banda")


def page_of(client, row):
    kind = "organization" if row._meta.model_name == "organization" else "person"
    answer = client.get(reverse("consent_ledger", args=[kind, row.uid]))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_each_road_has_its_sentence(ada, outreach, sign_in):
    topic = TopicFactory(name="News")
    services.grant_consent(
        subject=ada, topic=topic, lawful_basis="contract", source="Letter", evidence="Folder 3", actor=outreach
    )
    services.save_preferences(subject=services.ledger.Subject.of(ada), wishes={topic: False}, language="")
    services.save_preferences(subject=services.ledger.Subject.of(ada), wishes={topic: True}, language="")

    page = page_of(sign_in(outreach), ada)

    assert "Outreach recorded that Ada Banda allowed “News”" in page
    assert "Basis: contract or membership. Source: Letter. Evidence: Folder 3" in page
    assert "Ada Banda withdrew “News” on the preference page" in page
    assert "Ada Banda allowed “News” on the preference page" in page
    assert "Ada Banda may be written to about “News”." in page


def test_the_mailing_that_led_to_a_withdrawal_is_named_and_linked(ada, outreach, viewer, sign_in):
    topic = TopicFactory(name="News")
    services.grant_consent(subject=ada, topic=topic, lawful_basis="consent", source="form")
    mailing = sent_mailing(topic=topic, name="September bulletin")
    row = delivery(mailing, person=ada)
    unsubscribe(mailing_id=mailing.pk, seq=row.seq)

    page = page_of(sign_in(outreach), ada)

    assert "Ada Banda withdrew “News” with one click in a mail" in page
    assert "The mailing was “September bulletin”." in page
    assert reverse("mailing_detail", args=[mailing.uid]) in page
    assert "Ada Banda may not be written to. Withdrawn: “News”." in page


def test_what_was_said_before_a_merge_is_told_too(ada, outreach, sign_in):
    old = PersonFactory()
    services.grant_consent(subject=old, topic=TopicFactory(name="Old news"), lawful_basis="consent", source="form")
    UidAlias.objects.create(old_uid=old.uid, new_uid=ada.uid, object_type="person")
    UidAlias.objects.create(old_uid=new_uid(), new_uid=old.uid, object_type="person")

    assert "Old news" in page_of(sign_in(outreach), ada)


def test_suppressed_addresses_are_named_with_the_reason(ada, outreach, sign_in):
    ContactPointFactory(person=ada, value="Ada@example.org")
    ContactPointFactory(person=ada, value="other@example.org")
    services.suppress_address(address="ada@example.org", reason="complaint", source="loop of a provider")

    page = page_of(sign_in(outreach), ada)

    assert "Complained, " in page and "loop of a provider" in page and "never allowed anything" in page


def test_an_institution_has_its_story(outreach, sign_in):
    ministry = OrganizationFactory(name="Ministry of Labour")
    services.grant_consent(
        subject=ministry, topic=TopicFactory(name="News"), lawful_basis="public_task", source="Letter"
    )

    page = page_of(sign_in(outreach), ministry)

    assert "Ministry of Labour allowed “News”" in page and "Basis: public task." in page


@pytest.mark.parametrize("number", [1, 3])
def test_the_story_asks_the_database_the_same_number_of_times(
    number, ada, outreach, sign_in, django_assert_max_num_queries
):
    for _one in range(number):
        topic = TopicFactory()
        services.grant_consent(subject=ada, topic=topic, lawful_basis="consent", source="form", actor=outreach)
        mailing = sent_mailing(topic=topic)
        unsubscribe(mailing_id=mailing.pk, seq=delivery(mailing, person=ada).seq)
    client = sign_in(outreach)
    page_of(client, ada)

    with django_assert_max_num_queries(22):
        page_of(client, ada)
