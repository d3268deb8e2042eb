"""Who is seen by whom, however far a grant reaches."""

from importlib import import_module

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory

from contacts.directory import queries
from contacts.directory.lists import PersonTable
from contacts.directory.models import Membership, Person, SeenAlsoIn
from crm.accounts.models import User
from crm.accounts.rules import Action
from tests.factories import CountryFactory, GrantFactory, MembershipFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db
REACH = ["SN", "ZM", "KE"]


@pytest.fixture(params=["narrow", "wide"])
def user(request, monkeypatch) -> User:
    """Somebody who sees three countries; asked in the way of a narrow reach, and of a wide one."""
    if request.param == "wide":
        monkeypatch.setattr(queries, "WIDE_REACH", 2)
    grant = GrantFactory(is_everywhere=False, countries=REACH, role="planner")
    found: User = grant.user
    return found


def of(code: str | None, **more: object) -> Person:
    made: Person = PersonFactory(country=CountryFactory(code=code) if code else None, **more)
    return made


def at(code: str, **more: object) -> Person:
    """Somebody of Germany with a membership in this country's organization."""
    person = of("DE")
    MembershipFactory(person=person, organization=OrganizationFactory(country=CountryFactory(code=code)), **more)
    Person.objects.filter(pk=person.pk).update(country="DE")
    return person


def test_people_of_the_countries_and_members_of_what_is_in_them(user):
    own, both, member, secondary = of("SN"), of("ZM"), at("KE"), at("SN", is_primary=False)
    MembershipFactory(person=both, organization=OrganizationFactory(country=CountryFactory(code="KE")))
    MembershipFactory(person=both, organization=OrganizationFactory(country=CountryFactory(code="SN")), is_primary=False)  # fmt: skip
    works = at("FR")
    works_in = Membership.objects.get(person=works).organization
    works_in.countries_of_work = ["SN"]
    works_in.save()
    for outside in (of("FR"), of(None), at("FR"), at("KE", ended_on="2025-12-31")):
        assert outside.pk

    seen = Person.objects.visible_to(user)

    assert set(seen) == {own, both, member, secondary, works}
    assert seen.count() == len(list(seen)) == 5


def test_reach_goes_on_with_other_conditions_and_inside_other_questions(user):
    wanted = of("SN", family_name="Ndiaye", given_name="Awa")
    of("SN", family_name="Diouf")
    of("FR", family_name="Ndiaye", given_name="Awa")
    MembershipFactory(person=wanted)

    seen = Person.objects.active().visible_to(user)

    assert list(seen.search("ndiaye").order_by("sort_key", "pk")[:5]) == [wanted]
    assert Membership.objects.filter(person__in=seen).count() == 1
    assert list(seen.visible_to(user, Action.EXPORT).filter(sort_key__startswith="ndiaye")) == [wanted]
    assert seen.exclude(pk=wanted.pk).count() == 1


def test_who_is_seen_follows_whatever_decides_it(user):
    """Each of the ways in which somebody comes into the countries, and out of them again."""
    person, place = at("FR"), OrganizationFactory(country=CountryFactory(code="PE"))

    def seen() -> bool:
        return Person.objects.visible_to(user).filter(pk=person.pk).exists()

    assert not seen()
    membership = Membership.objects.get(person=person)
    membership.organization.countries_of_work = ["BR", "KE"]
    membership.organization.save()
    assert seen()
    membership.organization = place
    membership.save()
    assert not seen()
    place.country_id = "SN"
    CountryFactory(code="SN")
    place.save()
    assert seen()
    Membership.objects.filter(pk=membership.pk).update(ended_on="2026-01-31")
    assert not seen()
    second = MembershipFactory(person=person, organization=place, is_primary=False)
    Person.objects.filter(pk=person.pk).update(country="DE")
    assert seen()
    Person.objects.filter(pk=person.pk).update(country="SN")
    assert seen() and not SeenAlsoIn.objects.filter(person_id=person.pk, country="SN").exists()
    Person.objects.filter(pk=person.pk).update(country=None)
    assert seen()
    second.delete()
    assert not seen()
    person.memberships.all().delete()
    assert not SeenAlsoIn.objects.filter(person_id=person.pk).exists()


def test_an_upgrade_writes_down_who_was_there_before_and_may_be_repeated():
    at("KE"), of("SN"), at("DE")
    kept = sorted(SeenAlsoIn.objects.values_list("country", "person_id"))
    SeenAlsoIn.objects.all().delete()

    for _time in range(2):
        import_module("contacts.migrations.0028_seen_also_in_filled").fill(None, connection.schema_editor())
        assert sorted(SeenAlsoIn.objects.values_list("country", "person_id")) == kept != []


def test_a_narrow_reach_is_sorted_as_a_wide_one_is(user):
    """By name with a filter and by country, whose order is then not that of an index: the same rows in the same order, over pages."""
    for code, name in (("ZM", "Banda"), ("SN", "Diouf"), ("KE", "Otieno"), ("SN", "Awa"), ("FR", "Durand")):
        of(code, family_name=name, given_name="")
    MembershipFactory(
        person=of(None, family_name="Zed", given_name=""), organization__country=CountryFactory(code="KE")
    )
    Person.objects.filter(sort_key="zed").update(country=None)

    def read(query: str) -> list[str]:
        request = RequestFactory().get("/people", QueryDict(query).dict())
        request.user = user
        found: list[str] = []
        while True:
            table = PersonTable(request, Person.objects.active().visible_to(user))
            table.page_size = 2
            found += [row.sort_key for row in table.page]
            if not table.page.next_url:
                return found
            request = RequestFactory().get(table.page.next_url)
            request.user = user

    assert read("sort=country") == ["otieno", "awa", "diouf", "banda", "zed"]
    assert read("sort=-country") == ["banda", "diouf", "awa", "otieno", "zed"]
    assert read("sort=name&language=fr") == ["awa", "banda", "diouf", "otieno", "zed"]
