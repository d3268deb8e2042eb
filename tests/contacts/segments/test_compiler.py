"""The compiled SQL against a naive reading of the same tree, field by field and for trees that nobody would write."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.segments import counting
from contacts.segments.compiler import compile_segment, compile_tree
from contacts.segments.registry import catalogue
from contacts.segments.tree import parse
from crm.errors import Invalid, Unavailable
from tests.contacts.segments.world import COVERAGE, World
from tests.factories import MembershipFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World()


def ids(compiled: Any) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        found = [row[0] for row in cursor.fetchall()]
    assert len(found) == len(set(found)), "somebody is in it twice"
    return set(found)


def tree(*rules: dict[str, Any], op: str = "all") -> dict[str, Any]:
    return {"version": 1, "op": op, "rules": list(rules)}


def values_for(world: World, field: Any, operator: Any) -> list[Any]:
    if operator.takes == "choices":
        offered = world.choices()[field.code]
        return [[one] for one in offered] + [offered[:2], offered]
    return {
        "nothing": [None],
        "number": [0.5, 20, 99.5],
        "range": [[0, 30], [20, 20]],
        "days": [3, 90, 36_500],
        "date": ["2026-01-01", "1999-12-31"],
        "period": [["2026-01-01", "2026-01-31"], ["1999-12-31", "2026-06-30"], ["2026-01-01", "2026-01-01"]],
        "count": [[1, 3], [2, 90], [4, 36_500]],
        "year": [2000, 2015, 2023],
        "year_number": [[2023, 40], [2015, 20], [1950, 10]],
        "change": [[2015, 2023, 0.5], [2015, 2023, 10], [2000, 2023, 1]],
        "text": ["minister", "secretaire GENERALE", "%_", "nobody", "Minister labour"],
    }[operator.takes]


def test_each_field_with_each_operator_selects_what_the_oracle_selects(world: World) -> None:
    asked, from_seats = 0, set()
    for field in catalogue().values():
        if field.code.startswith("indicator.") and field.code != COVERAGE:
            continue
        for operator in field.operators:
            for value in values_for(world, field, operator):
                rule = {"field": field.code, "operator": operator.code}
                if value is not None:
                    rule["value"] = value
                for op in ("all", "none"):
                    asked += 1
                    compiled, expected = compile_tree(tree(rule, op=op)), world.selected(tree(rule, op=op))
                    assert ids(compiled) == expected, (op, rule)
                    if compiled.seats is not None:
                        from_seats.add(field.code)
                        assert ids(compiled.seats) == expected, (op, rule)
                found = counting.steps(parse(tree(rule), selects="people"), selects="people")
                assert (found.total, found.unknown) == (len(world.selected(tree(rule))), world.unknown(tree(rule))), (
                    rule
                )
    assert asked > 200
    assert {"received", "clicked", "replied", COVERAGE} <= set(catalogue())
    assert from_seats >= {"constituency", "organization", "post_title", "post_is_head", "institution_contacted"}


def test_any_tree_selects_what_the_oracle_selects(world: World) -> None:
    fields = [f for f in catalogue().values() if not f.code.startswith("indicator.") or f.code == COVERAGE]
    pairs = [(field, operator) for field in fields for operator in field.operators]

    @st.composite
    def rules(draw: Any) -> dict[str, Any]:
        field, operator = draw(st.sampled_from(pairs))
        rule = {"field": field.code, "operator": operator.code}
        value = draw(st.sampled_from(values_for(world, field, operator)))
        return rule if value is None else {**rule, "value": value}

    groups = st.recursive(
        rules(),
        lambda inner: st.builds(
            lambda op, items: {"op": op, "rules": items},
            st.sampled_from(["all", "any", "none"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=7,
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(["all", "any", "none"]), st.lists(groups, min_size=1, max_size=3))
    def check(op: str, items: list[dict[str, Any]]) -> None:
        made = tree(*items, op=op)
        try:
            root = parse(made, selects="people")
        except Invalid as error:
            assert "deep" in error.message
            return
        expected = world.selected(made)
        compiled = compile_tree(made)
        assert ids(compiled) == expected
        assert counting.count(compiled) == len(expected)
        steps = counting.steps(root, selects="people")
        assert (steps.total, steps.unknown) == (len(expected), world.unknown(made))
        assert steps.left[str(len(items) - 1)] == len(expected)

    check()


def test_people_left_after_each_rule_also_inside_groups(world: World) -> None:
    one = {"field": "constituency", "operator": "any_of", "value": ["WRK", "CSO", "GOV"]}
    two = {"field": "last_mailed", "operator": "not_within", "value": 90}
    french = {"field": "language", "operator": "any_of", "value": ["fr"]}
    poor = {"field": COVERAGE, "operator": "below", "value": 40}
    root = parse(tree(one, two, {"op": "any", "rules": [french, poor]}), selects="people")

    left = counting.steps(root).left

    def size(*rules: dict[str, Any]) -> int:
        return len(world.selected(tree(*rules)))

    assert left == {
        "0": size(one),
        "1": size(one, two),
        "2.0": size(one, two, french),
        "2.1": size(one, two, {"op": "any", "rules": [french, poor]}),
        "2": size(one, two, {"op": "any", "rules": [french, poor]}),
    }


def test_unknown_people_are_counted_with_why() -> None:
    PersonFactory(country__code="AQ")
    found = counting.steps(parse(tree({"field": COVERAGE, "operator": "below", "value": 20}), selects="people"))
    assert (found.total, found.unknown) == (0, 1)
    assert [(path, str(why), number) for path, why, number in found.reasons] == [
        ("0", "there is no figure for their country", 1)
    ]


def test_each_join_stands_once_and_values_never_in_the_sql() -> None:
    compiled = compile_tree(
        tree(
            {"field": "constituency", "operator": "any_of", "value": ["WRK"]},
            {"field": "institution_contacted", "operator": "not_within", "value": 91},
            {"field": "post_title", "operator": "contains", "value": "x'; DROP TABLE contacts_person; --"},
        )
    )
    assert compiled.sql.count("JOIN contacts_membership") == compiled.sql.count("JOIN contacts_organization") == 1
    assert "DROP" not in compiled.sql and "91" not in compiled.sql
    assert compiled.sql.count("%s") == len(compiled.params)
    ids(compiled)


def test_memberships_are_counted_alone_only_where_people_need_not_be_asked(world: World) -> None:
    workers = {"field": "constituency", "operator": "any_of", "value": ["WRK"]}
    clicked = {"field": "clicked", "operator": "within", "value": 36_500}
    french = {"field": "language", "operator": "any_of", "value": ["fr"]}
    head = {"field": "post_is_head", "operator": "yes"}
    either = {"op": "any", "rules": [workers, head]}

    for made in (tree(workers), tree(workers, clicked), tree(either), tree(workers, {"op": "none", "rules": [head]})):
        compiled = compile_tree(made)
        assert compiled.seats is not None and "contacts_person p" not in compiled.count().sql, made
        assert counting.count(compiled) == len(world.selected(made)) > 0
    for made in (tree(head, french), tree(workers, clicked, op="any"), tree(workers, op="none")):
        compiled = compile_tree(made)
        assert compiled.seats is None
        assert counting.count(compiled) == len(world.selected(made)) > 0
    assert compile_tree(tree(workers), scope_countries=["SN"]).seats is None


def test_scope_narrows_to_what_visible_to_shows(viewer: Any) -> None:
    from contacts.directory.models import Person
    from tests.factories import GrantFactory

    inside = PersonFactory(country__code="SN")
    works_there = MembershipFactory(
        person=PersonFactory(country__code="FR"),
        organization=OrganizationFactory(country__code="FR", countries_of_work=["SN", "ML"]),
    ).person
    PersonFactory(country__code="FR")
    viewer.grants.all().delete()
    GrantFactory(user=viewer, role="viewer", is_everywhere=False, countries=["SN"])
    everyone = tree({"field": "last_mailed", "operator": "never"})

    assert ids(compile_tree(everyone, scope_countries=["SN"])) == {inside.pk, works_there.pk}
    assert set(Person.objects.visible_to(viewer).values_list("pk", flat=True)) == {inside.pk, works_there.pk}
    assert ids(compile_tree(everyone, scope_countries=[])) == set()


def test_organizations_by_the_same_rules(world: World) -> None:
    rules = [
        {"field": "constituency", "operator": "any_of", "value": ["CSO"]},
        {"field": "institution_contacted", "operator": "not_within", "value": 90},
    ]
    old = [
        o for o in world.organizations if o.last_contacted_at is None or (world.now - o.last_contacted_at).days >= 90
    ]
    expected = {o.pk for o in old if o.constituency.root_code == "CSO"}
    assert ids(compile_tree(tree(*rules), selects="organizations")) == expected
    for field in catalogue().values():
        if "organizations" not in field.selects or field.code in ("in_segment", "on_list", "constituency"):
            continue
        for operator in field.operators:  # each is at least valid SQL
            value = values_for(world, field, operator)[0]
            rule = {"field": field.code, "operator": operator.code} | ({} if value is None else {"value": value})
            ids(compile_tree(tree(rule), selects="organizations"))
            counting.makeup(parse(tree(rule), selects="organizations"), selects="organizations")


def test_the_makeup_adds_up_and_agrees_with_pre_flight_order(world: World) -> None:
    root = parse(tree({"field": "language", "operator": "any_of", "value": ["fr", "en"]}), selects="people")
    made = counting.makeup(root, topic_id=world.topics[0].pk)
    assert (
        made.count == made.mailable + made.no_address + made.no_permission == sum(c.count for c in made.constituencies)
    )
    chosen = [p for p in world.active if world.answer(tree({"field": "language", "operator": "any_of", "value": ["fr", "en"]}), p)]  # fmt: skip
    without = [p for p in chosen if "active" not in world.points.get(p.pk, [])]
    silent = [p for p in chosen if p not in without and not world.consent.get((p.uid, "t0"))]
    assert (made.no_address, made.no_permission) == (len(without), len(silent))


def test_the_missing_side_is_named() -> None:
    MembershipFactory(organization__constituency__code="WRK")
    made = counting.makeup(parse(tree({"field": "membership", "operator": "yes"}), selects="people"))
    assert made.missing == ["EMP"] and made.countries == 1


def test_pages_follow_one_another(world: World) -> None:
    compiled = compile_segment(world.segments[2])
    seen: list[int] = []
    after = None
    while page := counting.first_page(compiled, limit=7, after=after):
        seen += page
        last = next(p for p in world.people if p.pk == page[-1])
        after = (last.sort_key, last.pk)
    assert len(seen) == len(set(seen)) and set(seen) == world.selected(world.segments[2].tree)


def test_a_count_that_takes_too_long_ends_with_a_sentence() -> None:
    slow = compile_tree(tree({"field": "last_mailed", "operator": "never"}))
    slow = type(slow)(f"{slow.sql} AND pg_sleep(5) IS NOT NULL", slow.params)
    PersonFactory()
    with pytest.raises(Unavailable, match="took longer than 0.05 seconds"):
        counting.count(slow, seconds=0.05)
