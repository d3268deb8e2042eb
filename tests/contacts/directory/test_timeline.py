"""One timeline from many sources: order, pages without gaps or repeats, kinds."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.consent.models import ConsentEvent, Topic
from contacts.directory import services, timeline
from contacts.directory.timeline import Entry, TimelineSource, page_of
from tests.factories import MembershipFactory, OrganizationFactory, PersonFactory, PostFactory

pytestmark = pytest.mark.django_db
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def source(kind: str, minutes: list[int]) -> TimelineSource:
    """A source with an entry at each of these minutes."""
    found = sorted(
        (Entry(BEGAN + timedelta(minutes=m), f"{kind}{m}") for m in minutes), key=lambda e: e.at, reverse=True
    )

    def entries(subject, user, before, limit):
        return [entry for entry in found if before is None or entry.at < before][:limit]

    return TimelineSource(kind, kind, "point", entries)


def all_pages(sources, size) -> list[str]:
    kept, timeline.SOURCES[:] = list(timeline.SOURCES), sources
    try:
        titles, before = [], None
        while True:
            page = page_of(None, None, before=before, size=size)  # type: ignore[arg-type]
            titles += [entry.title for entry in page.entries]
            before = page.before
            if before is None:
                return titles
    finally:
        timeline.SOURCES[:] = kept


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 12), max_size=12, unique=True),
    st.lists(st.integers(0, 12), max_size=12, unique=True),
    st.integers(1, 5),
)
def test_pages_show_each_entry_once_and_newest_first(one, other, size):
    titles = all_pages([source("a", one), source("b", other)], size)

    assert sorted(titles) == sorted([f"a{m}" for m in one] + [f"b{m}" for m in other])
    minutes = [int(title[1:]) for title in titles]
    assert minutes == sorted(minutes, reverse=True)


def test_memberships_tell_of_beginnings_and_ends(viewer):
    post = PostFactory(name="Minister", organization__name="Ministry")
    person = MembershipFactory(post=post, started_on=date(2020, 1, 5), ended_on=date(2023, 2, 1)).person
    MembershipFactory(person=person, post=post, started_on=date(2024, 3, 1))

    entries = page_of(person, viewer, kinds=["membership"]).entries

    assert [(e.title, e.at.date()) for e in entries] == [
        ("Began: Minister, Ministry", date(2024, 3, 1)),
        ("Ended: Minister, Ministry", date(2023, 2, 1)),
        ("Began: Minister, Ministry", date(2020, 1, 5)),
    ]


def test_an_organization_sees_its_people_come_and_go_over_many_pages(viewer):
    organization = OrganizationFactory()
    for day in range(1, 8):
        MembershipFactory(
            organization=organization,
            started_on=date(2020, 1, day),
            ended_on=date(2021, 1, day),
            person__name=f"P{day}",
        )
    titles, before = [], None
    while True:
        page = page_of(organization, viewer, kinds=["membership"], before=before, size=3)
        titles += [entry.title for entry in page.entries]
        before = page.before
        if before is None:
            break

    assert titles == [f"Ended: P{d}" for d in range(7, 0, -1)] + [f"Began: P{d}" for d in range(7, 0, -1)]


def test_a_membership_without_a_start_tells_when_it_was_recorded(viewer):
    membership = MembershipFactory(started_on=None, role="Adviser", organization__name="Ministry")

    entry = page_of(membership.person, viewer, kinds=["membership"]).entries[0]

    assert entry.title == "Recorded: Adviser, Ministry"
    assert abs(entry.at - timezone.now()) < timedelta(minutes=5)


def test_permissions_and_changes_stand_in_the_timeline_with_who_did_it(viewer, planner):
    person = PersonFactory(note="")
    topic = Topic.objects.create(code="news", name="News")
    ConsentEvent.objects.create(
        subject_uid=person.uid,
        subject_kind="person",
        topic=topic,
        action="grant",
        lawful_basis="consent",
        source="form",
        at=BEGAN,
    )
    services.edit_person(person=person, actor=planner, changes={"note": "met in Dakar"})
    services.add_contact_point(person=person, value="ana@gov.test", actor=planner)

    entries = page_of(person, viewer).entries

    assert [(e.title, e.body, e.actor) for e in entries] == [
        ("Address added", "ana@gov.test", "Planner"),
        ("Changed", "note: met in Dakar", "Planner"),
        ("Permission given: News", "consent · form", ""),
    ]


def test_what_was_done_to_a_post_stands_in_its_organizations_timeline(viewer, planner):
    post = services.create_post(actor=planner, organization=OrganizationFactory(), name="Minister")

    titles = [entry.title for entry in page_of(post.organization, viewer, kinds=["change"]).entries]

    assert titles == ["Post: added"]


def test_timeline_is_filtered_by_kind_and_paged_as_a_fragment(sign_in, viewer, planner):
    person = MembershipFactory(started_on=date(2020, 1, 1)).person
    for number in range(timeline.PAGE + 3):
        services.edit_person(person=person, actor=planner, changes={"note": f"note {number}"})
    client = sign_in(viewer)

    first = client.get(reverse("person_detail", args=[person.uid]), {"kind": "change"}).context["timeline"]
    more = client.get(first["more_url"], headers={"HX-Request": "true"})

    assert len(first["page"].entries) == timeline.PAGE
    assert [e.title for e in more.context["timeline"]["page"].entries] == ["Changed"] * 3
    assert "gs-side" not in more.content.decode()
    assert client.get(first["more_url"]).status_code == 200


@pytest.mark.parametrize("before", ["", "x", "2026-13-45", "2026-01-01", "2026-01-01T00:00:00+99:00"])
def test_nonsense_in_the_page_address_shows_a_page(sign_in, viewer, before):
    person = PersonFactory()

    response = sign_in(viewer).get(reverse("timeline", args=["person", person.uid]), {"before": before})

    assert response.status_code == 200


def test_sources_that_know_nothing_are_not_asked(viewer, monkeypatch, django_assert_num_queries):
    person, asked = PersonFactory(), []

    def about(knows: bool):
        rows = PersonFactory._meta.model.objects.all()
        return lambda subject: [rows.none(), rows if knows else rows.filter(pk=None)]

    def entries(subject, user, before, limit):
        asked.append(True)
        return [Entry(BEGAN, "known")]

    silent = [TimelineSource(kind, kind, "point", entries, about=about(False)) for kind in "ab"]
    monkeypatch.setattr(timeline, "SOURCES", [*silent, TimelineSource("c", "c", "point", entries, about=about(True))])
    with django_assert_num_queries(1):
        page = page_of(person, viewer)

    assert [entry.title for entry in page.entries] == ["known"] and len(asked) == 1
