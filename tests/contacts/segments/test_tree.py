"""Impossible and broken rules are told in plain sentences, at their place; nothing a person can paste is an error page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.segments.compiler import compile_segment, compile_tree
from contacts.segments.lists import add_to_list
from contacts.segments.nesting import check_tree, inline_tree
from contacts.segments.sentence import plain_sentence, sentence
from contacts.segments.tree import MAX_NODES, parse, read_json
from crm.errors import Invalid
from tests.factories import ContactListFactory, PersonFactory, SegmentFactory, TagFactory

pytestmark = pytest.mark.django_db
COVERAGE = "indicator.SI_COV_BENFTS"


def tree(*rules: Any, op: str = "all") -> dict[str, Any]:
    return {"version": 1, "op": op, "rules": list(rules)}


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    made = {"field": field, "operator": operator}
    return made if value is None else {**made, "value": value}


def mistakes(made: Any, selects: str = "people") -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as told:
        parse(made, selects=selects)
    return told.value.data["errors"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (rule(COVERAGE, "below", -5), "lies between 0 and 100\u00a0%: “is below −5\u00a0%” is impossible"),
        (rule(COVERAGE, "below", 0), "is impossible or says nothing"),
        (rule(COVERAGE, "above", 100), "is impossible or says nothing"),
        (rule(COVERAGE, "between", [40, 20]), "The first number, 40, is greater than the second, 20"),
        (rule(COVERAGE, "between", [40]), "takes two numbers"),
        (rule(COVERAGE, "below", "twenty"), "is compared with a number, such as 20"),
        (rule(COVERAGE, "below", True), "is compared with a number, such as 20"),
        (rule(COVERAGE, "below", float("nan")), "is compared with a number, such as 20"),
        (rule(COVERAGE, "below"), "Write a number."),
        (rule("last_mailed", "since", "9999-01-01"), "9999-01-01 cannot be: choose a day from 1900 to today."),
        (rule("last_mailed", "since", "2026-02-30"), "Write the date as year-month-day"),
        (rule("last_mailed", "since", "20260101"), "Write the date as year-month-day"),
        (rule("last_mailed", "within", 0), "Write a whole number of days, from 1 to 36,500."),
        (rule("last_mailed", "within", 2.5), "Write a whole number of days"),
        (
            rule("created", "between", ["2026-03-01", "2026-02-01"]),
            "The first date, 2026-03-01, is later than the second, 2026-02-01",
        ),
        (rule("created", "between", ["2026-03-01"]), "takes two dates"),
        (rule("created", "between", ["2026-03-01", None]), "Write a date."),
        (rule("clicked", "at_least_times", [0, 90]), "Write how many times, from 1 to 10,000."),
        (rule("clicked", "at_least_times", [True, 90]), "Write how many times"),
        (rule("clicked", "at_least_times", [2, 0]), "Write a whole number of days"),
        (rule("clicked", "at_least_times", 2), "takes a number of times and a number of days"),
        (rule(COVERAGE, "below_in", [3000, 20]), "Write a year from 1900 to"),
        (rule(COVERAGE, "below_in", ["2015", 20]), "Write a year from 1900 to"),
        (rule(COVERAGE, "below_in", [2015, 120]), "lies between 0 and 100\u00a0%"),
        (rule(COVERAGE, "known_in", [2015]), "Write a year from 1900 to"),
        (rule(COVERAGE, "rose", [2020, 2015, 5]), "The first year, 2020, is not before the second, 2015."),
        (rule(COVERAGE, "rose", [2015, 2020, 0]), "more than 0 and at most 100"),
        (rule(COVERAGE, "fell", [2015, 2020, None]), "Write a number."),
        (rule("last_mailed", "never", 3), "“never” takes no value."),
        (rule("country", "any_of", []), "Choose at least one."),
        (rule("country", "any_of", "SN"), "takes a list of choices"),
        (rule("country", "any_of", ["XX"]), "“XX” is not, or no longer, a choice for “Country”"),
        (rule("country", "any_of", [1]), "takes a list of choices"),
        (rule("country", "any_of", ["S\x00N"]), "One of the choices is no name of anything."),
        (rule("country", "below", 3), "“Country” can be compared with: “is one of”, “is not one of”."),
        (rule("in_segment", "any_of", ["no uid"]), "is not, or no longer, a choice"),
        (rule("shoe_size", "any_of", ["42"]), "There is no field “shoe_size”. Choose another."),
        (rule("", ""), "Choose what this rule is about."),
        (rule("post_title", "contains", "  "), "Write the words to look for."),
        (rule("post_title", "contains", "x" * 201), "Write 200 characters at most."),
        ({"field": "country"}, "can be compared with"),
        ({"field": "membership", "operator": "yes", "sql": "1"}, "“sql” means nothing here."),
        ("a rule", "A rule must be an object"),
        ({"op": "xor", "rules": [rule("membership", "yes")]}, "A group is “all”, “any” or “none” of its rules."),
        ({"op": "all", "rules": []}, "This group is empty"),
        ({"op": "all", "rules": "x"}, "“rules” must be a list."),
        ({"op": "all"}, "“rules” must be a list."),
    ],
)
def test_a_wrong_rule_is_told_at_its_place(wrong: Any, words: str) -> None:
    [(path, sentence_text)] = mistakes(tree(rule("membership", "yes"), wrong))
    assert (path, words in sentence_text) == ("1", True), sentence_text


def test_all_mistakes_are_told_at_once_with_their_paths() -> None:
    inner = {"op": "any", "rules": [rule("country", "any_of", []), rule("last_mailed", "within", -1)]}
    assert [path for path, _ in mistakes(tree(rule("nothing", "x"), inner))] == ["0", "1.0", "1.1"]


@pytest.mark.parametrize(
    "made", [None, [], "x", 3, {}, {"version": 2, "op": "all", "rules": [rule("membership", "yes")]}]
)
def test_what_is_no_tree_is_refused(made: Any) -> None:
    assert mistakes(made)[0][0] == ""


def test_too_deep_and_too_many() -> None:
    deep: Any = rule("membership", "yes")
    for _ in range(5):
        deep = {"op": "all", "rules": [deep]}
    assert "5 deep at most" in mistakes(tree(deep))[0][1]
    parse(tree(deep["rules"][0]), selects="people")
    assert mistakes(tree(*[rule("membership", "yes")] * 101)) == [("100", "A segment has 100 rules at most.")]
    parse(tree(*[rule("membership", "yes")] * 100), selects="people")


@pytest.mark.parametrize("item", [0, {"op": "all", "rules": []}, {"op": "all", "rules": [[]]}, {}])
def test_mistakes_in_very_many_places_are_told_a_few_times(item: Any) -> None:
    with pytest.raises(Invalid) as refused:
        parse({"version": 1, "op": "all", "rules": [item] * 100_000}, selects="people")

    assert 100 <= len(refused.value.data["errors"]) <= 2 * MAX_NODES


def test_a_field_of_people_cannot_be_asked_of_organizations() -> None:
    assert "cannot be asked of organizations" in mistakes(tree(rule("last_mailed", "never")), "organizations")[0][1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(
        ["all", "any", "none", "country", "any_of", "SN", COVERAGE, "below", "in_segment", "between", "last_mailed"]
    ),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["version", "op", "rules", "field", "operator", "value", "x"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def test_whatever_is_pasted_is_compiled_or_refused() -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.dictionaries(st.sampled_from(["version", "op", "rules", "x"]), anything), anything)
    def check(made: Any, item: Any) -> None:
        for candidate in (made, item, tree(item), {**made, "version": 1, "op": "all"}):
            try:
                compile_tree(candidate)
            except Invalid as error:
                assert error.message and error.data["errors"]
            sentence(candidate)

    check()


def test_text_that_is_no_json_says_where() -> None:
    with pytest.raises(Invalid, match=r"not JSON \(line 2\)"):
        read_json('{"version": 1,\n oops}', selects="people")
    with pytest.raises(Invalid, match="not JSON"):
        read_json("[" * 100_000, selects="people")
    assert read_json(json.dumps(tree(rule("membership", "yes"))), selects="people")["op"] == "all"


# --- segments in segments -------------------------------------------------------------------------------------------
def test_a_cycle_is_refused_with_its_path() -> None:
    one = SegmentFactory(name="Ministers")
    two = SegmentFactory(name="All but ministers", tree=tree(rule("in_segment", "none_of", [str(one.uid)])))
    with pytest.raises(Invalid) as told:
        check_tree(tree(rule("membership", "yes"), rule("in_segment", "any_of", [str(two.uid)])), selects="people", segment=one)  # fmt: skip
    assert told.value.code == "segment_cycle"
    assert told.value.data["errors"][0][0] == "1"
    assert "“Ministers” → “All but ministers” → “Ministers”" in told.value.message


def test_a_cycle_that_stands_in_the_table_is_refused_when_compiled() -> None:
    one = SegmentFactory(name="A")
    one.tree = tree(rule("in_segment", "any_of", [str(one.uid)]))
    one.save()
    for compiling in (lambda: compile_segment(one), lambda: compile_tree(one.tree), lambda: inline_tree(one)):
        with pytest.raises(Invalid, match="“A” → “A”"):
            compiling()


def test_a_segment_of_organizations_is_no_choice_for_people() -> None:
    other = SegmentFactory(selects="organizations", tree=tree(rule("institution_contacted", "never")))
    assert "not, or no longer, a choice" in mistakes(tree(rule("in_segment", "any_of", [str(other.uid)])))[0][1]


def test_inlining_writes_out_nested_segments_and_versions_of_lists(planner: Any) -> None:
    people = ContactListFactory()
    add_to_list(contact_list=people, rows=type(PersonFactory()).objects.all(), actor=planner)
    inner = SegmentFactory(tree=tree(rule("on_list", "any_of", [str(people.uid)])), version=4)
    outer = SegmentFactory(tree=tree(rule("in_segment", "none_of", [str(inner.uid)]), rule("membership", "yes")))

    before = inline_tree(outer)
    assert before == {"version": 1, "op": "all", "rules": [
        {"op": "none", "rules": [{
            "op": "all", "segment": {"uid": str(inner.uid), "version": 4},
            "rules": [{"field": "on_list", "operator": "any_of", "value": [str(people.uid)], "lists": {str(people.uid): 2}}]}]},
        {"field": "membership", "operator": "yes"}]}  # fmt: skip
    assert compile_tree(before).params  # an inlined tree can be compiled as it is

    add_to_list(contact_list=people, rows=type(PersonFactory()).objects.all(), actor=planner)
    assert inline_tree(outer) != before


# --- words ------------------------------------------------------------------------------------------------------------
def test_the_sentence_of_the_brief() -> None:
    made = tree(
        rule("constituency", "any_of", ["WRK", "CSO"]),
        rule(COVERAGE, "below", 20),
        rule("institution_contacted", "not_within", 90),
    )
    assert sentence(made) == (
        "People in <b>workers’ organizations</b> or <b>civil society organizations</b>, in countries where"
        " <b>social protection coverage is below 20\u00a0%</b>, whose institution <b>nobody has contacted in 90 days</b>."
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (rule("clicked", "at_least_times", [2, 90]), "People who clicked at least twice in 90 days."),
        (rule("clicked", "fewer_times", [1, 30]), "People who clicked fewer than once in 30 days."),
        (rule("replied", "at_least_times", [3, 365]), "People who replied at least 3 times in 365 days."),
        (rule("clicked", "not_within", 90), "People who did not click in the last 90 days."),
        (rule("received", "between", ["2026-01-01", "2026-01-31"]), "People who received a mailing between 1 January 2026 and 31 January 2026."),
        (rule("membership_started", "since", "2026-01-01"), "People who took up their post on 1 January 2026 or later."),
        (rule("membership_ended", "within", 30), "People who left an institution in the last 30 days."),
        (rule("created", "within", 7), "People added here in the last 7 days."),
        (rule("updated", "not_since", "2026-01-01"), "People last changed here before 1 January 2026."),
        (rule(COVERAGE, "below_in", [2015, 20]), "People in countries where social protection coverage was below 20\u00a0% in 2015."),
        (rule(COVERAGE, "rose", [2015, 2020, 5]), "People in countries where social protection coverage rose by at least 5 points from 2015 to 2020."),
        (rule(COVERAGE, "fell", [2015, 2020, 1]), "People in countries where social protection coverage fell by at least 1 point from 2015 to 2020."),
    ],
)  # fmt: skip
def test_times_and_changes_in_words(one: Any, words: str) -> None:
    assert plain_sentence(tree(one)) == words


def test_groups_and_exceptions_in_words() -> None:
    dakar = SegmentFactory(name="Invited to Dakar")
    made = tree(
        rule("in_segment", "none_of", [str(dakar.uid)]),
        rule("region", "any_of", ["202"]),
        {"op": "any", "rules": [rule("language", "any_of", ["fr", "pt"]), rule("last_mailed", "never")]},
        {"op": "none", "rules": [rule("post_is_head", "yes")]},
    )
    assert plain_sentence(made) == (
        "People in Sub-Saharan Africa, either who read French or Portuguese; or whom nobody has ever written to,"
        " except those in Invited to Dakar, except those who head their institution."
    )


def test_names_in_the_sentence_are_escaped() -> None:
    TagFactory(name="<b>{x}</b> **y**")
    words = sentence(tree(rule("tags", "any_of", ["<b>{x}</b> **y**"])))
    assert words == "People tagged <b>&lt;b&gt;{x}&lt;/b&gt; **y**</b>."


def test_a_tree_that_cannot_be_read_still_has_words() -> None:
    assert "cannot be read" in sentence(tree(rule("gone", "x")))
    assert sentence({"version": 1, "op": "all", "rules": []}) == "Nobody yet: add a first rule."


def test_organizations_are_spoken_of_as_organizations() -> None:
    made = tree(rule("constituency", "any_of", ["EMP"]), rule("institution_contacted", "never"))
    assert plain_sentence(made, "organizations") == (
        "Organizations that are employers’ organizations, that nobody has ever contacted."
    )
