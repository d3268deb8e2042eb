"""What follows what, without a database."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.activities.ordering import Plan, broken_at, carried, leads_to


def day(number: int) -> date:
    return date.fromordinal(738_000 + number)


def days(first: int, last: int) -> tuple[date, date]:
    return day(first), day(last)


CHAIN = Plan({1: days(0, 4), 2: days(5, 9), 3: days(20, 24)}, [(1, 2), (2, 3)])


def test_moving_one_names_both_neighbours_that_it_breaks():
    assert broken_at(CHAIN, 2, days(3, 30)) == ([1], [3])
    assert broken_at(CHAIN, 2, days(4, 20)) == ([], [])


def test_later_ones_go_later_only_as_far_as_they_must():
    assert carried(CHAIN, 1, days(3, 7)) == {2: days(7, 11)}
    assert carried(CHAIN, 1, days(18, 22)) == {2: days(22, 26), 3: days(26, 30)}


def test_earlier_ones_go_earlier_and_nothing_else_moves():
    assert carried(CHAIN, 3, days(6, 10)) == {2: days(2, 6), 1: days(-2, 2)}


def test_what_is_settled_neither_moves_nor_is_waited_for():
    plan = Plan(CHAIN.days, CHAIN.pairs, frozenset({2}))

    assert broken_at(plan, 3, days(0, 1)) == ([], [])
    assert carried(plan, 1, days(50, 60)) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=2, max_size=8),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12),
    st.integers(-60, 60),
)
def test_carrying_along_leaves_nothing_broken_around_the_moved_one(spans, wanted, shift):
    plan = Plan(
        {key: days(first, first + length) for key, (first, length) in enumerate(spans)},
        [(one, two) for one, two in wanted if one < two < len(spans)],
    )
    starts, due = plan.days[0]
    goal = (date.fromordinal(starts.toordinal() + shift), date.fromordinal(due.toordinal() + shift))

    after = {**plan.days, 0: goal, **carried(plan, 0, goal)}

    moved = [key for key in after if after[key] != plan.days[key]]
    fresh = Plan(after, plan.pairs)
    for key in moved:
        was_early, was_late = broken_at(plan, key, plan.days[key])
        early, late = broken_at(fresh, key, after[key])
        assert set(late) <= set(was_late) if key else not late
        assert set(early) <= set(was_early) or shift < 0
        assert after[key][1] - after[key][0] == plan.days[key][1] - plan.days[key][0]


def test_a_way_round_is_found():
    assert leads_to([(1, 2), (2, 3)], 1, 3)
    assert not leads_to([(1, 2), (2, 3)], 3, 1)
