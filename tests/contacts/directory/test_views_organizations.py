"""Organizations' screens, what hangs on them, countries, and what the directory adds to search."""

from datetime import date

import pytest
from django.urls import reverse
from django.utils import timezone

from contacts.directory.models import ContactPoint, Country, Membership, Organization, Post
from crm.audit.models import AuditEntry
from crm.ui.search import search
from tests.factories import (
    ContactPointFactory,
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def chad_only():
    user = UserFactory()
    GrantFactory(user=user, role="outreach", is_everywhere=False, countries=["TD"])
    return user


def names(response) -> list[str]:
    return [row.name for row in response.context["table"].rows]


# --- list ---------------------------------------------------------------------------------------------------------------
def test_list_counts_people_and_has_the_same_queries_with_one_row_and_three(
    sign_in, viewer, django_assert_max_num_queries, django_assert_num_queries
):
    organization = MembershipFactory().organization
    MembershipFactory(organization=organization, ended_on=date(2025, 1, 1))
    client, url = sign_in(viewer), reverse("organization_list")
    assert client.get(url).context["table"].rows[0].people_count == 1
    with django_assert_max_num_queries(25) as one:
        client.get(url)
    MembershipFactory()
    MembershipFactory()

    with django_assert_num_queries(len(one)):
        client.get(url)


def test_list_by_constituency_country_and_words(sign_in, viewer):
    OrganizationFactory(name="Ministère du Travail", country__code="TD")
    OrganizationFactory(name="Fédération", constituency__code="EMP", country__code="TD")
    OrganizationFactory(name="Regional Office", constituency__code="IGO", country__code="CH", countries_of_work=["TD"])
    client, url = sign_in(viewer), reverse("organization_list")

    assert names(client.get(url, {"q": "MINISTERE"})) == ["Ministère du Travail"]
    assert names(client.get(url, {"constituency": "EMP"})) == ["Fédération"]
    assert names(client.get(url, {"country": "TD"})) == ["Fédération", "Ministère du Travail", "Regional Office"]
    assert names(client.get(url, {"sort": "-name"})) == ["Regional Office", "Ministère du Travail", "Fédération"]


def test_countries_of_work_are_in_scope(sign_in, chad_only):
    OrganizationFactory(name="There", country__code="TD")
    OrganizationFactory(name="Works there", country__code="CH", countries_of_work=["TD"])
    hidden = OrganizationFactory(name="Elsewhere")
    client = sign_in(chad_only)

    assert names(client.get(reverse("organization_list"))) == ["There", "Works there"]
    assert client.get(reverse("organization_detail", args=[hidden.uid])).status_code == 404


def test_export_of_organizations_is_logged(sign_in, planner):
    OrganizationFactory(name="Ministry", website="https://labour.test/")

    text = b"".join(sign_in(planner).get(reverse("organization_list"), {"export": "csv"}).streaming_content).decode()

    assert "Ministry" in text and "https://labour.test/" in text
    assert AuditEntry.objects.get().verb == "list.exported"


# --- quick-add ----------------------------------------------------------------------------------------------------------
def test_quick_add_of_an_organization(sign_in, outreach):
    data = {"name": "Fédération des employeurs", "constituency": "EMP", "country": "TD", "email": "info@fed.test"}

    response = sign_in(outreach).post(reverse("organization_create"), data)

    organization = Organization.objects.get()
    assert response.headers["Location"] == reverse("organization_detail", args=[organization.uid])
    assert (organization.constituency.code, organization.country_id) == ("EMP", "TD")


def test_quick_add_hints_at_the_same_name_in_the_same_country(sign_in, outreach):
    OrganizationFactory(name="Ministère du Travail", country__code="TD")
    client, url = sign_in(outreach), reverse("organization_create")
    data = {"name": "ministere du travail", "constituency": "GOV", "country": "TD"}

    assert client.post(url, data).status_code == 422
    assert Organization.objects.count() == 1
    client.post(url, {**data, "country": "NE"})
    client.post(url, {**data, "add_anyway": "on"})
    assert Organization.objects.count() == 3


@pytest.mark.parametrize(
    "data", [{}, {"name": "X"}, {"name": "X", "constituency": "NOPE"}, {"name": "X", "constituency": "IND"}]
)
def test_a_wrong_organization_is_refused(sign_in, outreach, data):
    assert sign_in(outreach).post(reverse("organization_create"), data).status_code == 422
    assert not Organization.objects.exists()


def test_an_officer_of_chad_adds_in_chad(sign_in, chad_only):
    client, url = sign_in(chad_only), reverse("organization_create")

    assert client.post(url, {"name": "X", "constituency": "GOV", "country": "ZM"}).status_code == 422
    assert client.post(url, {"name": "X", "constituency": "GOV"}).status_code == 422
    client.post(url, {"name": "X", "constituency": "GOV", "country": "TD"})
    assert Organization.objects.get().country_id == "TD"


# --- page ---------------------------------------------------------------------------------------------------------------
def test_page_shows_posts_with_present_and_past_holders_and_its_addresses(sign_in, viewer):
    post = PostFactory(name="Minister of Labour", organization__country__code="TD")
    MembershipFactory(post=post, person__name="Present Holder")
    MembershipFactory(post=post, person__name="Past Holder", started_on=date(2020, 1, 1), ended_on=date(2022, 1, 1))
    MembershipFactory(organization=post.organization, person__name="Adviser Person", role="Adviser")
    ContactPointFactory(person=None, post=post, value="minister@gov.test")
    ContactPointFactory(person=None, organization=post.organization, value="info@gov.test", status="invalid")

    page = sign_in(viewer).get(reverse("organization_detail", args=[post.organization.uid])).content.decode()

    for text in (
        *(
            "Minister of Labour",
            "Present Holder",
            "Past Holder",
            "Adviser Person",
            "minister@gov.test",
            "info@gov.test",
        ),
        *("invalid", "2.5", "CC BY 4.0"),
    ):
        assert text in page


def test_page_needs_few_queries_however_much_there_is(sign_in, planner, django_assert_max_num_queries):
    organization = OrganizationFactory()
    for _ in range(4):
        post = PostFactory(organization=organization)
        MembershipFactory(post=post)
        MembershipFactory(organization=organization)
        ContactPointFactory(person=None, post=post)
    client, url = sign_in(planner), reverse("organization_detail", args=[organization.uid])
    client.get(url)

    with django_assert_max_num_queries(25):
        client.get(url)


def test_constituency_is_edited_in_place(sign_in, outreach, viewer):
    organization = OrganizationFactory()
    url = reverse("organization_edit", args=[organization.uid, "constituency"])

    assert sign_in(viewer).post(url, {"constituency": "WRK"}, headers=HTMX).status_code == 403
    response = sign_in(outreach).post(url, {"constituency": "WRK", "seen": '{"constituency": "GOV"}'}, headers=HTMX)

    organization.refresh_from_db()
    assert (response.status_code, organization.constituency.code) == (200, "WRK")


# --- posts, memberships, addresses ----------------------------------------------------------------------------------------
def test_a_new_holder_takes_over_a_post(sign_in, outreach):
    previous = MembershipFactory(post=PostFactory())
    successor = PersonFactory(name="Successor")
    url = reverse("post_holder", args=[previous.post.uid])

    response = sign_in(outreach).post(url, {"person_q": "successor", "ends_previous": "on"})

    previous.refresh_from_db()
    assert response.status_code == 302
    assert previous.ended_on is not None
    assert [m.person for m in previous.post.memberships.current()] == [successor]


def test_post_names_are_once_in_an_organization(sign_in, outreach):
    post = PostFactory(name="Minister")
    url = reverse("post_create", args=[post.organization.uid])

    response = sign_in(outreach).post(url, {"name": "Minister"})

    assert response.status_code == 422
    assert "a post called “Minister” already" in response.content.decode()
    assert Post.objects.count() == 1


def test_membership_begins_ends_and_becomes_primary_by_forms(sign_in, outreach):
    person, organization = PersonFactory(), OrganizationFactory(country__code="TD")
    first = MembershipFactory(person=person)
    client = sign_in(outreach)

    client.post(
        reverse("membership_start", args=[person.uid]), {"organization": str(organization.uid), "role": "Adviser"}
    )
    second = Membership.objects.get(organization=organization)
    assert (second.role, second.is_primary) == ("Adviser", False)
    client.post(reverse("membership_primary", args=[second.uid]))
    client.post(reverse("membership_end", args=[first.uid]), {"ended_on": timezone.localdate().isoformat()})

    second.refresh_from_db()
    first.refresh_from_db()
    person.refresh_from_db()
    assert (second.is_primary, first.ended_on, person.country_id) == (True, timezone.localdate(), "TD")


def test_ending_in_the_future_is_refused_in_the_form(sign_in, outreach):
    membership = MembershipFactory()

    response = sign_in(outreach).post(reverse("membership_end", args=[membership.uid]), {"ended_on": "2999-01-01"})

    assert response.status_code == 422
    assert "lies in the future" in response.content.decode()


def test_addresses_are_added_changed_and_removed_with_undo(sign_in, outreach):
    organization = OrganizationFactory()
    client = sign_in(outreach)
    add = reverse("organization_point_add", args=[organization.uid])

    assert client.post(add, {"kind": "email", "value": "no address"}).status_code == 422
    client.post(add, {"kind": "email", "value": "info@gov.test"})
    point = ContactPoint.objects.get()
    client.post(
        reverse("point_edit", args=[point.uid]), {"value": "office@gov.test", "status": "active", "is_preferred": "on"}
    )
    point.refresh_from_db()
    assert point.address_key == "office@gov.test"
    client.post(reverse("point_remove", args=[point.uid]))
    assert not ContactPoint.objects.exists()
    client.post(reverse("undo", args=[AuditEntry.objects.latest("pk").uid]))
    assert ContactPoint.objects.get().value == "office@gov.test"


@pytest.mark.parametrize("url_name", ["membership_end", "point_edit", "post_edit", "post_holder", "person_point_add"])
def test_parts_of_other_countries_are_not_found(sign_in, chad_only, url_name):
    rows = {
        "membership_end": lambda: MembershipFactory(),
        "point_edit": lambda: ContactPointFactory(),
        "post_edit": lambda: PostFactory(),
        "post_holder": lambda: PostFactory(),
        "person_point_add": lambda: PersonFactory(),
    }
    row = rows[url_name]()

    assert sign_in(chad_only).get(reverse(url_name, args=[row.uid])).status_code == 404


# --- countries ----------------------------------------------------------------------------------------------------------
def test_country_page_shows_coverage_with_source_and_empty_constituencies(sign_in, outreach):
    OrganizationFactory(name="Ministry", country__code="TD")

    page = sign_in(outreach).get(reverse("country_detail", args=["TD"])).content.decode()

    for text in ("Chad", "Middle Africa", "2.5", "2022", "ILO", "Ministry", "Nobody known", "As a table"):
        assert text in page


def test_a_country_without_a_figure_says_so(sign_in, viewer):
    page = sign_in(viewer).get(reverse("country_detail", args=["AQ"])).content.decode()

    assert "No figure is known for Antarctica" in page


def test_country_list_puts_the_lowest_first_and_the_unknown_last(sign_in, viewer, django_assert_max_num_queries):
    client, rows, url = sign_in(viewer), [], reverse("country_list")
    with django_assert_max_num_queries(25):
        page = client.get(url).context["table"].page
    while rows.extend(page.rows) or page.next_url:
        page = client.get(page.next_url).context["table"].page

    figures = [country.coverage for country in rows]
    known = [figure for figure in figures if figure is not None]
    assert figures == sorted(known) + [None] * (len(figures) - len(known))
    assert len({country.code for country in rows}) == len(rows) == Country.objects.count()


def test_countries_are_found_by_name_region_coverage_and_whether_anybody_is_known_there(sign_in, viewer, chad_only):
    OrganizationFactory(name="Ministry", country__code="TD")
    OrganizationFactory(name="Fund", country__code="KE", countries_of_work=["KE", "UG"])

    def found(user, **query):
        return {row.code for row in sign_in(user).get(reverse("country_list"), query).context["table"].rows}

    assert found(viewer, q="tchad") == {"TD"}
    assert found(viewer, known="yes") == {"TD", "KE", "UG"}
    assert not found(viewer, known="no", q="chad")
    assert "TD" in found(viewer, coverage="low")
    assert found(viewer, coverage="unknown", q="antarctica") == {"AQ"} == found(viewer, q="antarctica")
    assert not found(viewer, coverage="wide", q="antarctica")
    assert found(chad_only, known="yes") == {"TD"}


def test_a_number_of_institutions_is_that_of_the_list_behind_it(sign_in, viewer):
    OrganizationFactory(country__code="KE", countries_of_work=["KE", "UG"])
    OrganizationFactory(country__code="UG")
    client = sign_in(viewer)
    for code, number in (("KE", 1), ("UG", 2)):
        [row] = [
            row
            for row in client.get(reverse("country_list"), {"known": "yes"}).context["table"].rows
            if row.code == code
        ]
        behind = client.get(reverse("organization_list"), {"country": code}).context["table"].rows
        assert row.institutions == len(behind) == number


def test_map_knows_countries_by_the_codes_of_its_shapes(sign_in, viewer):
    points = sign_in(viewer).get(reverse("country_list")).context["map"].points

    assert [point["country"] for point in points if point["label"] == "Chad"] == ["148"]


def test_no_such_country(sign_in, viewer):
    assert sign_in(viewer).get(reverse("country_detail", args=["XX"])).status_code == 404


# --- search -------------------------------------------------------------------------------------------------------------
def test_search_finds_people_and_organizations_in_scope_whatever_the_accents(viewer, chad_only):
    CountryFactory(code="TD")
    PersonFactory(name="Zoé N’Diaye", country__code="TD")
    OrganizationFactory(name="Caisse Zoé", country__code="ZM")

    everything = {group.source.kind: [hit.title for hit in group.hits] for group in search(viewer, "zoe")}
    chad = {group.source.kind: [hit.title for hit in group.hits] for group in search(chad_only, "zoe")}

    assert (everything["person"], everything["organization"]) == (["Zoé N’Diaye"], ["Caisse Zoé"])
    assert (chad["person"], chad.get("organization", [])) == (["Zoé N’Diaye"], [])
