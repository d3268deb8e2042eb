"""The first rows of an order where an index has them although the whole condition has none.

    rows.by_country()    somebody sees five countries, by name: each country in its own order, merged, and only as far as a page needs.
                         Along the names of everybody a fiftieth would be theirs; found first and then sorted, all of theirs are read.
    rows.by_last_mail()  everybody by when they were mailed last: `LastMailed` is in that order, people are not.

Both say how pages are found and totals counted, never which rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F

from contacts.directory.queries import InReach, IsAnyOf, PersonQuerySet, among
from crm.ui.paging import Key, in_order

COUNTRY = "\x00country"  # stands for one in the statement that is repeated for each: no code can be this


@dataclass(frozen=True)
class Reach:
    """The rows of a queryset apart: of each country in the reach, and those who are seen there although of another."""

    codes: tuple[str, ...]
    rows: PersonQuerySet  # the queryset without the reach

    @property
    def others(self) -> PersonQuerySet:
        from contacts.directory.models import SeenAlsoIn

        seen = SeenAlsoIn.objects.filter(country__in=self.codes).values("person_id")
        return self.rows.filter(IsAnyOf(F("pk"), ArraySubquery(seen))).exclude(country_id__in=self.codes)

    def parts(self) -> list[PersonQuerySet]:
        return [self.rows.filter(country_id__in=self.codes), self.others]


def reach_of(rows: PersonQuerySet) -> Reach | None:
    """The condition that `visible_to` added, taken out again; None where there is none, or not just one."""
    found = [
        (place, leaf.lhs.codes)
        for place, node in enumerate(rows.query.where.children)
        for leaf in getattr(node, "children", ())
        if isinstance(getattr(leaf, "lhs", None), InReach)
    ]
    if len(found) != 1 or rows.query.is_sliced or rows.query.combinator:
        return None
    place, codes = found[0]
    without = rows.all()
    del without.query.where.children[place]
    return Reach(tuple(codes), without)


def merged(rows: PersonQuerySet, keys: Sequence[Key], *, reverse: bool, limit: int) -> list[Any] | None:
    """The first `limit` rows by name, or by country and name, for whoever sees some countries; None: ask for them as usual.

    Each country is an ordered scan of its own, and PostgreSQL merges them (Merge Append): it reads on only where the next name is.
    """
    reach = reach_of(rows)
    if reach is None:
        return None
    order = [key.order(reverse=reverse) for key in keys]
    names = [key.name for key in keys]
    parts, values = [], []
    for part, codes in ((reach.rows.filter(country_id=COUNTRY), reach.codes), (reach.others, ("",))):
        try:
            sql, given = part.order_by(*order).values(*names)[:limit].query.sql_with_params()
        except EmptyResultSet:
            continue
        for code in codes:
            parts.append(f"({sql})")
            values += [code if value == COUNTRY else value for value in given]
    if not parts:
        return []
    by = ", ".join(_words(key, reverse=reverse) for key in keys)
    with connection.cursor() as cursor:
        union = " UNION ALL ".join(parts)
        cursor.execute(f"SELECT pk FROM ({union}) merged ORDER BY {by} LIMIT %s", [*values, limit])  # noqa: S608 the ORM's
        ids = [row[0] for row in cursor.fetchall()]
    return read(rows, ids)


def _words(key: Key, *, reverse: bool) -> str:
    """`key.order()` as SQL over the merged rows."""
    down = "DESC" if key.is_descending != reverse else "ASC"
    return f"{connection.ops.quote_name(key.name)} {down}{' NULLS ' + ('FIRST' if reverse else 'LAST') if key.is_nullable else ''}"


def read(rows: PersonQuerySet, ids: Sequence[int]) -> list[Any]:
    """These people in this order, with the columns and relations that `rows` would have."""
    fresh = rows.model._default_manager.filter(among("pk", ids))
    fresh.query.deferred_loading = rows.query.deferred_loading
    fresh.query.select_related = rows.query.select_related
    found = {row.pk: row for row in fresh}
    return [found[pk] for pk in ids if pk in found]


def count_apart(rows: PersonQuerySet, cap: int) -> int | None:
    """How many rows there are, up to `cap`: those of the reach's countries are counted from an index alone."""
    reach = reach_of(rows)
    if reach is None:
        return None
    here, others = (part.order_by().values("pk")[:cap] for part in reach.parts())
    return min(here.union(others, all=True).count(), cap)


def last_mailed_first(
    rows: PersonQuerySet, keys: Sequence[Key], values: Sequence[Any] | None, *, reverse: bool, limit: int
) -> list[Any]:
    """The first `limit` rows by `last_mailed_at`: who was mailed, in the order of LastMailed, then who never was, by the other keys."""
    first, rest = keys[0], list(keys[1:])
    mailed = rows.filter(mailed__at__isnull=False)
    by = [replace(first, name="mailed__at", is_nullable=True), *rest]
    known = [replace(first, name="mailed__at", is_nullable=False), *rest]
    never = rows.filter(last_mailed_at__isnull=True)

    def of_mailed(after: Sequence[Any] | None, number: int) -> list[Any]:
        return in_order(mailed, known, after, reverse=reverse, limit=number, order=_like_the_index(by, reverse=reverse))

    def of_never(after: Sequence[Any] | None, number: int) -> list[Any]:
        return in_order(never, rest, after, reverse=reverse, limit=number)

    steps = [of_never, of_mailed] if reverse else [of_mailed, of_never]
    if values is not None and (values[0] is None) != reverse:
        steps = steps[1:]
    found: list[Any] = []
    after = None if values is None else values[1:] if values[0] is None else values
    for step in steps:
        if len(found) < limit:
            found += step(after, limit - len(found))
        after = None
    return found


def _like_the_index(keys: Sequence[Key], *, reverse: bool) -> list[Any]:
    """`mailed__at` is never empty, but PostgreSQL walks the index only for an order that says the same of empty ones."""
    first = keys[0]
    down = first.is_descending != reverse
    at = F(first.name).desc(nulls_last=True) if down else F(first.name).asc(nulls_first=True)
    return [at, *(key.order(reverse=reverse) for key in keys[1:])]
