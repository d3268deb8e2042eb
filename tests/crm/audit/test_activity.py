"""Activity: who sees what, filters, words, and the same number of queries for few rows and for many."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory import services
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.audit.readable import DONE, done
from crm.audit.services import record, undo
from crm.audit.subjects import KINDS, names_of
from crm.ids import new_uid
from tests.factories import (
    CountryFactory,
    DriveFactory,
    GrantFactory,
    MailingFactory,
    OrganizationFactory,
    PersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def rename(person, actor, name):
    return services.edit_person(person=person, actor=actor, changes={"name": name})


@pytest.fixture
def local(db):
    """A planner of Zambia."""
    user = UserFactory(name="Local planner")
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    return user


def test_page_of_an_object_tells_before_and_after_and_offers_undo(planner, sign_in):
    person = PersonFactory(name="Ana Banda")
    entry = rename(person, planner, "Ana Mwale")

    page = sign_in(planner).get(reverse("activity_object", args=["person", person.uid])).content.decode()

    assert "<del>Ana Banda</del>" in page
    assert "<ins>Ana Mwale</ins>" in page
    assert reverse("undo", args=[entry.uid]) in page
    assert (
        reverse("activity_object", args=["person", person.uid])
        in sign_in(planner).get(reverse("person_detail", args=[person.uid])).content.decode()
    )


def test_undo_from_the_page_puts_back_and_the_page_says_so(planner, sign_in):
    person = PersonFactory(name="Ana Banda")
    entry = rename(person, planner, "Ana Mwale")
    client = sign_in(planner)

    client.post(reverse("undo", args=[entry.uid]))

    person.refresh_from_db()
    assert person.name == "Ana Banda"
    page = client.get(reverse("activity_object", args=["person", person.uid])).content.decode()
    assert "Took back" in page
    assert reverse("undo", args=[entry.uid]) not in page


def test_codes_and_ids_are_words(planner, sign_in):
    kenya, parent = CountryFactory(code="KE"), OrganizationFactory(name="Federation of All")
    place = OrganizationFactory(country=CountryFactory(code="ZM"))
    services.edit_organization(organization=place, actor=planner, changes={"country": kenya, "parent": parent})

    page = sign_in(planner).get(reverse("activity_object", args=["organization", place.uid])).content.decode()

    assert f"<ins>{kenya.label}</ins>" in page
    assert "<ins>Federation of All</ins>" in page
    assert str(parent.uid) not in page


def test_a_state_is_told_as_on_the_screens(planner, sign_in):
    person, mailing = PersonFactory(gender="female"), MailingFactory()
    services.edit_person(person=person, actor=planner, changes={"gender": "other"})
    record(verb="mailing.submitted", target=mailing, actor=planner, changes=[("state", "draft", "in_review")])
    client = sign_in(planner)

    of_person = client.get(reverse("activity_object", args=["person", person.uid])).content.decode()
    of_mailing = client.get(reverse("activity_object", args=["mailing", mailing.uid])).content.decode()

    assert "<del>female</del>" in of_person and "<ins>another</ins>" in of_person
    assert "<del>draft</del>" in of_mailing and "<ins>in review</ins>" in of_mailing


def test_everything_is_for_planners_within_their_countries(planner, local, sign_in):
    inside = PersonFactory(name="In Zambia", country=CountryFactory(code="ZM"))
    outside = PersonFactory(name="In Kenya", country=CountryFactory(code="KE"))
    for person in (inside, outside):
        rename(person, planner, f"{person.name} now")
    services.tag_rows(rows=Person.objects.all(), name="both", actor=planner)

    page = sign_in(local).get(reverse("activity")).content.decode()

    assert "In Zambia now" in page
    assert "In Kenya" not in page
    assert "both" not in page
    assert sign_in(local).get(reverse("activity_object", args=["person", outside.uid])).status_code == 404
    everybody = sign_in(planner).get(reverse("activity")).content.decode()
    assert "In Kenya now" in everybody
    assert "both × 2" in everybody


def test_one_entry_shows_only_the_objects_that_one_may_see(planner, local, sign_in):
    inside = PersonFactory(name="In Zambia", country=CountryFactory(code="ZM"))
    PersonFactory(name="In Kenya", country=CountryFactory(code="KE"))
    entry = services.tag_rows(rows=Person.objects.all(), name="both", actor=local)
    url = reverse("activity_entry", args=[entry.uid])

    mine = sign_in(local).get(url).content.decode()

    assert inside.name in mine
    assert "In Kenya" not in mine
    assert "In Kenya" in sign_in(planner).get(url).content.decode()


def test_what_administrators_do_is_not_for_planners(admin, planner, sign_in):
    entry = record(verb="user.edited", target=planner, actor=admin, changes=[("name", "Secret", "Planner")])

    assert "Secret" not in sign_in(planner).get(reverse("activity")).content.decode()
    assert sign_in(planner).get(reverse("activity_entry", args=[entry.uid])).status_code == 404
    assert sign_in(planner).get(reverse("activity_object", args=["user", planner.uid])).status_code == 404
    assert "Secret" in sign_in(admin).get(reverse("activity")).content.decode()


@pytest.mark.parametrize("role", ["viewer", "editor", "outreach"])
def test_one_sees_ones_own_activity_and_nobody_elses(role, planner, sign_in, request):
    user = request.getfixturevalue(role)
    client = sign_in(user)

    assert client.get(reverse("activity_user", args=[user.uid])).status_code == 200
    assert client.get(reverse("activity_user", args=[planner.uid])).status_code == 404
    assert client.get(reverse("activity")).status_code == 403


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"Ana", "Ben", "drive"}),
        ("kind=drive", {"drive"}),
        ("what=person.archived", {"Ben"}),
        ("q=ana", {"Ana"}),
        ("door=task", {"drive"}),
        ("who=none", {"drive"}),
        ("from=2031-01-01", set()),
        ("until=2020-01-01", set()),
        ("from=2020-02-31&until=x", {"Ana", "Ben", "drive"}),
        ("who=not-a-uid", set()),
    ],
)
def test_filters(query, shown, planner, sign_in):
    ana, ben, drive = PersonFactory(name="Ana"), PersonFactory(name="Ben"), DriveFactory(name="drive")
    rename(ana, planner, "Ana M")
    services.archive_person(person=ben, actor=planner)
    record(verb="drive.edited", target=drive, changes=[("goal", "a", "b")])

    page = sign_in(planner).get(f"{reverse('activity')}?{query}").context["table"]

    assert {row.object_name.split()[0] for row in page.rows} == shown


def test_pages_cost_the_same_for_one_row_and_for_many(planner, sign_in):
    client, counts = sign_in(planner), []
    people = PersonFactory.create_batch(6)
    rename(people[0], planner, "First")
    client.get(reverse("activity"))
    for batch in (people[1:2], people[2:]):
        for person in batch:
            services.edit_person(person=person, actor=planner, changes={"country": CountryFactory(code="KE")})
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("activity"))
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 25


def test_an_entry_of_many_shows_a_few_and_links_to_all(planner, sign_in):
    PersonFactory.create_batch(12)
    entry = services.tag_rows(rows=Person.objects.all(), name="many", actor=planner)

    [row] = sign_in(planner).get(reverse("activity")).context["table"].rows

    assert (len(row.shown), row.has_more, [line.after for line in row.lines]) == (8, True, ["many"])
    assert len(sign_in(planner).get(reverse("activity_entry", args=[entry.uid])).context["rows"]) == 12


def test_after_an_undo_of_many_the_entry_says_who_was_kept(planner, sign_in):
    one, other = PersonFactory.create_batch(2)
    entry = services.tag_rows(rows=Person.objects.all(), name="x", actor=planner)
    services.set_tags(target=other, names=[], actor=planner)
    undo(entry=entry, actor=planner)

    rows = sign_in(planner).get(reverse("activity_entry", args=[entry.uid])).context["rows"]

    assert {row["name"]: row["is_kept"] for row in rows} == {one.name: False, other.name: True}


# what stands for one kind of thing only, in the words of every kind that has such a verb
OF_ONE_KIND = re.compile(r"grant|invit|power|team|seat|institution|permission|code|sign", re.IGNORECASE)


def test_words_of_a_verb_are_those_of_its_own_kind():
    """“Took back an invitation” stood for a token that was revoked, “Took a grant away” for a document."""
    assert [done(verb) for verb in ("apitoken.revoked", "interaction.removed", "calendar_feed.made", "numbering.set")] == [
        "Revoked", "Removed", "Made", "Changed how letters are numbered",
    ]  # fmt: skip
    assert [done(verb) for verb in ("invitation.revoked", "grant.removed", "consent.withdrawn", "position.withdrawn")] == [
        "Took back an invitation", "Took a grant away", "Permission withdrawn", "Withdrew as wrong",
    ]  # fmt: skip
    of_all = {str(words) for last, words in DONE.items() if "." not in last}
    assert {words for words in of_all if OF_ONE_KIND.search(words)} <= {
        "Changed which institution they stand for",
        "The institution sent an update",
        "Accepted the institution's update",
        "Left the institution's update aside",
        "Signed in by consent",
    }


def test_kinds_lead_to_pages_that_exist():
    for kind in KINDS.values():
        assert kind.url(new_uid()) == "" or kind.url(new_uid()).startswith("/")


def test_what_cannot_be_undone_says_why(planner, sign_in):
    person = PersonFactory()
    entry = record(verb="consent.granted", target=person, actor=planner, changes=[("consent:news", None, "grant")])

    page = sign_in(planner).get(reverse("activity_entry", args=[entry.uid])).content.decode()

    assert "never rewritten" in page
    assert not AuditEntry.objects.filter(undoes=entry).exists()


def test_objects_of_every_kind_are_named(admin):
    """Whatever a feature registered: a name that no field has would take the whole page down."""
    with_uid = {name for name, kind in KINDS.items() if hasattr(kind.rows(admin).model, "uid")}

    assert names_of(admin, {name: {new_uid()} for name in with_uid}) == {}
    assert len(with_uid) > 40
