"""Staff decide; members have a page of their own; screens, undo, segments, erasure."""

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.networks import letters, links, services
from campaigns.networks.comparing import side_by_side
from campaigns.networks.matching import organizations_like, people_like
from campaigns.networks.models import Application, Member, Network
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from contacts.directory.models import Organization, Person
from contacts.segments.compiler import compile_tree
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, WrongState
from tests.factories import (
    ApplicationFactory,
    CampaignFactory,
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    OrganizationFactory,
    PersonFactory,
    RepresentativeFactory,
)

pytestmark = pytest.mark.django_db


def institution(**values):
    return ApplicationFactory(kind="institution", organization_name="Alliance des travailleurs", **values)


def test_new_institution_and_its_person_are_added_and_welcomed(planner):
    application = institution(email="hery@people.test", name="Rakoto Hery", wants_listing=True)

    member = services.accept(application=application, actor=planner, constituency=ConstituencyFactory(code="CSO"))

    assert member.organization.name == "Alliance des travailleurs" and member.contact.name == "Rakoto Hery"
    assert member.contact.memberships.get().organization == member.organization
    assert member.is_listed
    assert letters.mail_due() == 1
    assert links.representative_url(member.representatives.get().uid) in mail.outbox[0].body
    with pytest.raises(WrongState, match="accepted already"):
        services.accept(application=application, actor=planner)


def test_known_ones_are_joined_to_what_is_there(planner):
    person, organization = PersonFactory(), OrganizationFactory()
    application = institution()

    member = services.accept(application=application, actor=planner, person=person, organization=organization)

    assert (member.organization, member.contact) == (organization, person)
    assert (Person.objects.count(), Organization.objects.count()) == (1, 1)
    with pytest.raises(Conflict, match="is a member of this network already"):
        services.accept(application=institution(network=application.network), actor=planner, organization=organization)
    assert Person.objects.count() == 1  # nothing of the second was kept


def test_refusal_is_taken_back_until_its_letter_left(planner):
    application = ApplicationFactory()
    entry = services.decline(application=application, actor=planner, reason="Only institutions of the region.")

    undo(entry=entry, actor=planner)
    application.refresh_from_db()
    assert (application.state, application.reason, application.letters.count()) == ("confirmed", "", 0)

    entry = services.decline(application=application, actor=planner, reason="Only institutions of the region.")
    assert letters.mail_due() == 0
    letter = application.letters.get()
    assert letters.mail_due(now=letter.due_at) == 1
    assert "Only institutions of the region." in mail.outbox[0].body
    with pytest.raises(Conflict, match="letter has left"):
        undo(entry=entry, actor=planner)


def test_application_page_shows_suspects_side_by_side(planner, sign_in):
    cso = ConstituencyFactory(code="CSO")
    same = OrganizationFactory(name="Alliance des travailleurs", constituency=cso)
    elsewhere = OrganizationFactory(name="Alliance des travailleurs", country=CountryFactory(code="TD"))
    by_domain = OrganizationFactory(name="Quite Another Name")
    ContactPointFactory(person=None, organization=by_domain, value="info@alliance-mg.net")
    known = PersonFactory(name="Rakoto Hery")
    ContactPointFactory(person=known, value="hery@alliance-mg.net")
    application = institution(email="hery@alliance-mg.net", name="Somebody", country=CountryFactory())

    page = sign_in(planner).get(reverse("application_detail", args=[application.uid])).content.decode()

    for row in (same, elsewhere, by_domain, known):
        assert f'value="{row.uid}"' in page
    assert f'value="{same.uid}" checked' in page and f'value="{known.uid}" checked' in page
    assert f'value="{elsewhere.uid}" checked' not in page


def test_screens_from_a_new_network_to_a_member_and_back(planner, sign_in):
    client, campaign = sign_in(planner), CampaignFactory()
    said = {
        "campaign": campaign.uid, "name": "Friends", "slug": "friends", "kinds": ["individual"], "rule": "staff",
        "headline_en": "Join us", "has_directory": "on",
    }  # fmt: skip
    assert client.post(reverse("network_create"), said).status_code == 302
    network = Network.objects.get()
    assert network.form is None and network.headlines == {"en": "Join us"}
    assert client.post(reverse("network_create"), said).status_code == 422  # the address is taken
    assert Client().get("/join/friends/").status_code == 404
    edit = reverse("network_edit", args=[network.uid])
    assert client.post(edit, said | {"is_public": "on", "seen_at": network.updated_at.isoformat()}).status_code == 302
    late = client.post(edit, said | {"name": "Mine", "seen_at": network.updated_at.isoformat()})
    assert late.status_code == 422 and "Your input is kept here" in late.content.decode()
    assert Client().get("/join/friends/").status_code == 200

    application = ApplicationFactory(network=network)
    waiting = client.get(f"{reverse('network_detail', args=[network.uid])}?tab=waiting").content.decode()
    assert application.name in waiting
    assert application.name in client.get("/").content.decode()
    accept = reverse("application_accept", args=[application.uid])
    assert client.post(accept, {"person": "", "organization": ""}).status_code == 302
    assert client.post(accept, {"person": "", "organization": ""}).status_code == 422
    member = Member.objects.get()
    assert member.label in client.get(reverse("network_detail", args=[network.uid])).content.decode()

    assert client.post(reverse("member_end", args=[member.uid])).status_code == 302
    assert not network.members.present().exists()
    undo(entry=AuditEntry.objects.get(verb="member.left"), actor=planner)
    assert network.members.present().count() == 1


@pytest.mark.parametrize("kind", ["accept", "decline"])
def test_viewers_see_and_do_not_decide(viewer, sign_in, kind):
    application = ApplicationFactory()
    client = sign_in(viewer)

    assert client.get(reverse("application_detail", args=[application.uid])).status_code == 200
    assert client.post(reverse(f"application_{kind}", args=[application.uid])).status_code == 403
    application.refresh_from_db()
    assert application.state == Application.State.CONFIRMED


def test_lists_have_the_same_queries_with_one_row_and_three(planner, sign_in, django_assert_max_num_queries):
    client, network = sign_in(planner), NetworkFactory()
    pages = [reverse("network_list"), reverse("network_detail", args=[network.uid])]
    pages.append(f"{pages[1]}?tab=waiting")
    counted = []
    for _turn in range(2):
        ApplicationFactory(network=network)
        MemberFactory(network=network)
        MemberFactory(network=network, organization=None, person=PersonFactory(), brought_by=Member.objects.first())
        NetworkFactory()
        numbers = []
        for path in pages:
            client.get(path)
            with django_assert_max_num_queries(25) as found:
                assert client.get(path).status_code == 200
            numbers.append(len(found))
        counted.append(numbers)

    assert counted[0] == counted[1]


def test_member_chooses_listing_and_leaves_by_link_with_post_only(planner):
    member = MemberFactory(organization=OrganizationFactory(name="Open Union", website="https://union.example"))
    directory = reverse("network_directory", args=[member.network.slug])
    path = links.member_url(member).partition("//")[2].partition("/")[2]
    assert "Open Union" not in Client().get(directory).content.decode()

    assert Client().get(f"/{path}").status_code == 200
    Client().post(f"/{path}", {"do": "listing", "is_listed": "on"})
    bare = Client().get(directory).content.decode()
    assert "Open Union" in bare and member.organization.country.label not in bare and "union.example" not in bare
    Client().post(f"/{path}", {"do": "listing", "is_listed": "on", "shows": ["country", "website", "since", "salary"]})
    told = Client().get(directory).content.decode()
    assert member.organization.country.label in told and "https://union.example" in told
    assert f"member since {member.joined_at.year}" in told and member.organization.constituency.label not in told
    member.refresh_from_db()
    assert member.shows == ["country", "website", "since"]
    for _turn in range(2):
        Client().post(f"/{path}", {"do": "leave"})

    member.refresh_from_db()
    assert member.left_by_link and AuditEntry.objects.filter(verb="member.left").count() == 1
    assert "Open Union" not in Client().get(directory).content.decode()
    with pytest.raises(Conflict, match="only they can come back"):
        services.restore_member(uid=member.uid, values={"left_at": None}, expected={}, actor=planner)


def ids(selects, operator, *values):
    rule = {"field": "network", "operator": operator} | ({"value": list(values)} if values else {})
    compiled = compile_tree({"version": 1, "op": "all", "rules": [rule]}, selects=selects)
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        return {row[0] for row in cursor.fetchall()}


def test_segments_ask_who_is_a_member():
    network, other = NetworkFactory(), NetworkFactory()
    speaker, friend, stranger = PersonFactory(), PersonFactory(), PersonFactory()
    member = MemberFactory(network=network, contact=speaker)
    MemberFactory(network=other, organization=None, person=friend)
    MembershipFactory(person=speaker, organization=member.organization)
    acting = RepresentativeFactory(member=member).person
    RepresentativeFactory(member=member, state="proposed", person=None)
    former = RepresentativeFactory(member=member, state="ended", ended_at=timezone.now(), is_admin=False).person

    assert ids("people", "any_of", str(network.uid)) == {speaker.pk, acting.pk}
    assert ids("people", "ever") == {speaker.pk, friend.pk, acting.pk}
    assert ids("people", "never") == {stranger.pk, former.pk}
    assert ids("organizations", "any_of", str(network.uid)) == {member.organization_id}
    assert ids("organizations", "any_of", str(other.uid)) == set()


def test_erasure_takes_applications_and_own_memberships_and_keeps_the_institution():
    person = PersonFactory()
    ContactPointFactory(person=person, value="hery@people.test")
    application = ApplicationFactory(email="hery@people.test")
    kept = ApplicationFactory()
    institution = MemberFactory(contact=person)
    own = MemberFactory(organization=None, person=person)
    for name in ("network_applications", "network_members"):
        data = PersonalData.of(person.uid)
        assert HOLDINGS[name].count(data) >= 1 and HOLDINGS[name].export(data)
        HOLDINGS[name].erase(data)
        assert HOLDINGS[name].count(PersonalData.of(person.uid)) == 0

    assert list(Application.objects.all()) == [kept] and application.pk != kept.pk
    institution.refresh_from_db()
    assert institution.contact is None and not Member.objects.filter(pk=own.pk).exists()


def test_directory_is_searched_by_name_as_it_is_read():
    network = NetworkFactory()
    for name in ("Unión de Trabajadoras", "Market Women"):
        MemberFactory(network=network, organization=OrganizationFactory(name=name), is_listed=True)
    directory = reverse("network_directory", args=[network.slug])

    found = Client().get(directory, {"q": "union"}).content.decode()

    assert "Unión de Trabajadoras" in found and "Market Women" not in found
    assert "No member of that name" in Client().get(directory, {"q": "<b>"}).content.decode()


def test_directory_comes_page_by_page(monkeypatch):
    monkeypatch.setattr("campaigns.networks.public_views.A_PAGE", 2)
    network = NetworkFactory()
    for name in ("One", "Two", "Three"):
        MemberFactory(network=network, organization=OrganizationFactory(name=f"Union {name}"), is_listed=True)
    directory = reverse("network_directory", args=[network.slug])

    pages = [Client().get(directory, {"page": page}).content.decode() for page in ("1", "2", "99", "x")]

    assert ["Union Two" in page for page in pages] == [False, True, True, False]
    assert "Page 1 of 2" in pages[0] and 'rel="next"' in pages[0] and 'rel="next"' not in pages[1]


def test_staff_see_the_applicant_and_those_who_may_be_the_same_side_by_side(
    sign_in, planner, django_assert_max_num_queries
):
    country = CountryFactory(code="ZM")
    known = OrganizationFactory(name="Market Women’s Association", country=country, website="https://women.example")
    other = OrganizationFactory(name="Market Women’s Association", country=CountryFactory(code="TD"))
    ContactPointFactory(organization=known, person=None, value="office@women.example")
    MemberFactory(organization=other)
    row = ApplicationFactory(
        kind="institution", organization_name="market women’s association", email="grace@women.example", country=country,
        constituency=known.constituency,
    )  # fmt: skip

    client = sign_in(planner)

    with django_assert_max_num_queries(25):
        html = client.get(reverse("application_detail", args=[row.uid])).content.decode()

    (each,) = side_by_side(row, organizations_like(row, planner), people_like(row, planner))
    assert [suspect.row for suspect in each.suspects] == [known, other]
    assert {line.label: [cell.is_same for cell in line.cells] for line in each.lines} == {
        "Name": [True, True], "Country": [True, False], "Constituency": [True, True], "E-mail": [True, False],
        "Website": [False, False], "People there": [False, False],
    }  # fmt: skip
    assert "side by side" in html and "office@women.example" in html.replace("<wbr>", "")
