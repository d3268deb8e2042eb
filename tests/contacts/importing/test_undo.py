"""Undo of a whole import: exactly what it made, and nothing that somebody built on."""

import pytest

from campaigns.delivery.models import Delivery
from contacts.consent import services as consent
from contacts.consent.queries import is_permitted
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post, Tag
from contacts.directory.services import people
from contacts.importing import services
from contacts.importing.models import ImportKept
from contacts.reach import services as reach
from crm.audit.models import AuditEntry
from crm.errors import WrongState
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.contacts.importing.steps import apply
from tests.factories import (
    ContactPointFactory,
    CountryFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db
HEAD = ["Name", "E-mail", "Organization", "Country", "Constituency", "Post", "Phone", "Tags", "Language", "Note"]
ADA = ["Ada Banda", "ada@example.org", "Ministry of Labour", "ZM", "GOV", "Minister", "+260 1", "a; b", "fr", "met"]
BOB = ["Bob Phiri", "bob@example.org", "Union", "ZM", "WRK", "President", "+260 2", "b", "en", ""]
MODELS = (Person, Organization, Post, Membership, ContactPoint, Tag)


def undo(run, actor):
    job = services.start_undo(run=run, actor=actor)
    while Job.objects.get(pk=job.pk).is_open:
        run_job(job.pk)
    assert Job.objects.get(pk=job.pk).state == "done", Job.objects.get(pk=job.pk).error
    run.refresh_from_db()
    return run


def everything():
    """All rows as they are, but for the times at which they were written."""
    return {
        model: sorted(
            tuple(sorted((k, str(v)) for k, v in row.items() if k != "updated_at")) for row in model.objects.values()
        )
        for model in MODELS
    }


def kept(run):
    return set(ImportKept.objects.filter(run=run).values_list("name", "field", "reason"))


def test_everything_is_as_it_was(upload, planner):
    eve = PersonFactory(name="Eve Old", language="", note="", country=CountryFactory(code="MW"))
    ContactPointFactory(person=eve, value="eve@example.org")
    sam = PersonFactory(name="Sam Seat")
    ContactPointFactory(person=sam, value="sam@example.org")
    MembershipFactory(person=sam, organization=OrganizationFactory(name="Fund", country=CountryFactory(code="ZM")))
    before = everything()
    rows = [HEAD, ADA, BOB, ["Eve Old", "eve@example.org", "Union", "ZM", "", "", "+260 3", "c", "fr", "hello"],
            ["Sam Seat", "sam@example.org", "Fund", "ZM", "", "Chair", "", "", "", ""],
            ["", "info@example.org", "Fund", "ZM", "", "", "", "d", "", ""]]  # fmt: skip
    run = apply(upload(rows), planner)
    assert everything() != before
    assert reach.refresh(), "what is counted of an institution by itself is no use of it"

    run = undo(run, planner)

    assert everything() == before
    assert run.state == "undone" and run.undone_at and not kept(run)
    assert run.counts["undo"]["people"] == 2 and run.counts["undo"]["organizations"] == 2
    entry = AuditEntry.objects.get(verb="import.undone")
    assert entry.undoes == AuditEntry.objects.get(verb="import.applied") and entry.actor == planner


def test_what_was_built_on_is_kept_and_listed(upload, planner):
    topic = TopicFactory()
    names = ["Edited", "Added", "Written", "Listed", "Spoke", "Gone"]
    rows = [
        [f"{name} Person", f"{name}@example.org", f"{name} Org", "ZM", "GOV", "Chief", "", "", "", ""] for name in names
    ]
    run = apply(upload([HEAD, *rows]), planner)
    by = {name: Person.objects.get(name=f"{name} Person") for name in names}
    people.edit_person(person=by["Edited"], actor=planner, changes={"note": "called"})
    ContactPointFactory(person=by["Added"], value="second@example.org")
    Person.objects.filter(pk=by["Written"].pk).update(last_mailed_at="2026-01-01T00:00Z")
    from contacts.segments.models import ContactList, ContactListMember

    ContactListMember.objects.create(contact_list=ContactList.objects.create(name="Mine"), person=by["Listed"])
    consent.grant_consent(subject=by["Spoke"], topic=topic, lawful_basis="consent", source="form")

    undo(run, planner)

    assert set(Person.objects.values_list("name", flat=True)) == {f"{name} Person" for name in names[:-1]}
    assert {(name, field, reason) for name, field, reason in kept(run) if name.endswith("Person")} == {
        ("Edited Person", "", "edited"), ("Added Person", "", "edited"), ("Written Person", "", "written"),
        ("Listed Person", "", "used"), ("Spoke Person", "", "permission"),
    }  # fmt: skip
    assert by["Edited"].memberships.get().post.name == "Chief"
    assert ("Edited Org", "", "holds") in kept(run) and not Organization.objects.filter(name="Gone Org").exists()
    assert ContactPoint.objects.filter(person=by["Edited"]).count() == 1


def test_a_field_that_was_edited_since_is_kept(upload, planner):
    ada = PersonFactory(name="Ada Banda", language="", note="")
    ContactPointFactory(person=ada, value="ada@example.org")
    run = apply(upload([["Name", "Email", "Language", "Note"], ["Ada Banda", "ada@example.org", "fr", "met"]]), planner)
    people.edit_person(person=ada, actor=planner, changes={"language": "es"})

    undo(run, planner)

    ada.refresh_from_db()
    assert (ada.language, ada.note) == ("es", "")
    assert kept(run) == {("Ada Banda", "language", "edited")}


def test_first_permissions_are_withdrawn_unless_somebody_spoke_since(upload, planner):
    topic = TopicFactory()
    run = upload([["Name", "Email"], ["Ada Banda", "ada@example.org"], ["Bob Phiri", "bob@example.org"]])
    run = apply(run, planner, topic=topic, lawful_basis="consent", source="Sheet", evidence="3 March")
    uids = {person.name: person.uid for person in Person.objects.all()}
    consent.grant_consent(
        subject=Person.objects.get(name="Bob Phiri"), topic=topic, lawful_basis="consent", source="form"
    )

    undo(run, planner)

    assert not is_permitted(subject_uid=uids["Ada Banda"], topic=topic)
    assert is_permitted(subject_uid=uids["Bob Phiri"], topic=topic)
    assert [p.name for p in Person.objects.all()] == ["Bob Phiri"]


def test_undo_twice_does_nothing_twice(upload, planner):
    run = apply(upload([HEAD, ADA]), planner)
    first = services.start_undo(run=run, actor=planner)
    second = services.start_undo(run=run, actor=planner)
    run_job(first.pk)
    changes = AuditEntry.objects.get(verb="import.undone").changes.count()
    run_job(first.pk)
    third = services.start_undo(run=run, actor=planner)

    assert first == second == third
    assert AuditEntry.objects.get(verb="import.undone").changes.count() == changes


def test_what_was_never_applied_cannot_be_undone(upload, planner):
    with pytest.raises(WrongState, match="nothing to undo"):
        services.start_undo(run=upload([HEAD, ADA]), actor=planner)


def test_a_death_half_way_goes_on_behind_the_last_chunk(upload, planner, monkeypatch):
    from contacts.importing import jobs, undoing

    monkeypatch.setattr(undoing, "CHUNK", 1)
    monkeypatch.setattr(jobs, "STEP_SECONDS", 0)
    before = everything()
    run = apply(upload([HEAD, ADA, BOB]), planner)
    job = services.start_undo(run=run, actor=planner)
    run_job(job.pk)
    assert Person.objects.count() == 1 and Job.objects.get(pk=job.pk).is_open

    run = undo(run, planner)

    assert everything() == before and run.counts["undo"]["people"] == 2


@pytest.mark.parametrize("state", ["pending", "in_flight", "deferred", "uncertain", "accepted", "cancelled"])
def test_whom_a_mailing_is_on_its_way_to_is_kept_and_listed(upload, planner, state):
    run = apply(upload([HEAD, ADA, BOB]), planner)
    ada = Person.objects.get(name="Ada Banda")
    Delivery.objects.create(
        mailing_id=1, seq=1, state=state, address="ada@example.org", address_key="ada@example.org", person_id=ada.pk
    )

    run = undo(run, planner)

    assert not Person.objects.filter(name="Bob Phiri").exists()
    assert Person.objects.filter(pk=ada.pk).exists() is (state != "cancelled")
    why = {"accepted": "written"}.get(state, "mailing")
    assert {row for row in kept(run) if row[0] == "Ada Banda"} == (
        set() if state == "cancelled" else {("Ada Banda", "", why)}
    )
    assert Delivery.objects.get(mailing_id=1, seq=1).state == state


def test_an_institution_that_is_written_to_at_its_own_address_is_kept(upload, planner):
    rows = [HEAD, ["", "info@example.org", "Fund", "ZM", "SSI", "", "", "", "", ""],
            ["", "chair@example.org", "Fund", "ZM", "SSI", "Chair", "", "", "", ""]]  # fmt: skip
    run = apply(upload(rows), planner)
    post = Post.objects.get()
    Delivery.objects.create(
        mailing_id=1, seq=1, state="pending", address="chair@example.org", address_key="chair@example.org",
        organization_id=post.organization_id, post_id=post.pk,
    )  # fmt: skip

    run = undo(run, planner)

    assert kept(run) == {("Chair", "", "mailing"), ("Fund", "", "mailing")}
    assert ContactPoint.objects.count() == 2
