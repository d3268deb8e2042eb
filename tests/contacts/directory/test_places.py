"""Where people are now, as lists show it."""

from datetime import date

import pytest
from django.utils import translation

from contacts.directory.models import Person
from contacts.directory.places import attach_places
from tests.factories import ContactPointFactory, MembershipFactory, OrganizationFactory, PersonFactory, PostFactory

pytestmark = pytest.mark.django_db


def placed(*people: Person) -> list[Person]:
    rows = list(Person.objects.filter(pk__in=[p.pk for p in people]).order_by("pk"))
    attach_places(rows)
    return rows


def test_says_the_same_as_the_rows_themselves():
    organization = OrganizationFactory(name="Ministry", names={"fr": "Ministère"}, constituency__code="GOV")
    post = PostFactory(organization=organization, name="Minister", names={"fr": "Ministre"})
    person = PersonFactory(country_id="SN")
    MembershipFactory(person=person, organization=organization, post=post, is_primary=True)
    ContactPointFactory(person=person, value="first@x.test")
    ContactPointFactory(person=person, value="best@x.test", is_preferred=True, status="bouncing")

    with translation.override("fr"):
        (row,) = placed(person)
        country = person.country.label

    assert (row.place_uid, row.place_name, row.place_label) == (organization.uid, "Ministry", "Ministère")
    assert (row.title, row.country_name) == ("Ministre", country)
    assert (row.constituency_root, row.constituency_name) == ("GOV", "Gouvernement")
    assert (row.email, row.email_status) == ("best@x.test", "bouncing")


def test_the_first_address_counts_when_none_is_preferred():
    person = PersonFactory()
    ContactPointFactory(person=person, value="first@x.test")
    ContactPointFactory(person=person, value="second@x.test")

    assert placed(person)[0].email == "first@x.test"


def test_a_role_stands_for_a_post_and_what_has_ended_is_left_out():
    adviser, gone = PersonFactory.create_batch(2)
    MembershipFactory(person=adviser, role="Adviser", post=None, is_primary=True)
    MembershipFactory(person=gone, role="Adviser", post=None, is_primary=True, ended_on=date(2025, 1, 1))

    assert [row.title for row in placed(adviser, gone)] == ["Adviser", ""]


def test_who_is_nowhere_is_an_individual_supporter_in_no_country(django_assert_num_queries):
    person = PersonFactory(country=None)
    rows = [Person.objects.get(pk=person.pk)]

    with django_assert_num_queries(1):
        attach_places(rows)

    assert (rows[0].place_uid, rows[0].place_name, rows[0].email, rows[0].country_name) == (None, "", "", "")
    assert (rows[0].constituency_root, rows[0].constituency_name) == ("IND", "Individual supporter")
