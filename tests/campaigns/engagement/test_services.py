import pytest
from django.test import Client
from django.urls import reverse

from campaigns.engagement.models import DeliveryEngagement
from campaigns.engagement.services import unsubscribe
from contacts.consent.links import preference_token
from contacts.consent.models import ConsentEvent, ConsentState
from contacts.consent.services import grant_consent
from contacts.directory.models import Person
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import OrganizationFactory, TopicFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(db):
    mailing = sent_mailing()
    row = delivery(mailing)
    person = Person.objects.get(pk=row.person_id)
    grant_consent(subject=person, topic=mailing.topic, lawful_basis="consent", source="test")
    row.mailing, row.person = mailing, person
    return row


def test_unsubscribe_withdraws_the_topic_of_the_mailing_and_no_other(row):
    other = TopicFactory()
    grant_consent(subject=row.person, topic=other, lawful_basis="consent", source="test")

    assert unsubscribe(mailing_id=row.mailing_id, seq=row.seq) is True
    assert unsubscribe(mailing_id=row.mailing_id, seq=row.seq) is False

    states = dict(ConsentState.objects.values_list("topic_id", "is_granted"))
    assert states == {row.mailing.topic_id: False, other.pk: True}
    assert ConsentEvent.objects.filter(action="withdraw").count() == 1


def test_unsubscribe_of_an_address_without_a_person_is_the_institutions(row):
    organization = OrganizationFactory()
    grant_consent(subject=organization, topic=row.mailing.topic, lawful_basis="consent", source="test")
    desk = delivery(row.mailing, person_id=None, organization_id=organization.pk)

    assert unsubscribe(mailing_id=desk.mailing_id, seq=desk.seq) is True

    assert ConsentState.objects.get(subject_uid=organization.uid).is_granted is False
    assert ConsentState.objects.get(subject_uid=row.person.uid).is_granted is True


def test_unsubscribe_of_what_was_erased_changes_nothing(row):
    assert unsubscribe(mailing_id=row.mailing_id, seq=999) is False


def _form(topic, *, on):
    """The preference page's form with one topic that was on."""
    return {"shown": str(topic.uid), "was": str(topic.uid), **({"on": str(topic.uid)} if on else {})}


def test_leaving_on_the_preference_page_counts_for_the_mailing_that_led_there(row):
    token = preference_token(row.person.uid, "person", row.mailing_id, row.seq)

    page = Client().get(reverse("preferences", args=[token]))
    Client().post(reverse("preferences", args=[token]), _form(row.mailing.topic, on=False))

    assert "No mail is sent to you now" not in page.content.decode()
    assert ConsentState.objects.get(subject_uid=row.person.uid).is_granted is False
    assert DeliveryEngagement.objects.get(mailing_id=row.mailing_id, seq=row.seq).unsubscribed_at is not None


def test_leaving_another_topic_does_not_count_against_the_mailing(row):
    other = TopicFactory()
    grant_consent(subject=row.person, topic=other, lawful_basis="consent", source="test")
    token = preference_token(row.person.uid, "person", row.mailing_id, row.seq)

    Client().post(reverse("preferences", args=[token]), _form(other, on=False))

    assert ConsentState.objects.get(subject_uid=row.person.uid, topic=other).is_granted is False

    assert not DeliveryEngagement.objects.exists()
