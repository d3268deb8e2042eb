"""Countries × constituencies: what a cell says, and that its numbers are those of the list behind it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import ensure_partitions
from campaigns.interactions.models import Party
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from campaigns.planning.grid import Cell, countries_of, grid_of, institutions_of
from contacts.consent.models import Suppression
from tests.factories import (
    ConstituencyFactory,
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def grid(drive, user, mailings=()):
    return grid_of(drive, countries=countries_of(drive, user), mailings=[mailing.pk for mailing in mailings])


def cell(drive, user, country, constituency, mailings=()) -> Cell:
    found = grid(drive, user, mailings)
    place = [c.code for c in found.constituencies].index(constituency)
    return next(row for row in found.rows if row.country.code == country).cells[place]


def delivered(mailing, organization, *, state="accepted", seq=1) -> None:
    """A delivery in the ledger."""
    ensure_partitions()
    Delivery.objects.create(
        mailing_id=mailing.pk,
        seq=seq,
        state=state,
        address_key=f"a{seq}@people.test",
        organization_id=organization.pk,
        constituency_code=organization.constituency.code,
        country_code=organization.country_id,
    )


def test_nobody_known_is_a_cell_of_its_own_and_missing(viewer):
    drive = DriveFactory(countries=["TD", "ZM"], constituencies=["GOV", "EMP"])
    OrganizationFactory(country__code="TD")

    found = grid(drive, viewer)

    assert [row.country.code for row in found.rows] == ["TD", "ZM"]  # lowest coverage first
    assert [c.state for row in found.rows for c in row.cells] == ["closed", "nobody", "nobody", "nobody"]
    assert [(row.country.code, c.code) for row, c in found.missing] == [("TD", "EMP"), ("ZM", "GOV"), ("ZM", "EMP")]


def test_people_with_a_working_address_make_a_cell_reachable(viewer):
    drive = DriveFactory()
    ministry = OrganizationFactory()
    for address in ("one@gov.test", "two@gov.test"):
        ContactPointFactory(person=MembershipFactory(organization=ministry).person, value=address)
    former = MembershipFactory(organization=ministry, ended_on=timezone.localdate()).person
    ContactPointFactory(person=former)
    ContactPointFactory(person=MembershipFactory(organization=ministry).person, status="bouncing")

    found = cell(drive, viewer, "ZM", "GOV")

    assert (found.institutions, found.reachable, found.people, found.state) == (1, 1, 2, "open")


@pytest.mark.parametrize("owner", ["organization", "post"])
def test_an_address_of_the_institution_or_a_post_makes_it_reachable(viewer, owner):
    drive, ministry = DriveFactory(), OrganizationFactory()
    place = ministry if owner == "organization" else PostFactory(organization=ministry)
    ContactPointFactory(person=None, **{owner: place})

    found = cell(drive, viewer, "ZM", "GOV")

    assert (found.reachable, found.people, found.state) == (1, 0, "open")
    assert [row.is_reachable for row in institutions_of(drive, viewer, [])] == [True]


def test_a_suppressed_address_reaches_nobody(viewer):
    drive, ministry = DriveFactory(), OrganizationFactory()
    point = ContactPointFactory(person=MembershipFactory(organization=ministry).person)
    Suppression.objects.create(address_hash=point.address_hash, key_id="1", reason="manual", at=timezone.now())

    assert cell(drive, viewer, "ZM", "GOV").state == "closed"
    assert [row.is_reachable for row in institutions_of(drive, viewer, [])] == [False]


def test_reached_is_an_accepted_delivery_of_this_drive(viewer):
    drive, ministry, other = DriveFactory(), OrganizationFactory(), OrganizationFactory()
    mailing = Mailing.objects.create(drive=drive, name="News")
    elsewhere = Mailing.objects.create(drive=DriveFactory(), name="Other drive")
    delivered(elsewhere, other)
    assert cell(drive, viewer, "ZM", "GOV", [mailing]).reached == 0

    delivered(mailing, ministry)
    delivered(mailing, other, state="failed", seq=2)

    found = cell(drive, viewer, "ZM", "GOV", [mailing])
    assert (found.reached, found.institutions, found.state) == (1, 2, "part")
    assert [row for row in institutions_of(drive, viewer, [mailing.pk]) if row.is_reached] == [ministry]


def test_an_institution_counts_where_it_works_and_once_in_the_whole(viewer):
    drive = DriveFactory(countries=["TD", "ZM"], constituencies=["IGO"])
    OrganizationFactory(constituency__code="IGO", country__code="CH", countries_of_work=["TD", "ZM", "NE"])

    found = grid(drive, viewer)

    assert [c.institutions for row in found.rows for c in row.cells] == [1, 1]
    assert found.total.institutions == 1


def test_children_of_a_constituency_count_in_its_column(viewer):
    informal = ConstituencyFactory(code="CSO-INF", parent=ConstituencyFactory(code="CSO"))
    OrganizationFactory(constituency=informal)

    assert cell(DriveFactory(constituencies=["CSO"]), viewer, "ZM", "CSO").institutions == 1
    assert cell(DriveFactory(constituencies=[informal]), viewer, "ZM", "CSO-INF").institutions == 1


def test_archived_institutions_are_left_out(viewer):
    OrganizationFactory(archived_at=timezone.now())

    assert cell(DriveFactory(), viewer, "ZM", "GOV").state == "nobody"


def test_the_numbers_of_the_grid_are_those_of_the_list_behind_them(viewer):
    drive = DriveFactory(countries=["TD", "ZM"], constituencies=["GOV", "IGO"])
    mailing = Mailing.objects.create(drive=drive, name="News")
    reached = OrganizationFactory(constituency__code="IGO", country__code="CH", countries_of_work=["TD", "ZM"])
    ContactPointFactory(person=None, organization=OrganizationFactory())
    OrganizationFactory(country__code="TD")
    OrganizationFactory(country__code="NE")
    delivered(mailing, reached)

    total, rows = grid(drive, viewer, [mailing]).total, list(institutions_of(drive, viewer, [mailing.pk]))

    assert total.institutions == len(rows) == 3
    assert total.reached == sum(row.is_reached for row in rows) == 1
    assert total.reachable == sum(row.is_reachable for row in rows) == 1


def test_countries_outside_of_the_scope_are_not_shown():
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, countries=["TD"])
    drive = DriveFactory(countries=["TD", "ZM"])

    assert [country.code for country in countries_of(drive, user)] == ["TD"]


def test_weeks_since_somebody_there_talked_with_us(viewer):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for days, is_two_way in ((161, True), (300, True), (3, False)):
        organization = OrganizationFactory(last_contacted_at=now)
        at = now - timedelta(days=days)
        call = Interaction.objects.create(kind="call", organization=organization, at=at, is_two_way=is_two_way)
        Party.objects.create(interaction=call, organization=organization, at=at, is_two_way=is_two_way)

    assert cell(DriveFactory(), viewer, "ZM", "GOV").weeks(now) == 23
    assert Cell("ZM", "GOV").weeks(now) is None


def test_the_grid_is_three_queries_whatever_its_size(viewer, django_assert_num_queries):
    drive = DriveFactory(countries=["TD", "ZM", "NE"], constituencies=["GOV", "EMP", "WRK"])
    OrganizationFactory()
    countries = countries_of(drive, viewer)

    with django_assert_num_queries(3):
        grid_of(drive, countries=countries, mailings=[])
