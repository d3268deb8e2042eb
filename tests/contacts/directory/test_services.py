"""Verbs of the directory: what they change, what they write down, what they refuse, and how they are taken back."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from contacts.consent.addresses import address_hash
from contacts.directory import services
from contacts.directory.models import ContactPoint, Membership, Person, Tag
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, StaleEdit
from tests.factories import (
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


# --- people -----------------------------------------------------------------------------------------------------------
def test_create_person_makes_address_and_membership_with_one_entry(planner):
    ministry = OrganizationFactory(country__code="TD")

    person = services.create_person(
        actor=planner,
        given_name="Zara",
        family_name="Ali",
        email=" Zara@Ministry.TEST ",
        organization=ministry,
        role="Adviser",
    )

    person.refresh_from_db()
    membership, point = person.memberships.get(), person.contact_points.get()
    assert (person.name, person.country_id) == ("Zara Ali", "TD")
    assert (membership.organization, membership.role, membership.is_primary) == (ministry, "Adviser", True)
    assert (point.value, point.address_key, point.is_preferred) == ("Zara@Ministry.TEST", "zara@ministry.test", True)
    assert bytes(point.address_hash) == address_hash("zara@ministry.test")
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor, entry.object_uid) == ("person.created", planner, person.uid)
    assert OutboxEvent.objects.get().type == "person.created"


def test_create_person_with_a_bad_address_makes_nothing(planner):
    with pytest.raises(Invalid, match="is not an e-mail address"):
        services.create_person(actor=planner, given_name="Zara", email="zara at home")

    assert not Person.objects.exists()
    assert not AuditEntry.objects.exists()


def test_create_person_needs_a_name(planner):
    with pytest.raises(Invalid, match="needs a name"):
        services.create_person(actor=planner, given_name="  ")


def test_undoing_a_creation_archives_the_person(planner):
    person = services.create_person(actor=planner, given_name="Zara")

    undo(entry=last_entry(), actor=planner)

    assert not Person.objects.active().filter(pk=person.pk).exists()
    assert Person.objects.filter(pk=person.pk).exists()


def test_edit_person_keeps_before_and_after_and_undo_puts_it_back(planner):
    person = PersonFactory(given_name="Ana", family_name="Costa", name="Ana Costa")

    entry = services.edit_person(person=person, actor=planner, changes={"family_name": "Ferreira"})

    assert person.name == "Ana Ferreira"
    assert list(entry.changes.values_list("field", "before", "after")) == [
        ("family_name", "Costa", "Ferreira"),
        ("name", "Ana Costa", "Ana Ferreira"),
    ]
    undo(entry=entry, actor=planner)
    person.refresh_from_db()
    assert (person.name, person.sort_key) == ("Ana Costa", "costa ana")


def test_edit_that_changes_nothing_writes_nothing(planner):
    person = PersonFactory(note="x")

    assert services.edit_person(person=person, actor=planner, changes={"note": "x"}) is None
    assert not AuditEntry.objects.exists()


def test_stale_edit_names_who_wrote_what_and_saves_nothing(planner):
    person = PersonFactory(note="")
    other = UserFactory(name="Chidi Okafor")
    services.edit_person(person=person, actor=other, changes={"note": "their text"})

    with pytest.raises(StaleEdit, match="Chidi Okafor changed this to “their text”") as caught:
        services.edit_person(person=person, actor=planner, changes={"note": "my text"}, seen={"note": ""})

    assert caught.value.data["current"] == "their text"
    person.refresh_from_db()
    assert person.note == "their text"


def test_saving_with_what_the_other_wrote_as_seen_replaces_it(planner):
    person = PersonFactory(note="their text")

    services.edit_person(person=person, actor=planner, changes={"note": "my text"}, seen={"note": "their text"})

    person.refresh_from_db()
    assert person.note == "my text"


def test_undo_leaves_what_was_changed_again(planner):
    person = PersonFactory(note="one")
    entry = services.edit_person(person=person, actor=planner, changes={"note": "two"})
    services.edit_person(person=person, actor=planner, changes={"note": "three"})

    with pytest.raises(Conflict, match="changed again since"):
        undo(entry=entry, actor=planner)

    person.refresh_from_db()
    assert person.note == "three"


def test_edit_refuses_an_empty_name_and_keeps_the_old_one(planner):
    person = PersonFactory(name="Ana")

    with pytest.raises(Invalid):
        services.edit_person(person=person, actor=planner, changes={"name": " "})

    person.refresh_from_db()
    assert person.name == "Ana"


# --- organizations and posts ------------------------------------------------------------------------------------------
def test_create_organization_with_its_own_address(planner):
    organization = services.create_organization(
        actor=planner,
        name="Ministère du Travail",
        names={"en": "Ministry of Labour"},
        constituency=ConstituencyFactory(code="GOV"),
        country=CountryFactory(code="TD"),
        email="info@travail.test",
    )

    assert "ministere du travail" in organization.search_text and "ministry of labour" in organization.search_text
    assert organization.contact_points.get().address_key == "info@travail.test"
    assert last_entry().verb == "organization.created"


def test_people_follow_their_institution_to_another_country(planner):
    membership = MembershipFactory(organization__country__code="ZM")
    former = MembershipFactory(organization=membership.organization, ended_on=date(2024, 6, 1))

    services.edit_organization(
        organization=membership.organization, actor=planner, changes={"country": CountryFactory(code="TD")}
    )

    membership.person.refresh_from_db()
    former.person.refresh_from_db()
    assert (membership.person.country_id, former.person.country_id) == ("TD", "ZM")


def test_undo_of_an_edited_organization_brings_related_rows_back(planner):
    organization = OrganizationFactory(constituency__code="GOV", country__code="ZM")
    entry = services.edit_organization(
        organization=organization,
        actor=planner,
        changes={"constituency": ConstituencyFactory(code="WRK"), "country": CountryFactory(code="TD")},
    )

    undo(entry=entry, actor=planner)

    organization.refresh_from_db()
    assert (organization.constituency.code, organization.country_id) == ("GOV", "ZM")


def test_a_post_exists_once_in_its_organization(planner):
    post = services.create_post(actor=planner, organization=OrganizationFactory(), name="Minister")

    with pytest.raises(Conflict, match="a post called “Minister” already"):
        services.create_post(actor=planner, organization=post.organization, name="Minister")


def test_a_held_post_is_not_archived(planner):
    membership = MembershipFactory(post=PostFactory())

    with pytest.raises(Conflict, match="Somebody holds this post"):
        services.archive_post(post=membership.post, actor=planner)


# --- memberships ------------------------------------------------------------------------------------------------------
def test_a_new_holder_ends_the_previous_one_and_the_post_keeps_both(planner):
    post = PostFactory(organization__country__code="TD")
    previous = MembershipFactory(post=post, started_on=date(2024, 1, 1))
    successor = PersonFactory(country=None)
    started = timezone.localdate() - timedelta(days=3)

    services.start_membership(person=successor, post=post, started_on=started, ends_previous=True, actor=planner)

    previous.refresh_from_db()
    successor.refresh_from_db()
    assert previous.ended_on == started - timedelta(days=1)
    assert post.memberships.count() == 2
    assert [m.person for m in post.memberships.current()] == [successor]
    assert successor.country_id == "TD"


def test_one_primary_membership_at_a_time_and_the_country_follows_it(planner):
    person = PersonFactory(country=None)
    first = services.start_membership(
        person=person, organization=OrganizationFactory(country__code="ZM"), actor=planner
    )
    second = services.start_membership(
        person=person, organization=OrganizationFactory(country__code="TD"), actor=planner
    )
    assert (first.is_primary, second.is_primary) == (True, False)

    entry = services.set_primary(membership=second, actor=planner)

    person.refresh_from_db()
    assert person.country_id == "TD"
    assert list(person.memberships.primary()) == [second]
    undo(entry=entry, actor=planner)
    person.refresh_from_db()
    assert person.country_id == "ZM"
    assert list(person.memberships.primary()) == [first]


def test_ending_the_primary_membership_passes_it_to_the_only_other_one(planner):
    person = PersonFactory()
    first = MembershipFactory(person=person, organization__country__code="ZM")
    second = MembershipFactory(person=person, organization__country__code="TD", is_primary=False)

    entry = services.end_membership(membership=first, actor=planner)

    person.refresh_from_db()
    assert (person.country_id, list(person.memberships.current().primary())) == ("TD", [second])
    undo(entry=entry, actor=planner)
    person.refresh_from_db()
    assert (person.country_id, list(person.memberships.current().primary())) == ("ZM", [first])


def test_a_membership_ends_once_not_before_its_start_and_not_in_the_future(planner):
    membership = MembershipFactory(started_on=date(2025, 5, 1))

    with pytest.raises(Invalid, match="cannot end before it starts"):
        services.end_membership(membership=membership, ended_on=date(2025, 4, 30), actor=planner)
    with pytest.raises(Invalid, match="future"):
        services.end_membership(membership=membership, ended_on=timezone.localdate() + timedelta(days=1), actor=planner)
    services.end_membership(membership=membership, ended_on=date(2025, 5, 1), actor=planner)
    with pytest.raises(Conflict, match="ended already"):
        services.end_membership(membership=membership, actor=planner)

    assert Membership.objects.get().ended_on == date(2025, 5, 1)


def test_the_same_membership_is_not_begun_twice(planner):
    membership = MembershipFactory()

    with pytest.raises(Conflict, match="is there already"):
        services.start_membership(person=membership.person, organization=membership.organization, actor=planner)


# --- contact points ---------------------------------------------------------------------------------------------------
def test_the_first_address_is_preferred_and_another_one_can_take_over(planner):
    person = PersonFactory()
    first = services.add_contact_point(person=person, value="one@people.test", actor=planner)
    second = services.add_contact_point(person=person, value="two@people.test", actor=planner)

    services.edit_contact_point(point=second, changes={"is_preferred": True}, actor=planner)

    assert list(person.contact_points.filter(is_preferred=True)) == [second]
    assert first.address_key == "one@people.test"


def test_an_owner_has_an_address_once(planner):
    point = ContactPointFactory()

    with pytest.raises(Conflict, match="here already"):
        services.add_contact_point(person=point.person, value=point.value, actor=planner)


def test_a_new_value_gets_its_own_key_and_starts_active(planner):
    point = ContactPointFactory(status="invalid")

    services.edit_contact_point(point=point, changes={"value": "New@People.test"}, actor=planner)

    point.refresh_from_db()
    assert (point.status, point.address_key) == ("active", "new@people.test")
    assert bytes(point.address_hash) == address_hash("new@people.test")


def test_a_complaint_is_not_lifted_by_editing(planner):
    point = ContactPointFactory(status="complained")

    with pytest.raises(Conflict, match="complained"):
        services.edit_contact_point(point=point, changes={"status": "active"}, actor=planner)

    assert ContactPoint.objects.get().status == "complained"


def test_a_removed_address_comes_back_by_undo_with_the_same_uid(planner):
    point = ContactPointFactory(label="work")
    entry = services.remove_contact_point(point=point, actor=planner)
    assert not ContactPoint.objects.exists()

    undo(entry=entry, actor=planner)

    back = ContactPoint.objects.get()
    assert (back.uid, back.value, back.label, back.person) == (point.uid, point.value, "work", point.person)


def test_an_address_of_a_post_is_in_the_history_of_its_organization(planner):
    post = PostFactory()

    services.add_contact_point(post=post, value="minister@gov.test", actor=planner)

    entry = last_entry()
    assert (entry.verb, entry.object_uid) == ("organization.contact_point_added", post.organization.uid)
    undo(entry=entry, actor=planner)
    assert not post.contact_points.exists()


# --- tags -------------------------------------------------------------------------------------------------------------
def test_tags_are_the_same_in_upper_and_lower_case(planner):
    person = PersonFactory()
    Tag.objects.create(name="Pensions")

    entry = services.set_tags(target=person, names=["pensions", " child  benefits ", "PENSIONS"], actor=planner)

    assert entry.changes.get().after == ["child benefits", "Pensions"]
    undo(entry=entry, actor=planner)
    assert not person.tags.exists()


def test_tagging_many_is_one_entry_that_can_be_undone(planner, django_assert_num_queries):
    people = [PersonFactory() for _ in range(3)]
    services.set_tags(target=people[0], names=["round table"], actor=planner)

    entry = services.tag_rows(rows=Person.objects.all(), name="round table", actor=planner)

    assert Person.objects.filter(tags__name="round table").count() == 3
    assert AuditChange.objects.filter(entry=entry).count() == 2
    undo(entry=entry, actor=planner)
    assert list(Person.objects.filter(tags__name="round table")) == [people[0]]
