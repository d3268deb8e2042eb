import pytest

from contacts.consent.addresses import address_hash
from contacts.consent.models import ConsentState
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post
from contacts.directory.volume import make_people
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db


def test_volume_is_a_directory_like_one_made_by_hand():
    made = make_people(200)

    assert (Person.objects.count(), Organization.objects.count(), Post.objects.count()) == (200, 10, 10)
    assert Membership.objects.current().primary().count() == 200
    assert ConsentState.objects.filter(topic=made.topic, subject_kind="person", is_granted=True).count() > 150
    point = ContactPoint.objects.filter(person=made.first_person).get()
    assert bytes(point.address_hash) == address_hash(point.address_key)
    person = Person.objects.get(pk=made.first_person)
    stored = person.sort_key, person.search_text
    person.index_text()
    assert (person.sort_key, person.search_text) == stored


def test_rows_made_afterwards_get_ids_of_their_own():
    make_people(20)

    assert PersonFactory().pk == 21
