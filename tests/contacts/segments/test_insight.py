"""Why somebody is in or out, overlap, size over time, what a version changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.segments import sizes, tasks
from contacts.segments.compiler import compile_segment
from contacts.segments.counting import overlap
from contacts.segments.models import Segment, SegmentSize
from contacts.segments.registry import catalogue
from contacts.segments.services import save_segment
from contacts.segments.why import Reason, explain, standings
from crm.errors import Invalid
from tests.contacts.segments.test_compiler import tree, values_for
from tests.contacts.segments.world import COVERAGE, World
from tests.factories import (
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    SegmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    made = {"field": field, "operator": operator}
    return made if value is None else {**made, "value": value}


def leaves(reasons: list[Reason]) -> list[Reason]:
    return [leaf for reason in reasons for leaf in ([reason] if reason.rule else leaves(reason.children))]


FRENCH = rule("language", "any_of", ["fr"])
SENEGAL = rule("country", "any_of", ["SN"])


# --- why ------------------------------------------------------------------------------------------------------------
def test_why_answers_as_the_oracle_does_for_everybody_and_every_rule() -> None:
    world = World()
    hard = tree(
        rule(COVERAGE, "below", 60),
        {"op": "any", "rules": [FRENCH, rule("clicked", "at_least_times", [2, 90]), rule("membership_started", "within", 90)]},
        rule("in_segment", "none_of", [str(world.segments[2].uid)]),
        op="any",
    )  # fmt: skip
    segment = Segment.objects.create(name="Hard", tree=hard)
    seen = set()
    for person in world.people:
        why = explain(segment, person)
        assert why.answer == world.answer(hard, person), person
        assert why.is_in == (person.pk in world.selected(hard))
        for leaf in leaves(why.reasons):
            asked = {"field": leaf.rule.field.code, "operator": leaf.rule.operator.code, "value": leaf.rule.value}  # type: ignore[union-attr]
            assert leaf.answer == world.rule(asked, person), asked
        seen.add((why.answer, why.is_active))
    assert {(True, True), (False, True), (None, True), (True, False)} <= seen

    # and each of all segments at once, in one query over them
    person = world.active[0]
    found = standings(person, Segment.objects.order_by("pk"))
    assert {item.segment: item.answer for item in found} == {
        row: world.answer(row.tree, person) for row in Segment.objects.all()
    }


def test_every_field_can_say_what_decided_it() -> None:
    world = World()
    asked = 0
    for selects, subject in (("people", world.active[0]), ("organizations", world.organizations[0])):
        for field in catalogue().values():
            if selects not in field.selects or (field.code.startswith("indicator.") and field.code != COVERAGE):
                continue
            if field.code == "in_segment" or (field.code in ("constituency", "on_list") and selects == "organizations"):
                continue
            assert field.evidence is not None, f"{field.code} gives no evidence"
            rules = []
            for operator in field.operators:
                value = values_for(world, field, operator)[-1]
                rules.append(rule(field.code, operator.code, value))
            segment = Segment(name=field.code, selects=selects, tree=tree(*rules, op="any"))
            told = leaves(explain(segment, subject).reasons)
            assert len(told) == len(field.operators)
            assert all(isinstance(leaf.value, str) for leaf in told)
            asked += len(told)
    assert asked > 90


def test_the_value_that_decided_stands_beside_each_rule(sign_in: Any, viewer: Any) -> None:
    person = PersonFactory(name="Awa Sow", given_name="Awa", family_name="Sow", language="fr", country__code="SN")
    union_row = OrganizationFactory(name="Union", constituency__code="WRK", country__code="SN")
    MembershipFactory(person=person, organization=union_row, started_on="2026-03-01")
    union = rule("constituency", "none_of", ["WRK"])
    inner = SegmentFactory(name="Unions", tree=tree(union))
    segment = SegmentFactory(
        tree=tree(SENEGAL, rule("membership_started", "since", "2026-01-01"), rule("clicked", "at_least_times", [2, 90]),
                  rule("in_segment", "any_of", [str(inner.uid)]), rule("last_mailed", "within", 9)),
    )  # fmt: skip
    told = {leaf.rule.field.code: (leaf.mark, leaf.value) for leaf in leaves(explain(segment, person).reasons)}  # type: ignore[union-attr]
    assert told["country"] == ("yes", "Senegal")
    assert told["membership_started"] == ("yes", "1 March 2026")
    assert told["clicked"] == ("no", "not once")
    assert told["constituency"] == ("no", "Workers’ organization")
    assert told["last_mailed"] == ("no", "")

    client, url = sign_in(viewer), reverse("segment_why", args=[segment.uid])
    page = client.get(url, {"q": "sow awa"}).content.decode()
    assert f"?member={person.uid}" in page
    page = client.get(url, {"member": str(person.uid)}).content.decode()
    assert "Awa Sow</a> is not in it." in page and "1 March 2026" in page and "Unions" in page
    assert "Nobody is called “zzzz”" in client.get(url, {"q": "zzzz"}).content.decode()
    assert client.get(url, {"member": "no uid"}).status_code == 404


def test_whoever_is_unknown_is_told_why(sign_in: Any, viewer: Any) -> None:
    person = PersonFactory(country__code="AQ")
    segment = SegmentFactory(tree=tree(rule(COVERAGE, "rose", [2015, 2020, 5])))
    page = sign_in(viewer).get(reverse("segment_why", args=[segment.uid]), {"member": str(person.uid)}).content.decode()
    assert "is left out, because something is not known" in page and "there is no figure for their country" in page


def test_archived_people_are_in_no_segment(sign_in: Any, viewer: Any) -> None:
    person = PersonFactory(country__code="SN", archived_at="2026-01-01T00:00Z")
    segment = SegmentFactory(tree=tree(SENEGAL))
    assert explain(segment, person).answer is True and not explain(segment, person).is_in
    page = sign_in(viewer).get(reverse("segment_why", args=[segment.uid]), {"member": str(person.uid)}).content.decode()
    assert "is not in it." in page and "Archived: in no segment" in page
    page = sign_in(viewer).get(reverse("person_segments", args=[person.uid])).content.decode()
    assert "Archived: in no segment." in page


def test_a_person_out_of_scope_is_not_explained(sign_in: Any) -> None:
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, countries=["SN"])
    segment, person = SegmentFactory(tree=tree(SENEGAL)), PersonFactory(country__code="FR")
    client = sign_in(user)
    assert client.get(reverse("segment_why", args=[segment.uid]), {"member": str(person.uid)}).status_code == 404
    assert client.get(reverse("person_segments", args=[person.uid])).status_code == 404


def test_segments_of_a_person_take_one_query_however_many(sign_in: Any, viewer: Any) -> None:
    person = PersonFactory(country__code="SN", language="fr")
    client, url = sign_in(viewer), reverse("person_segments", args=[person.uid])
    counts = []
    for wanted in (1, 3):
        while Segment.objects.count() < wanted:
            SegmentFactory(tree=tree(SENEGAL, FRENCH), name=f"S{Segment.objects.count()}")
        client.get(url)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = client.get(url).content.decode()
        counts.append(len(queries))
        assert page.count("Why?") == wanted
    # choices are looked up for each segment that has some
    assert counts[1] - counts[0] <= 2 * 1
    SegmentFactory(tree=tree(rule("gone", "x")), name="Broken")
    assert "Broken" not in client.get(url).content.decode()
    assert reverse("person_segments", args=[person.uid]) in client.get(reverse("person_detail", args=[person.uid])).content.decode()  # fmt: skip


def test_segments_of_an_organization(sign_in: Any, viewer: Any) -> None:
    row = OrganizationFactory(country__code="SN")
    segment = SegmentFactory(selects="organizations", tree=tree(SENEGAL), name="Dakar")
    SegmentFactory(tree=tree(SENEGAL), name="People there")
    page = sign_in(viewer).get(reverse("organization_segments", args=[row.uid])).content.decode()
    assert "Dakar" in page and "People there" not in page
    assert "is in it." in sign_in(viewer).get(reverse("segment_why", args=[segment.uid]), {"member": str(row.uid)}).content.decode()  # fmt: skip


# --- overlap --------------------------------------------------------------------------------------------------------
def test_overlap_is_three_numbers_and_each_opens_its_rows(sign_in: Any, viewer: Any) -> None:
    here, there = SegmentFactory(name="French", tree=tree(FRENCH)), SegmentFactory(name="Senegal", tree=tree(SENEGAL))
    people = [
        PersonFactory(name=name, family_name="", given_name="", language=tongue, country__code=place)
        for name, tongue, place in [("Both", "fr", "SN"), ("Heloise", "fr", "FR"), ("Henri", "fr", "FR"), ("Thierno", "en", "SN")]
    ]  # fmt: skip
    found = overlap(compile_segment(here), compile_segment(there))
    assert (found.both, found.only_here, found.only_there) == (1, 2, 1)

    client = sign_in(viewer)
    page = client.get(reverse("segment_about", args=[here.uid]), {"with": str(there.uid)}).content.decode()
    rows = {
        f"{reverse('segment_members', args=[here.uid])}?also={there.uid}": {people[0]},
        f"{reverse('segment_members', args=[here.uid])}?without={there.uid}": {people[1], people[2]},
        f"{reverse('segment_members', args=[there.uid])}?without={here.uid}": {people[3]},
    }
    for url, expected in rows.items():
        assert url in page
        assert {row.pk for row in client.get(url).context["table"].rows} == {row.pk for row in expected}


def test_overlap_with_what_cannot_be_compared(sign_in: Any, viewer: Any) -> None:
    here = SegmentFactory(tree=tree(FRENCH))
    institutions = SegmentFactory(selects="organizations", tree=tree(SENEGAL), name="Institutions")
    broken = SegmentFactory(tree=tree(rule("gone", "x")), name="Broken")
    client, url = sign_in(viewer), reverse("segment_about", args=[here.uid])
    page = client.get(url, {"with": str(institutions.uid)})
    assert page.status_code == 200 and page.context["parts"] == []
    assert client.get(url, {"with": "no uid"}).context["parts"] == []
    assert client.get(url, {"with": str(here.uid)}).context["parts"] == []
    assert "There is no field “gone”" in client.get(url, {"with": str(broken.uid)}).content.decode()


# --- size -----------------------------------------------------------------------------------------------------------
def test_the_night_writes_one_size_a_day_and_segment_whoever_runs_it() -> None:
    PersonFactory(language="fr")
    segment, broken = SegmentFactory(tree=tree(FRENCH), version=3), SegmentFactory(tree=tree(rule("gone", "x")))
    archived = SegmentFactory(tree=tree(FRENCH), archived_at="2026-01-01T00:00Z")
    assert sizes.record_sizes() is None
    PersonFactory(language="fr")
    tasks.record_sizes()
    assert list(SegmentSize.objects.values_list("segment", "day", "count", "version")) == [(segment.pk, sizes.today(), 1, 3)]  # fmt: skip
    assert not broken.sizes.exists() and not archived.sizes.exists()

    tasks.count_segment(segment.pk)  # as after a save
    assert list(segment.sizes.values_list("count", flat=True)) == [2]
    segment.refresh_from_db()
    assert segment.last_count == 2  # as the list of segments shows it
    tasks.count_segment(archived.pk)
    assert not archived.sizes.exists()


def test_a_late_count_of_earlier_rules_does_not_win() -> None:
    segment = SegmentFactory(tree=tree(FRENCH), version=2)
    sizes.record_size(segment=segment, again=True)
    late = Segment.objects.get(pk=segment.pk)
    late.version, late.tree = 1, tree(rule("membership", "no"))
    PersonFactory()
    sizes.record_size(segment=late, again=True)
    assert list(segment.sizes.values_list("count", "version")) == [(0, 2)]
    segment.refresh_from_db()
    assert segment.last_count == 0


def test_a_night_that_is_too_short_goes_on_where_it_stopped() -> None:
    rows = [SegmentFactory(tree=tree(FRENCH)) for _ in range(3)]
    assert sizes.record_sizes(seconds=-1) == 0
    assert SegmentSize.objects.count() == 0
    sizes.record_sizes(after=rows[0].pk)
    assert set(SegmentSize.objects.values_list("segment", flat=True)) == {rows[1].pk, rows[2].pk}


def test_a_save_asks_for_a_count(django_capture_on_commit_callbacks: Any, planner: Any, monkeypatch: Any) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks.count_segment, "apply_async", lambda **how: asked.append(how["args"]))
    segment = SegmentFactory(tree=tree(FRENCH))
    with django_capture_on_commit_callbacks(execute=True):
        save_segment(segment=segment, tree=tree(SENEGAL), expected_version=1, actor=planner)
    assert asked == [[segment.pk]]


def test_the_line_has_a_table_and_begins_with_two_points(sign_in: Any, viewer: Any) -> None:
    segment = SegmentFactory(tree=tree(FRENCH))
    client, url = sign_in(viewer), reverse("segment_about", args=[segment.uid])
    assert "Not counted yet" in client.get(url).content.decode()
    SegmentSize.objects.create(segment=segment, day=sizes.today(), count=1234, version=1)
    assert '<b class="num">1,234</b>' in client.get(url).content.decode()
    SegmentSize.objects.create(segment=segment, day=sizes.today() - timedelta(days=1), count=1200, version=1)
    page = client.get(url)
    assert [series.values for series in page.context["chart"].series] == [[1200.0, 1234.0]]
    assert "As a table" in page.content.decode()


# --- versions -------------------------------------------------------------------------------------------------------
def test_versions_say_what_came_and_went(sign_in: Any, planner: Any) -> None:
    segment = SegmentFactory(tree=tree(FRENCH))
    segment.versions.create(version=1, tree=segment.tree)
    for made in (
        tree(FRENCH, SENEGAL),
        tree(SENEGAL, {"op": "none", "rules": [FRENCH]}),
        tree({"op": "none", "rules": [FRENCH]}, SENEGAL),
    ):
        segment.refresh_from_db()
        save_segment(segment=segment, tree=made, expected_version=segment.version, actor=planner)
    page = sign_in(planner).get(reverse("segment_versions", args=[segment.uid]))
    told = [(row.version, row.changes.added, row.changes.removed) for row in page.context["versions"]]
    assert told == [
        (4, [], []),
        (3, ["except those who read <b>French</b>"], ["who read <b>French</b>"]),
        (2, ["in <b>Senegal</b>"], []),
        (1, [], []),
    ]
    assert "only the name, their order or how they count together changed" in page.content.decode()


def test_explaining_broken_rules_says_so(sign_in: Any, viewer: Any) -> None:
    segment, person = SegmentFactory(tree=tree(rule("gone", "x"))), PersonFactory()
    with pytest.raises(Invalid):
        explain(segment, person)
    page = sign_in(viewer).get(reverse("segment_why", args=[segment.uid]), {"member": str(person.uid)})
    assert page.status_code == 200 and "There is no field “gone”" in page.content.decode()
