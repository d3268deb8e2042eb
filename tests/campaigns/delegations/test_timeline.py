"""What the pages of people and institutions tell of delegations, newest first, and to whom."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.delegations import deciding, letters, naming
from campaigns.delegations.models import Nominator
from campaigns.delegations.naming import Named
from campaigns.delegations.timeline import delegations
from tests.factories import (
    CompositionFactory,
    ConstituencyFactory,
    DelegationFactory,
    GrantFactory,
    NominationFactory,
    NominatorFactory,
    OrganizationFactory,
    PersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """A ministry of Zambia that was asked for names for the dialogue."""
    row = DelegationFactory(
        country__code="ZM", country__name="Zambia", event=CompositionFactory(event__name="Dialogue").event
    )
    ministry = OrganizationFactory(country=row.country, constituency=ConstituencyFactory(code="GOV"))
    return NominatorFactory(delegation=row, organization=ministry, constituency=ConstituencyFactory(code="GOV"))


def read(subject, user, before=None, limit=20):
    return [entry.title for entry in delegations(subject, user, before, limit)]


def test_a_person_is_told_from_the_name_to_who_comes_instead(told, planner, viewer, sign_in):
    person, row = PersonFactory(country=told.delegation.country), told.delegation
    named = naming.nominate(delegation=row, constituency=told.constituency, role="delegate", who=Named("Ada Banda", "ada@people.test"), by=told)  # fmt: skip
    deciding.send_back(nomination=named, actor=planner, reason="The function is missing")
    naming.change(nomination=named, who=Named("Ada Banda", "ada@people.test", function="Director"), by=told)
    assert read(person, viewer) == []  # nobody has said yet who she is
    deciding.accept(nomination=named, actor=planner, person=person)
    naming.nominate(delegation=row, constituency=told.constituency, role="delegate", who=Named("Ben Phiri"), actor=planner, replaces=named)  # fmt: skip

    entries = list(delegations(person, viewer, None, 20))
    assert [entry.title for entry in entries] == [
        "Ada Banda replaced in the delegation of Zambia to Dialogue",
        "Ada Banda accepted in the delegation of Zambia to Dialogue",
        "Ada Banda named for the delegation of Zambia to Dialogue",
        "Ada Banda sent back: delegation of Zambia to Dialogue",
        "Ada Banda named for the delegation of Zambia to Dialogue",
    ]
    assert [entry.body for entry in entries] == ["", "", "", "The function is missing", ""]
    assert {entry.url for entry in entries} == {f"/events/nominations/{named.uid}/"}
    page = sign_in(viewer).get(f"/directory/people/{person.uid}/?from=delegation").content.decode()
    assert "Ada Banda accepted in the delegation of Zambia to Dialogue" in page
    assert read(person, viewer, before=entries[1].at) == [entry.title for entry in entries[2:]]
    assert read(person, viewer, limit=2) == [entry.title for entry in entries[:2]]


def test_an_institution_is_told_when_it_was_asked_and_whom_it_sends(told, planner, viewer, sign_in):
    ministry = told.organization
    assert read(ministry, viewer) == []  # it was not asked yet
    letters.ask([told], actor=planner)
    naming.nominate(delegation=told.delegation, constituency=told.constituency, role="delegate", who=Named("Ada Banda", "ada@people.test"), by=told)  # fmt: skip

    assert read(ministry, viewer) == [
        "Ada Banda named for the delegation of Zambia to Dialogue",
        "Asked to name delegates of Zambia to Dialogue",
    ]
    page = sign_in(viewer).get(f"/directory/organizations/{ministry.uid}/").content.decode()
    assert "Asked to name delegates of Zambia to Dialogue" in page
    own = DelegationFactory(event=told.delegation.event, country=None, organization=OrganizationFactory(name="Union"))
    NominationFactory(delegation=own, name="Cy")
    naming.moved(own.nominations.get(), None)
    assert read(own.organization, viewer) == ["Cy named for the delegation of Union to Dialogue"]


def test_who_sees_another_country_is_told_nothing_of_this_one(told, planner):
    person = PersonFactory(country=told.delegation.country)
    letters.ask([told], actor=planner)
    named = NominationFactory(delegation=told.delegation, named_by=told, organization=told.organization)
    deciding.accept(nomination=named, actor=planner, person=person)
    abroad, here = UserFactory(), UserFactory()
    GrantFactory(user=abroad, role="viewer", is_everywhere=False, countries=["NE"])
    GrantFactory(user=here, role="viewer", is_everywhere=False, countries=["ZM"])

    assert read(told.organization, abroad) == [] == read(person, abroad)
    assert len(read(told.organization, here)) == 2 and len(read(person, here)) == 1


def test_a_long_story_costs_as_many_queries_as_a_short_one(told, viewer):
    Nominator.objects.update(asked_at=timezone.now() - timedelta(days=1))
    counts = []
    for more in (1, 3):
        for _each in range(more):
            named = NominationFactory(delegation=told.delegation, named_by=told, organization=told.organization)
            naming.moved(named, None)
        read(told.organization, viewer)  # grants are read once
        with CaptureQueriesContext(connection) as queries:
            read(told.organization, viewer)
        counts.append(len(queries))
    assert counts == [2, 2]
