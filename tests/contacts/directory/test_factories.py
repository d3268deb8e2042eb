"""The factories themselves: every other test stands on them."""

import pytest

from tests.factories import (
    ContactPointFactory,
    DriveFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    TagFactory,
)

pytestmark = pytest.mark.django_db


def test_membership_factory_takes_the_organization_of_its_post():
    post = PostFactory(name="Minister")

    membership = MembershipFactory(post=post)

    assert membership.organization == post.organization
    assert MembershipFactory().organization is not None


def test_factories_share_countries_and_constituencies():
    person, organization = PersonFactory(), OrganizationFactory(constituency__code="WRK", country__code="TD")

    assert person.country_id == "ZM"
    assert (organization.constituency.code, organization.country_id) == ("WRK", "TD")
    assert ContactPointFactory(person=person).address_key.endswith("@people.test")
    assert TagFactory().pk


def test_drive_factory_takes_codes():
    drive = DriveFactory(countries=["TD", "NE"], constituencies=["GOV", "EMP"])

    assert sorted(drive.countries.values_list("code", flat=True)) == ["NE", "TD"]
    assert sorted(drive.constituencies.values_list("code", flat=True)) == ["EMP", "GOV"]
