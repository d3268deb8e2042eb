"""Pages that are merged from countries, or read in the order of last mail, are the same as those of one plain statement."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory.models import LastMailed, Person
from contacts.directory.ordered import reach_of
from crm.ui.paging import capped_total, fetch, paginate, sort_keys
from tests.factories import (
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    TagFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def tag():
    return TagFactory()


@pytest.fixture
def world(tag):
    """Sixty people of five countries and of none, of the same few names: some archived, tagged, mailed, seen abroad."""
    chance = random.Random(7)
    places = [OrganizationFactory(country__code="CH", countries_of_work=["ZM", "TD"]), OrganizationFactory(country__code="ZM")]  # fmt: skip
    for _ in range(60):
        code = chance.choice(["ZM", "TD", "FR", "CH", None])
        person = PersonFactory(
            name=chance.choice(["Ana", "Ben", "Chidi", "Élodie"]),
            family_name="",
            **({"country__code": code} if code else {"country": None}),
            archived_at=NOW if chance.random() < 0.1 else None,
            last_mailed_at=NOW - timedelta(days=chance.randrange(6)) if chance.random() < 0.6 else None,
        )
        if chance.random() < 0.4:
            MembershipFactory(person=person, organization=chance.choice(places))
        if chance.random() < 0.4:
            person.tags.add(tag)


@pytest.fixture
def limited():
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM", "TD"])
    return user


def read(rows, sort, size):
    """Keys of all pages, forwards and then backwards from the last one."""
    keys = sort_keys(rows, sort)
    found, values, more = [], None, True
    while more:
        page, more = fetch(rows, keys, values, reverse=False, size=size)
        found.append([row.pk for row in page])
        values = [key.value_of(page[-1]) for key in keys] if page else None
    back = [found[-1]]
    first = Person.objects.filter(pk__in=found[-1][:1]).first()
    while first is not None:
        page, _more = fetch(rows, keys, [key.value_of(first) for key in keys], reverse=True, size=size)
        back.insert(0, [row.pk for row in page])
        first = page[0] if page else None
    return [pk for page in found for pk in page], [pk for page in back for pk in page]


def plainly(rows, sort):
    return [row.pk for row in rows.order_by(*(key.order(reverse=False) for key in sort_keys(rows, sort)))]


@pytest.mark.parametrize("size", [3, 7, 100])
def test_pages_of_some_countries_are_merged_without_a_difference(world, limited, tag, size):
    visible = Person.objects.active().visible_to(limited)
    tagged = visible.filter(tags=tag)
    one_country = visible.filter(country_id__in=["ZM", "FR"]).with_place()
    for rows in (visible, tagged, one_country, visible.filter(pk=-1)):
        for sort in (["sort_key"], ["-sort_key"], ["country_id", "sort_key"], ["-country_id", "-sort_key"]):
            expected = plainly(rows, sort)
            assert read(rows.by_country(), sort, size) == (expected, expected), sort
        assert capped_total(rows.by_country()).count == rows.count()
    assert len(plainly(visible, ["sort_key"])) > 20
    assert visible.exclude(country_id__in=["ZM", "TD"]).exists()  # the half that no country gives
    assert capped_total(visible.by_country(), cap=5).is_capped


def test_a_reach_is_taken_out_only_where_it_stands_alone(limited):
    visible = Person.objects.visible_to(limited)
    reach = reach_of(visible.active())
    assert reach is not None and reach.codes == ("TD", "ZM")
    assert "country_id" not in str(reach.rows.query).partition("WHERE")[2]
    assert reach_of(Person.objects.active()) is None
    assert reach_of(visible.visible_to(limited)) is None
    assert reach_of(Person.objects.exclude(pk__in=visible)) is None
    nowhere = UserFactory()
    assert read(Person.objects.visible_to(nowhere).by_country(), ["sort_key"], 5) == ([], [])


@pytest.mark.parametrize("size", [3, 7, 100])
def test_pages_by_last_mail_are_those_of_the_column(world, size):
    for sort in (["-last_mailed_at"], ["last_mailed_at"]):
        for rows in (Person.objects.active(), Person.objects.filter(last_mailed_at=None), Person.objects.none()):
            expected = plainly(rows, sort)
            assert read(rows.by_last_mail(), sort, size) == (expected, expected), sort


def test_when_people_were_mailed_last_is_kept_twice_by_whoever_writes_it(world):
    def kept():
        return dict(LastMailed.objects.values_list("person_id", "at"))

    def said():
        return dict(Person.objects.filter(last_mailed_at__isnull=False).values_list("pk", "last_mailed_at"))

    assert kept() == said() and len(said()) > 20
    one, two, three = Person.objects.filter(last_mailed_at__isnull=False, memberships=None)[:3]
    Person.objects.filter(pk=one.pk).update(last_mailed_at=NOW + timedelta(days=1))
    Person.objects.filter(pk=two.pk).update(last_mailed_at=None)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_person_tags WHERE person_id = %s", [three.pk])
        cursor.execute("DELETE FROM contacts_person WHERE id = %s", [three.pk])
    Person.objects.filter(last_mailed_at=None).update(last_mailed_at=NOW)
    assert kept() == said() and one.pk in kept() and two.pk in kept() and three.pk not in kept()


def test_lists_on_screens_and_over_rest_take_these_ways(world, sign_in, viewer, limited):
    def asked(client, url):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return " ".join(query["sql"] for query in captured if "contacts_person" in query["sql"])

    people = reverse("person_list")
    everybody, some = sign_in(viewer), None
    assert "contacts_lastmailed" in asked(everybody, f"{people}?sort=-mailed")
    assert "contacts_lastmailed" not in asked(everybody, f"{people}?sort=-mailed&country=ZM")
    assert "UNION ALL" not in asked(everybody, people)
    some = sign_in(limited)
    assert "UNION ALL" in asked(some, people) and "UNION ALL" in asked(some, f"{people}?sort=country&constituency=GOV")
    assert "UNION ALL" not in asked(some, f"{people}?q=ana")
    assert "contacts_lastmailed" not in asked(some, f"{people}?sort=-mailed")


def test_a_cursor_of_before_goes_on(world):
    """The order and its values are as they were, so addresses that somebody kept show the same page."""
    request = RequestFactory().get("/people/")
    plain = paginate(request, Person.objects.active(), sort=["-last_mailed_at"], size=5)
    quick = paginate(request, Person.objects.active().by_last_mail(), sort=["-last_mailed_at"], size=5)
    assert plain.next_url == quick.next_url
