"""Growth by month, who is active and who cools, and the map: figures that open their rows."""

import datetime as dt
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.networks import growth
from campaigns.networks.mapping import centre, network_map
from campaigns.networks.models import Member
from contacts.directory.models import Person
from tests.factories import (
    CountryFactory,
    GrantFactory,
    MemberFactory,
    NetworkFactory,
    OrganizationFactory,
    PersonFactory,
    RepresentativeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2027, 6, 15, 12, tzinfo=dt.UTC)


def ago(days):
    return NOW - timedelta(days=days)


def test_growth_adds_up_month_by_month(planner):
    network = NetworkFactory()
    MemberFactory(network=network, joined_at=ago(800))
    MemberFactory(network=network, joined_at=ago(800), left_at=ago(700))
    MemberFactory(network=network, joined_at=ago(40))
    MemberFactory(network=network, joined_at=ago(40), left_at=ago(2))
    MemberFactory(joined_at=ago(40))

    chart = growth.growth(network, planner, today=NOW.date())

    total, joined, left = (series.values for series in chart.series)
    assert len(chart.labels) == 13
    assert total[0] == 1 and total[-2:] == [3, 2]
    assert joined[-2:] == [2, 0] and left[-2:] == [0, 1]


def test_last_sign_counts_what_came_from_them_and_its_bands_open_their_rows(planner, sign_in):
    network = NetworkFactory()
    clicked = PersonFactory(last_engaged_at=ago(10))
    active = MemberFactory(network=network, joined_at=ago(400), contact=clicked)
    renewed = MemberFactory(network=network, joined_at=ago(400), renewed_at=ago(100))
    acting = MemberFactory(network=network, joined_at=ago(500))
    RepresentativeFactory(member=acting, person=PersonFactory(last_engaged_at=ago(300)))
    alone = MemberFactory(network=network, joined_at=ago(20), organization=None, person=PersonFactory())

    chart = growth.activity(network, planner, now=NOW)

    assert growth.totals_of(chart) == {"active": 2, "quiet": 1, "cooling": 1}
    rows = Member.objects.filter(network=network).with_last_sign()
    assert set(rows.filter(growth.band_rule("active", NOW))) == {active, alone}
    assert rows.get(growth.band_rule("quiet", NOW)) == renewed and rows.get(growth.band_rule("cooling", NOW)) == acting
    Member.objects.update(joined_at=timezone.now() - timedelta(days=500), renewed_at=None)
    Person.objects.update(last_engaged_at=None)
    page = sign_in(planner).get(f"/networks/{network.uid}/?sign=cooling").content.decode()
    assert acting.label in page


def test_map_draws_places_and_who_brought_whom_within_reach(planner, sign_in, django_assert_max_num_queries):
    network = NetworkFactory()
    chad, mali = CountryFactory(code="TD", name="Chad"), CountryFactory(code="ML", name="Mali")
    first = MemberFactory(network=network, organization=OrganizationFactory(name="Union A", country=chad))
    second = MemberFactory(
        network=network, organization=OrganizationFactory(name="Union <B>", country=mali), brought_by=first
    )
    MemberFactory(network=network, organization=None, person=PersonFactory(country=mali), brought_by=first)
    MemberFactory(
        network=network, organization=OrganizationFactory(country=mali), joined_at=ago(9000), left_at=timezone.now()
    )

    drawn = network_map(network, planner)

    assert [(p.code, p.institutions, p.individuals) for p in drawn.places] == [("ML", 1, 1), ("TD", 1, 0)]
    assert drawn.lines == [("Chad", "Mali", 2)] and drawn.brought == 2 and drawn.undrawn == 0
    assert [(b.member, len(b.brought)) for b in drawn.bringers] == [(first, 2)]
    assert "Mali: 1 institution, 1 individual" in drawn.svg and 'class="netmap-line"' in drawn.svg
    client = sign_in(planner)
    for tab in ("map", "growth"):
        with django_assert_max_num_queries(25):
            page = client.get(f"/networks/{network.uid}/?tab={tab}").content.decode()
        assert 'style="' not in page
        assert (f"/networks/{network.uid}/?sign=cooling" in page) == (tab == "growth")
    assert "Union &lt;B&gt;" in client.get(f"/networks/{network.uid}/?tab=map").content.decode()
    narrow = UserFactory()
    GrantFactory(user=narrow, role="viewer", is_everywhere=False, countries=["ML"])
    assert [p.code for p in network_map(network, narrow).places] == ["ML"]
    assert network_map(network, narrow).bringers == [] and second.label


def test_centre_of_a_country_is_in_its_largest_piece():
    left, top = centre("FR")
    assert 500 < left < 530 and 60 < top < 95  # not between Europe and South America
    assert centre("XX") is None
