"""Bulk edits: a preview that is true, one entry, undone whole, as a job when there are many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory import bulk_jobs
from contacts.directory.models import Organization, Person
from contacts.directory.services import bulk as service
from contacts.directory.services.bulk import Bulk, bulk_edit, preview
from crm.audit.models import AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.errors import Invalid
from crm.jobs.models import Job
from crm.jobs.services import request_cancel, run_job
from tests.factories import (
    ConstituencyFactory,
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    TagFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def languages():
    return list(Person.objects.order_by("pk").values_list("language", flat=True))


def test_language_of_many_with_one_entry_and_exact_undo(planner):
    for code in ("en", "fr", "", "en"):
        PersonFactory(language=code)
    asked = Bulk("person", "language", "fr")

    assert preview(bulk=asked, rows=Person.objects.all()) == (3, 1)
    changed, entry = bulk_edit(bulk=asked, rows=Person.objects.all(), actor=planner)

    assert (changed, languages()) == (3, ["fr"] * 4)
    assert (entry.verb, entry.summary, entry.changes.count()) == ("person.bulk_edited", "Language: fr × 3", 3)
    assert OutboxEvent.objects.filter(type="person.edited").count() == 3
    assert undo(entry=entry, actor=planner).kept == 0
    assert languages() == ["en", "fr", "", "en"]


def test_archived_are_brought_back_but_those_that_were_brought_back_before_are_kept(planner):
    one, other = PersonFactory.create_batch(2)
    changed, entry = bulk_edit(bulk=Bulk("person", "archive"), rows=Person.objects.active(), actor=planner)
    assert changed == 2
    Person.objects.filter(pk=other.pk).update(archived_at=None)

    undone = undo(entry=entry, actor=planner)

    one.refresh_from_db()
    assert (one.archived_at, undone.kept) == (None, 1)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("constituency", "WRK"),
        ("country", "KE"),
        ("country", ""),
        ("language", "ar"),
        ("tag", "x"),
        ("untag", "old"),
        ("archive", ""),
    ],
)
def test_every_edit_of_organizations_is_undone_exactly(what, value, planner):
    CountryFactory(code="KE")
    ConstituencyFactory(code="WRK")
    places = [OrganizationFactory(language="en"), OrganizationFactory(country=None, language="")]
    places[0].tags.add(TagFactory(name="old"))
    MembershipFactory(person=PersonFactory(country=CountryFactory(code="ZM")), organization=places[0], is_primary=True)

    def state():
        rows = Organization.objects.order_by("pk").values_list(
            "constituency__code", "country_id", "language", "archived_at", "tags__name"
        )
        return list(rows), list(Person.objects.values_list("country_id", flat=True))

    before = state()
    asked = Bulk("organization", what, value)
    will, _already = preview(bulk=asked, rows=Organization.objects.all())

    changed, entry = bulk_edit(bulk=asked, rows=Organization.objects.all(), actor=planner)

    assert changed == will > 0
    assert state() != before
    undo(entry=entry, actor=planner)
    assert state() == before


def test_queries_do_not_grow_with_the_rows(planner):
    counts = []
    for size in (1, 30):
        PersonFactory.create_batch(size, language="en")
        with CaptureQueriesContext(connection) as queries:
            bulk_edit(bulk=Bulk("person", "language", "fr"), rows=Person.objects.filter(language="en"), actor=planner)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_nothing_to_change_leaves_no_entry(planner):
    PersonFactory(language="fr")

    assert bulk_edit(bulk=Bulk("person", "language", "fr"), rows=Person.objects.all(), actor=planner) == (0, None)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("kind", "what", "value"),
    [
        ("person", "constituency", "GOV"),
        ("person", "name", "x"),
        ("organization", "country", "QQ"),
        ("organization", "constituency", ""),
        ("person", "tag", " "),
        ("person", "language", "'; --"),
        ("topic", "tag", "x"),
    ],
)
def test_what_cannot_be_is_refused(kind, what, value, db):
    with pytest.raises(Invalid):
        Bulk(kind, what, value)


def test_screens_from_the_selection_to_the_change(planner, sign_in):
    people = [PersonFactory(language=code) for code in ("en", "fr")]
    client, url = sign_in(planner), reverse("directory_bulk", args=["person"])
    picks = {"pick": [str(person.uid) for person in people]}
    assert "2 selected" in client.post(url, picks).content.decode()
    assert "Preview" in client.post(url, {**picks, "what": "language"}).content.decode()

    page = client.post(url, {**picks, "what": "language", "value": "fr"}).content.decode()

    assert "1 will change" in page
    assert "1 is so already" in page
    assert languages() == ["en", "fr"]
    client.post(url, {**picks, "what": "language", "value": "fr", "confirm": "1"})
    assert languages() == ["fr", "fr"]


def test_all_that_match_follow_the_filters_of_the_list(planner, sign_in):
    for code in ("en", "fr", "es"):
        PersonFactory(language=code)
    client, url = sign_in(planner), reverse("directory_bulk", args=["person"])

    page = client.post(url, {"all": "1", "_language": ["fr", "es"], "what": "language"})
    kept = dict(page.context["kept"])
    client.post(url, {**kept, "what": "language", "value": "ar", "confirm": "1"})

    assert languages() == ["en", "ar", "ar"]


def test_only_rows_of_ones_own_countries_are_changed(db, sign_in):
    local = UserFactory()
    GrantFactory(user=local, role="planner", is_everywhere=False, countries=["ZM"])
    PersonFactory(country=CountryFactory(code="ZM"))
    PersonFactory(country=CountryFactory(code="KE"))

    sign_in(local).post(
        reverse("directory_bulk", args=["person"]), {"all": "1", "what": "language", "value": "fr", "confirm": "1"}
    )

    assert languages() == ["fr", "en"]


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr("contacts.directory.views.bulk.AT_ONCE", 2)
    monkeypatch.setattr(service, "CHUNK", 2)


def start(client):
    return client.post(
        reverse("directory_bulk", args=["person"]), {"all": "1", "what": "language", "value": "fr", "confirm": "1"}
    )


def test_many_are_a_job_in_steps_under_one_entry(planner, sign_in, many):
    PersonFactory.create_batch(5)
    start(sign_in(planner))
    job = Job.objects.get()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done_count, job.total_count) == ("queued", 2, 5)

    for _step in range(3):
        run_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.done_count, job.result["changed"]) == ("done", 5, 5)
    entry = AuditEntry.objects.get(verb="person.bulk_edited")
    assert (entry.actor, entry.changes.count()) == (planner, 5)
    assert job.result_url == reverse("activity_entry", args=[entry.uid])
    undo(entry=entry, actor=planner)
    assert languages() == ["en"] * 5


def test_stopped_job_keeps_what_it_did_and_that_can_be_undone(planner, sign_in, many, monkeypatch):
    PersonFactory.create_batch(5)
    start(sign_in(planner))
    job = Job.objects.get()
    run_job(job.pk)
    stop = bulk_jobs.run_some

    def stopping(**given):
        request_cancel(job=Job.objects.get(pk=job.pk), actor=planner)
        return stop(**given)

    monkeypatch.setattr(bulk_jobs, "run_some", stopping)
    run_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.result["changed"]) == ("cancelled", 4)
    undo(entry=AuditEntry.objects.get(verb="person.bulk_edited"), actor=planner)
    assert languages() == ["en"] * 5


def test_right_that_was_taken_away_stops_the_job(planner, sign_in, many):
    PersonFactory.create_batch(5)
    start(sign_in(planner))
    planner.grants.all().delete()

    run_job(Job.objects.get().pk)

    assert Job.objects.get().state == "failed"
    assert languages() == ["en"] * 5
