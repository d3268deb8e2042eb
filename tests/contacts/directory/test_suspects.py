"""Who somebody may be: one rule for forms, applications, nominations and people that are added by hand."""

import pytest

from contacts.directory.suspects import people_like
from tests.factories import ContactPointFactory, CountryFactory, GrantFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db


def told(found):
    return [(suspect.row.name, suspect.reasons, suspect.is_sure) for suspect in found]


def test_an_address_and_a_name_that_fits_are_sure_and_a_name_alone_never_is(planner):
    chad = CountryFactory(code="TD")
    owner, namesake = (
        PersonFactory(name="Awa Diop", names={"ar": "عوا ديوب"}),
        PersonFactory(name="Awa Diop", country=chad),
    )
    ContactPointFactory(person=owner, value="awa@ministry.test")

    def ask(name, email="awa@ministry.test", **more):
        return told(people_like(planner, name=name, email=email, country_id="TD", **more))

    by_name = (namesake.name, ["same name", "same country"], False)
    assert ask("Awa Diop") == [(owner.name, ["has this address", "same name"], True), by_name]
    assert ask("عوا ديوب")[0] == (owner.name, ["has this address"], True)
    assert ask("") == [(owner.name, ["has this address"], True)]
    assert ask("Somebody else") == [(owner.name, ["has this address"], False)]
    assert ask("Somebody else", is_proven=True) == [(owner.name, ["has this address"], True)]
    assert ask("Awa Diop", email="")[0] == by_name and not any(is_sure for *_row, is_sure in ask("Awa Diop", email=""))


def test_of_two_with_one_address_none_is_sure(planner):
    for name in ("Awa Diop", "Awa Diop"):
        ContactPointFactory(person=PersonFactory(name=name), value="office@ministry.test")

    assert [one.is_sure for one in people_like(planner, name="Awa Diop", email="office@ministry.test")] == [
        False,
        False,
    ]


def test_whom_the_user_may_not_see_is_nobody():
    officer = UserFactory()
    GrantFactory(user=officer, role="outreach", is_everywhere=False, countries=["TD"])
    somebody = PersonFactory(name="Awa Diop", country=CountryFactory(code="KE"))
    ContactPointFactory(person=somebody, value="awa@ministry.test")

    assert people_like(officer, name="Awa Diop", email="awa@ministry.test") == []
