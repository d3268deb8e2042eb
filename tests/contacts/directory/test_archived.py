"""What was archived is found again: by a facet of the lists, by the search where nobody else is called so; and many come back at once."""

import pytest
from django.urls import reverse
from django.utils import timezone

from contacts.directory.models import Organization, Person
from contacts.directory.registration import find_organizations, find_people
from contacts.directory.services import archive_organization, archive_person
from contacts.directory.services.bulk import Bulk, bulk_edit
from crm.audit.models import AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.factories import (
    ContactPointFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LISTS = {"person": ("person_list", PersonFactory), "organization": ("organization_list", OrganizationFactory)}


@pytest.fixture
def zambia_only(db):
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    return user


def names(response) -> list[str]:
    return [row.name for row in response.context["table"].rows]


def gone(made, **values):
    return made(archived_at=timezone.now(), **values)


# --- lists ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", LISTS)
def test_facet_shows_what_is_archived_and_only_that(kind, sign_in, viewer):
    url, made = LISTS[kind]
    made(name="Here"), gone(made, name="Gone"), gone(made, name="Gone elsewhere", country__code="TD")
    client = sign_in(viewer)

    assert names(client.get(reverse(url))) == ["Here"]
    assert names(client.get(reverse(url) + "?archived=only")) == ["Gone", "Gone elsewhere"]
    assert names(client.get(reverse(url) + "?archived=only&country=TD")) == ["Gone elsewhere"]
    assert names(client.get(reverse(url) + "?archived=only&q=elsew")) == ["Gone elsewhere"]
    page = client.get(reverse(url) + "?archived=only").content.decode()
    assert "what is archived" in page and "Bring back" not in page  # a viewer changes nothing


def test_erased_are_not_among_the_archived(sign_in, admin):
    gone(PersonFactory, name="Erased person", erased_at=timezone.now())

    assert names(sign_in(admin).get(reverse("person_list") + "?archived=only")) == []


@pytest.mark.parametrize("asked", ["", "&sort=country", "&sort=-name", "&q=gone"])
def test_of_some_countries_only_theirs_are_shown(asked, sign_in, zambia_only):
    gone(PersonFactory, name="Gone here")
    gone(PersonFactory, name="Gone elsewhere", country__code="TD")
    works_here = OrganizationFactory(country__code="CH", countries_of_work=["ZM"])
    visitor = MembershipFactory(organization=works_here, person__name="Gone visitor", person__country__code="CH").person
    archive_person(person=visitor, actor=zambia_only)

    shown = names(sign_in(zambia_only).get(reverse("person_list") + f"?archived=only{asked}"))

    assert sorted(shown) == ["Gone here", "Gone visitor"]


@pytest.mark.parametrize("kind", LISTS)
def test_archived_list_has_the_same_number_of_queries_with_one_row_and_with_three(
    kind, sign_in, planner, django_assert_max_num_queries, django_assert_num_queries
):
    url, made = LISTS[kind]
    client, asked = sign_in(planner), reverse(url) + "?archived=only"
    gone(made)
    client.get(asked)
    with django_assert_max_num_queries(25) as one:
        client.get(asked)
    gone(made), gone(made)

    with django_assert_num_queries(len(one)):
        assert len(names(client.get(asked))) == 3


def test_empty_list_leads_to_the_archived_of_the_same_words(sign_in, viewer):
    gone(PersonFactory, name="Zenobia Quill")
    client = sign_in(viewer)

    page = client.get(reverse("person_list") + "?q=zenobia&after=x").content.decode()

    assert 'href="/directory/people/?q=zenobia&amp;archived=only"' in page
    assert names(client.get("/directory/people/?q=zenobia&archived=only")) == ["Zenobia Quill"]
    assert (
        "archived=only"
        not in client.get(reverse("person_list") + "?q=nobody&archived=only").content.decode().split('id="list"')[1]
    )


# --- bringing back ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", LISTS)
def test_selected_come_back_after_a_preview_and_that_is_undone(kind, sign_in, planner):
    url, made = LISTS[kind]
    one, other = gone(made, name="One"), gone(made, name="Other")
    here = made(name="Here")
    client, change = sign_in(planner), reverse("directory_bulk", args=[kind])
    assert "Bring back" in client.get(reverse(url) + "?archived=only").content.decode()
    picks = {"pick": [str(row.uid) for row in (one, here)], "what": "unarchive"}

    page = client.post(change, picks).content.decode()

    assert "1 will change" in page and names(client.get(reverse(url))) == ["Here"]
    client.post(change, {**picks, "confirm": "1"})
    assert sorted(names(client.get(reverse(url)))) == ["Here", "One"]
    entry = AuditEntry.objects.get(verb=f"{kind}.bulk_edited")
    assert entry.summary == "Bring back × 1"
    assert list(OutboxEvent.objects.filter(type=f"{kind}.unarchived").values_list("object_uid", flat=True)) == [one.uid]
    before = one.archived_at
    undo(entry=entry, actor=planner)
    one.refresh_from_db(), other.refresh_from_db()
    assert one.archived_at == before and other.archived_at is not None


def test_all_that_match_come_back_in_the_background_and_nobody_else(sign_in, planner, monkeypatch):
    monkeypatch.setattr("contacts.directory.views.bulk.AT_ONCE", 1)
    monkeypatch.setattr("contacts.directory.services.bulk.CHUNK", 2)
    for name in ("A", "B", "C"):
        gone(PersonFactory, name=name)
    gone(PersonFactory, name="D", country__code="TD")
    client, change = sign_in(planner), reverse("directory_bulk", args=["person"])

    page = client.post(change, {"all": "1", "_archived": "only", "_country": "ZM"})
    assert [option[0] for option in page.context["options"]] == ["unarchive"] and not page.context["others"]
    client.post(change, {**dict(page.context["kept"]), "what": "unarchive", "confirm": "1"})
    for _step in range(3):
        run_job(Job.objects.get().pk)

    assert sorted(Person.objects.active().values_list("name", flat=True)) == ["A", "B", "C"]


def test_only_the_list_of_the_archived_brings_all_back(sign_in, planner):
    gone(PersonFactory)
    sign_in(planner).post(reverse("directory_bulk", args=["person"]), {"all": "1", "what": "unarchive", "confirm": "1"})
    assert not Person.objects.active().exists()


def test_other_changes_and_other_countries_do_not_reach_the_archived(sign_in, planner, zambia_only):
    row, far = gone(PersonFactory, language="en"), gone(PersonFactory, country__code="TD")
    picks = {"pick": [str(row.uid), str(far.uid)], "confirm": "1"}

    sign_in(planner).post(reverse("directory_bulk", args=["person"]), {**picks, "what": "language", "value": "fr"})
    sign_in(planner).post(reverse("person_tag"), {"all": "1", "_archived": "only", "tag_name": "x"})
    sign_in(zambia_only).post(reverse("directory_bulk", args=["person"]), {**picks, "what": "unarchive"})

    row.refresh_from_db(), far.refresh_from_db()
    assert (row.language, row.tags.count(), row.archived_at) == ("en", 0, None)
    assert far.archived_at is not None


def test_many_organizations_come_back_and_go_again(planner):
    rows = [OrganizationFactory(), OrganizationFactory()]
    for row in rows:
        archive_organization(organization=row, actor=planner)

    changed, _entry = bulk_edit(
        bulk=Bulk("organization", "unarchive"), rows=Organization.objects.archived(), actor=planner
    )

    assert changed == Organization.objects.active().count() == 2


# --- Ctrl-K -----------------------------------------------------------------------------------------------------------
def searched(client, words: str) -> str:
    return client.get("/search/", {"q": words}, headers=HTMX).content.decode()


def test_search_finds_the_archived_where_nobody_in_use_is_called_so(sign_in, viewer):
    gone(PersonFactory, name="Zenobia Quill")
    PersonFactory(name="Zenobia Quil")  # nearly so
    gone(OrganizationFactory, name="Ministry of Toil")
    client = sign_in(viewer)

    found = find_people(viewer, "zenobia quill", 5)
    assert [hit.title for hit in found] == ["Zenobia Quill", "Zenobia Quil"]
    assert "archived" in searched(client, "zenobia quill")
    assert [hit.title for hit in find_organizations(viewer, "ministry of toil", 5)] == ["Ministry of Toil"]
    PersonFactory(name="Zenobia Quill Banda")
    assert [hit.title for hit in find_people(viewer, "zenobia quill", 5)] == ["Zenobia Quill Banda"]
    assert "archived" not in searched(client, "zenobia quill")


def test_search_tells_nothing_of_the_archived_of_other_countries_or_of_the_erased(sign_in, zambia_only):
    gone(PersonFactory, name="Zenobia Quill", country__code="TD")
    erased = gone(PersonFactory, name="Zenobia Quint", erased_at=timezone.now())
    ContactPointFactory(person=erased, value="zenobia@x.test")

    assert "Zenobia" not in searched(sign_in(zambia_only), "zenobia").replace("“zenobia”", "")
