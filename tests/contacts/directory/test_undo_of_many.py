"""Undo of what changed many rows: each one back as it was, but for those that were edited since."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory import services
from contacts.directory.models import Person
from crm.audit.jobs import AT_ONCE
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.errors import Conflict, NotAllowed
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.factories import (
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    TagFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def tagged(person):
    return sorted(person.tags.values_list("name", flat=True))


def test_tag_of_many_is_one_entry_and_goes_again(planner):
    had, fresh = PersonFactory.create_batch(2)
    had.tags.add(TagFactory(name="round table"))

    entry = services.tag_rows(rows=Person.objects.all(), name="Round Table", actor=planner)

    assert entry.summary == "round table × 1"
    assert list(entry.changes.values_list("object_uid", "field", "before", "after")) == [
        (fresh.uid, "tag:round table", False, True)
    ]
    assert OutboxEvent.objects.filter(type="person.tagged").values_list("object_uid", flat=True).get() == fresh.uid
    undone = undo(entry=entry, actor=planner)
    assert (tagged(had), tagged(fresh)) == (["round table"], [])
    assert undone.kept == 0
    assert list(undone.changes.values_list("object_uid", "before", "after")) == [(fresh.uid, True, False)]


def test_untag_of_many_comes_back_with_tags_that_were_deleted_left_alone(planner):
    people = PersonFactory.create_batch(3)
    for person in people:
        person.tags.add(TagFactory(name="old") if not tagged(people[0]) else people[0].tags.get())

    entry = services.untag_rows(rows=Person.objects.all(), name="old", actor=planner)

    assert [tagged(person) for person in people] == [[], [], []]
    undo(entry=entry, actor=planner)
    assert [tagged(person) for person in people] == [["old"]] * 3


def test_untag_of_nobody_leaves_no_entry(planner):
    PersonFactory()

    assert services.untag_rows(rows=Person.objects.all(), name="none has it", actor=planner) is None
    assert not AuditEntry.objects.exists()


def test_those_edited_since_are_kept_and_counted(planner):
    one, other = PersonFactory.create_batch(2)
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    services.set_tags(target=other, names=["y"], actor=planner)

    undone = undo(entry=entry, actor=planner)

    assert (tagged(one), tagged(other), undone.kept) == ([], ["y"], 1)


def test_when_all_were_edited_since_nothing_is_undone(planner):
    person = PersonFactory()
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    services.set_tags(target=person, names=[], actor=planner)

    with pytest.raises(Conflict, match="edited since"):
        undo(entry=entry, actor=planner)

    assert not AuditEntry.objects.filter(undoes=entry).exists()


def test_it_takes_the_same_number_of_queries_for_few_and_for_many(planner):
    counts = []
    for size in (1, 1, 12):  # the first one also reads the planner's grants
        Person.objects.all().delete()
        PersonFactory.create_batch(size)
        entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
        with CaptureQueriesContext(connection) as queries:
            undo(entry=entry, actor=planner)
        counts.append(len(queries))

    assert counts[1] == counts[2]


def test_undo_needs_the_rights_of_today(planner):
    PersonFactory()
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    planner.grants.all().delete()

    with pytest.raises(NotAllowed):
        undo(entry=entry, actor=type(planner).objects.get(pk=planner.pk))

    assert Person.objects.filter(tags__name="x").count() == 1


def test_another_persons_entry_is_undone_within_ones_own_countries(planner):
    inside, outside = PersonFactory(country=CountryFactory(code="ZM")), PersonFactory(country=CountryFactory(code="KE"))
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    local = UserFactory()
    GrantFactory(user=local, role="planner", is_everywhere=False, countries=["ZM"])

    undone = undo(entry=entry, actor=local)

    assert (tagged(inside), tagged(outside), undone.kept) == ([], ["x"], 1)


def test_people_who_moved_with_their_institution_move_back_with_it(planner):
    zambia, kenya, chad = (CountryFactory(code=code) for code in ("ZM", "KE", "TD"))
    place = OrganizationFactory(country=zambia)
    stays, moves = PersonFactory(country=kenya), PersonFactory(country=zambia)
    for person in (stays, moves):
        MembershipFactory(person=person, organization=place, is_primary=True)
    entry = services.edit_organization(organization=place, actor=planner, changes={"country": kenya})
    assert list(AuditChange.objects.filter(object_type="person").values_list("object_uid", "before", "after")) == [
        (moves.uid, "ZM", "KE")
    ]

    undo(entry=entry, actor=planner)

    for row in (place, stays, moves):
        row.refresh_from_db()
    assert (place.country_id, stays.country_id, moves.country_id) == ("ZM", "KE", "ZM")

    again = services.edit_organization(organization=place, actor=planner, changes={"country": kenya})
    Person.objects.filter(pk=moves.pk).update(country=chad)
    undone = undo(entry=again, actor=planner)
    moves.refresh_from_db()
    assert (moves.country_id, undone.kept) == ("TD", 1)


def test_large_undo_is_a_job_that_is_started_once(planner, sign_in):
    PersonFactory.create_batch(AT_ONCE + 1)
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    client = sign_in(planner)

    first, second = (client.post(reverse("undo", args=[entry.uid])) for _ in range(2))

    job = Job.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == reverse("job_detail", args=[job.uid])
    assert Person.objects.filter(tags__name="x").count() == AT_ONCE + 1
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done_count) == ("done", AT_ONCE + 1)
    assert not Person.objects.filter(tags__name="x").exists()


def test_archived_is_brought_back_and_that_can_be_undone(planner):
    person = PersonFactory()
    services.archive_person(person=person, actor=planner)

    entry = services.people.unarchive_person(person=person, actor=planner)

    person.refresh_from_db()
    assert person.archived_at is None
    undo(entry=entry, actor=planner)
    person.refresh_from_db()
    assert person.archived_at is not None
