"""A large import has two writers: what they keep is what one would, and both are kept or neither."""

import pytest
from django.db import OperationalError, connection, transaction

from contacts.consent.models import ConsentEvent, ConsentState
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post
from contacts.importing import second, services
from contacts.importing.models import ImportMade, ImportRun
from contacts.importing.tasks import settle
from crm.audit.models import AuditChange, AuditEntry
from crm.jobs.services import JobCancelled
from tests.contacts.importing.steps import apply
from tests.factories import MembershipFactory, OrganizationFactory, PersonFactory, TagFactory, TopicFactory

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = ["Name", "E-mail", "Phone", "Organization", "Country", "Constituency", "Post", "Tags", "Language"]
# Ana stands in two institutions, and the third has an address of its own: these stay with the first writer
ROWS = [
    *([f"Person {n}", f"p{n}@example.org", f"+260 21 {n:03}", f"Place {n // 3}", "ZM", "GOV", "Adviser", "known" if n % 2 else "", "fr"]
      for n in range(24)),
    ["Ana Phiri", "ana@example.org", "", "Place 0", "ZM", "GOV", "Head", "", ""],
    ["Ana Phiri", "ana@example.org", "", "Place 1", "ZM", "GOV", "", "", ""],
    ["", "office@example.org", "", "Place 2", "ZM", "GOV", "", "", ""],
    ["Old Member", "old@example.org", "+33 1", "Place 4", "ZM", "GOV", "Adviser", "known", "fr"],
    ["Old Friend", "friend@example.org", "", "Place 7", "ZM", "GOV", "", "", ""],
]  # fmt: skip


@pytest.fixture
def world(a_country, planner, monkeypatch):
    monkeypatch.setattr(second, "LEAST_ROWS", 5)
    TagFactory(name="known")
    monkeypatch.setattr(second, "FIRST_SHARE", 0.15)
    OrganizationFactory(name="Place 5", country_id="ZM")
    # for the second: a membership to be filled, fields and a country to be set, of somebody who was there before
    MembershipFactory(person=_known("Old Member", "old@example.org"), organization=OrganizationFactory(name="Place 4", country_id="ZM"))  # fmt: skip
    _known("Old Friend", "friend@example.org")
    return {"topic": TopicFactory(), "lawful_basis": "consent", "source": "Fair", "evidence": "List"}


def _known(name, email):
    person = PersonFactory(name=name, given_name="", family_name="", language="", country=None)
    person.contact_points.create(kind="email", value=email, address_key=email, address_hash=email.encode().ljust(32))
    return person


def kept():
    """All that an import writes, without ids and times."""
    changes = AuditChange.objects.filter(entry__verb="import.applied")
    names = dict(Person.objects.values_list("uid", "name")) | dict(Organization.objects.values_list("uid", "name")) | dict(Post.objects.values_list("uid", "name"))  # fmt: skip
    return {
        "people": sorted(Person.objects.values_list("name", "language", "country_id", "sort_key")),
        "places": sorted(Organization.objects.values_list("name", "country_id")),
        "posts": sorted(Post.objects.values_list("organization__name", "name")),
        "addresses": sorted(ContactPoint.objects.values_list("kind", "value", "is_preferred", "person__name", "organization__name"), key=str),
        "memberships": sorted(Membership.objects.values_list("person__name", "organization__name", "post__name", "is_primary"), key=str),
        "tags": sorted(Person.tags.through.objects.values_list("person__name", "tag__name")),
        "permissions": sorted((names[uid], action) for uid, action in ConsentEvent.objects.values_list("subject_uid", "action")),
        "states": sorted((names[uid], granted) for uid, granted in ConsentState.objects.values_list("subject_uid", "is_granted")),
        "history": sorted((names[row.object_uid], row.object_type, row.field, str(row.before), str(row.after)) for row in changes),
        "made": sorted((kind, len(ids), len(detail)) for kind, ids, detail in ImportMade.objects.values_list("kind", "ids", "detail")),
    }  # fmt: skip


def prepared():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()")
        return cursor.fetchone()[0]


def test_two_writers_keep_what_one_would_and_it_can_be_undone(world, upload, planner, monkeypatch):
    run = upload([HEADER, *ROWS])
    begun = []
    begin = second.SecondWriter.begin
    monkeypatch.setattr(second.SecondWriter, "begin", lambda self, **more: (begin(self, **more), begun.append(self)))
    before = {"people": Person.objects.count(), "points": ContactPoint.objects.count()}
    with transaction.atomic():
        counts, by_one = apply(run, planner, **world).counts, kept()
        transaction.set_rollback(True)

    run = apply(run, planner, **world)

    assert kept() == by_one and run.counts == counts and counts["permissions"] == 28 and prepared() == 0
    assert {"filled_membership", "post"} <= {row[0] for row in by_one["made"]}
    assert {"country", "language", "created"} <= {row[2] for row in by_one["history"]}
    assert [other.began for other in begun] == [True] and AuditEntry.objects.filter(verb="import.applied").count() == 1
    assert Person.objects.filter(memberships__organization_id__gt=begun[0].share["cut"]).count() >= 6

    undo(run, planner)
    assert before == {"people": Person.objects.count(), "points": ContactPoint.objects.count()}


def undo(run, actor):
    from contacts.importing import undoing

    services.start_undo(run=run, actor=actor)
    run.refresh_from_db()
    phase, first = 0, 1
    while phase < len(undoing.PHASES):
        with transaction.atomic():
            phase, first, _done = undoing.next_step(run=run, actor=actor, phase=phase, first=first)
    undoing.finish(run=run, actor=actor)


def test_where_the_second_fails_one_writes_all(world, upload, planner, monkeypatch, caplog):
    real = second.check_references

    def fails():
        if second.WITHOUT_TEMPORARY.get():
            raise OperationalError("a lock that never came")
        real()

    monkeypatch.setattr(second, "check_references", fails)

    run = apply(upload([HEADER, *ROWS]), planner, **world)

    assert run.state == "applied" and "one writer" in caplog.text and prepared() == 0
    assert Person.objects.count() == 27 and dict(ImportMade.objects.values_list("kind", "ids"))["person"]


def test_nothing_is_kept_when_somebody_stops_it_beside_a_second_writer(world, upload, planner):
    run = upload([HEADER, *ROWS])

    def stop(words):
        if words == "Finishing":
            raise JobCancelled

    services.start_apply(run=run, actor=planner)
    with pytest.raises(JobCancelled):
        services.apply_import(run=run, actor=planner, on_phase=stop)

    assert prepared() == 0 and Person.objects.count() == 2
    assert ImportRun.objects.get(pk=run.pk).state == "applying"


@pytest.mark.parametrize("dies", ["before the first commits", "behind it"])
def test_a_worker_that_dies_between_the_commits_leaves_all_or_nothing(world, upload, planner, monkeypatch, dies):
    run = upload([HEADER, *ROWS])
    services.start_apply(run=run, actor=planner, first_permission=world)
    monkeypatch.setattr(second, "settle", lambda run: None)
    if dies == "before the first commits":
        monkeypatch.setattr(services, "_move", lambda run, state, **values: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            services.apply_import(run=run, actor=planner)
    else:
        services.apply_import(run=run, actor=planner)
    assert prepared() == 1
    monkeypatch.undo()

    assert settle() == 1 and settle() == 0

    assert prepared() == 0 and Person.objects.count() == (2 if dies == "before the first commits" else 27)


def test_rows_that_would_make_a_tag_have_one_writer(world, upload, planner):
    run = upload([HEADER, *ROWS[:-1], [*ROWS[-1][:7], "unknown", ""]])
    assert second.is_worth_it(run)
    with transaction.atomic():
        assert second._share(run) is None
