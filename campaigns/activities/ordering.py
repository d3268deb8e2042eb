"""What follows what: pure questions about days and dependencies. Nothing here reads the database.

A later activity may begin on the day on which the earlier one is due, not before. Moving one may break that on either side;
`carried` says where all the others would have to go so that it holds again, each as little as possible and as long as it was.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Days = tuple[dt.date, dt.date]  # first and last
Pair = tuple[int, int]  # keys of the earlier and the later one


@dataclass(frozen=True)
class Plan:
    """days: key → first and last day. fixed: those that stay where they are (done, dropped): they neither move nor are waited for."""

    days: Mapping[int, Days]
    pairs: Iterable[Pair]
    fixed: frozenset[int] = frozenset()
    later: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    earlier: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for before, after in self.pairs:
            if before in self.days and after in self.days and not {before, after} & self.fixed:
                self.later[before].append(after)
                self.earlier[after].append(before)


def broken_at(plan: Plan, key: int, days: Days) -> tuple[list[int], list[int]]:
    """If `key` lay on these days: what it would begin before the end of, and what would begin before its end."""
    starts, due = days
    before = [other for other in plan.earlier.get(key, ()) if plan.days[other][1] > starts]
    after = [other for other in plan.later.get(key, ()) if plan.days[other][0] < due]
    return sorted(before), sorted(after)


def carried(plan: Plan, key: int, days: Days) -> dict[int, Days]:
    """Where the others go when `key` goes to these days: later ones later, earlier ones earlier, only those that must."""
    moved: dict[int, Days] = {key: days}
    todo = [key]
    while todo:  # each step takes something further away from `key`, so it ends; there is no circle
        here = todo.pop(0)
        for other in plan.later.get(here, ()) if here == key or moved[here] > plan.days[here] else ():
            starts, due = moved.get(other, plan.days[other])
            if (late := (moved[here][1] - starts).days) > 0:
                moved[other] = (starts + dt.timedelta(late), due + dt.timedelta(late))
                todo.append(other)
        for other in plan.earlier.get(here, ()) if here == key or moved[here] < plan.days[here] else ():
            starts, due = moved.get(other, plan.days[other])
            if (early := (due - moved[here][0]).days) > 0:
                moved[other] = (starts - dt.timedelta(early), due - dt.timedelta(early))
                todo.append(other)
    del moved[key]
    return moved


def leads_to(pairs: Iterable[Pair], start: int, goal: int) -> bool:
    """Whether a way along the dependencies leads from `start` to `goal`: then `start` must not come to depend on it."""
    later: dict[int, list[int]] = defaultdict(list)
    for before, after in pairs:
        later[before].append(after)
    seen, todo = set(), [start]
    while todo:
        here = todo.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            todo.extend(later.get(here, ()))
    return False
