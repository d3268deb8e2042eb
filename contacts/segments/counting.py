"""What the builder shows of a segment: how many, after which rule, who is unknown, who can be mailed, who they are.

Each question is one query under a time limit; a query that takes longer ends with a sentence, not with an error page.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from contacts.directory.models import Constituency, Country, Person
from contacts.directory.reference import INDIVIDUAL
from contacts.segments.compiler import CompiledSegment, combine, compiler_for
from contacts.segments.registry import PEOPLE, Catalogue, Text
from contacts.segments.tree import Group
from crm.errors import Unavailable
from crm.patience import TookTooLong, statements_within

SECONDS = 5
# A side is missed when the others are there: these three meet in every tripartite table.
SIDES = ("GOV", "EMP", "WRK")


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[Any]:
    """A cursor whose statements end after `seconds`; Unavailable says so in words."""
    try:
        with statements_within(int(seconds * 1000)) as cursor:
            yield cursor
    except TookTooLong as error:
        raise Unavailable(
            _(
                "Counting took longer than %(seconds)s seconds and was stopped. Nothing was changed; use fewer rules, or try again when less is going on."
            )
            % {"seconds": seconds},  # fmt: skip
            code="too_slow",
        ) from error


def count(compiled: CompiledSegment, *, seconds: float = SECONDS) -> int:
    with limited(seconds) as cursor:
        counted = compiled.count()
        cursor.execute(counted.sql, counted.params)
        return int(cursor.fetchone()[0])


def first_page(
    compiled: CompiledSegment, *, limit: int = 50, after: tuple[str, int] | None = None, seconds: float = SECONDS
) -> list[int]:
    """The first ids in the order of lists."""
    page = compiled.page(limit, after)
    with limited(seconds) as cursor:
        cursor.execute(page.sql, page.params)
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True)
class Overlap:
    """How two segments lie to each other."""

    both: int
    only_here: int
    only_there: int


def overlap(here: CompiledSegment, there: CompiledSegment, *, seconds: float = SECONDS) -> Overlap:
    """Both are selected once and joined; their rules are not asked of each other's people."""
    sql = (
        "SELECT count(*) FILTER (WHERE a.id = b.id), count(*) FILTER (WHERE b.id IS NULL), count(*) FILTER (WHERE a.id IS NULL)"
        f" FROM ({here.sql}) a FULL JOIN ({there.sql}) b ON a.id = b.id"  # noqa: S608 made by the compiler
    )
    with limited(seconds) as cursor:
        cursor.execute(sql, here.params + there.params)
        return Overlap(*(int(number) for number in cursor.fetchone()))


# --- people left after each rule ----------------------------------------------------------------------------------
@dataclass
class Steps:
    """total, how many are left after each node (by path), and who is left out because something is not known."""

    total: int = 0
    left: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
    reasons: list[tuple[str, Text, int]] = field(default_factory=list)  # path, why, how many of them


def _partial(group: Group, names: dict[str, str], wrap: Any) -> tuple[str, dict[str, str]]:
    """The expression of a group over its rules' columns, and the one that holds after each node in it.

    wrap: what a partial expression of this group means for the whole tree.
    """
    done: list[str] = []
    after: dict[str, str] = {}
    for node in group.rules:
        if isinstance(node, Group):
            before = list(done)

            def inner_wrap(expression: str, before: list[str] = before) -> str:
                return str(wrap(combine(group.op, [*before, expression])))

            expression, inner = _partial(node, names, inner_wrap)
            after.update(inner)
        else:
            expression = names[node.path]
        done.append(expression)
        after[node.path] = wrap(combine(group.op, done))
    return combine(group.op, done), after


def steps(
    root: Group,
    *,
    selects: str = PEOPLE,
    scope_countries: Iterable[str] | None = None,
    fields: Catalogue | None = None,
    seconds: float = SECONDS,
) -> Steps:
    """One pass over the directory: each rule is answered once per person, and everything is counted from the answers."""
    compiler = compiler_for(selects, fields)
    leaves = list(root.leaves())
    names = {leaf.path: f"r{index}" for index, leaf in enumerate(leaves)}
    columns = ", ".join(f"{compiler.truth(leaf)} AS {names[leaf.path]}" for leaf in leaves)
    answers = compiler.query(columns, compiler.scope(scope_countries))
    whole, after = _partial(root, names, lambda expression: expression)
    unsure = [leaf for leaf in leaves if leaf.field.unknown or leaf.field.code == "in_segment"]
    wanted = [f"count(*) FILTER (WHERE {whole})", f"count(*) FILTER (WHERE {whole} IS NULL)"]
    wanted += [f"count(*) FILTER (WHERE {expression})" for expression in after.values()]
    wanted += [f"count(*) FILTER (WHERE {whole} IS NULL AND {names[leaf.path]} IS NULL)" for leaf in unsure]
    # OFFSET 0 keeps the answers apart from the counting: each rule is evaluated once
    sql = f"SELECT {', '.join(wanted)} FROM ({answers.sql} OFFSET 0) answers"
    with limited(seconds) as cursor:
        cursor.execute(sql, answers.params)
        row = [int(value) for value in cursor.fetchone()]
    found = Steps(total=row[0], unknown=row[1], left=dict(zip(after, row[2 : 2 + len(after)], strict=True)))
    for leaf, number in zip(unsure, row[2 + len(after) :], strict=True):
        if number:
            found.reasons.append((leaf.path, leaf.field.unknown or _("it is not known in the segment"), number))
    return found


def unknown_count(root: Group, **how: Any) -> int:
    return steps(root, **how).unknown


# --- who they are -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Share:
    code: str
    label: str
    count: int
    kind: str = ""


@dataclass
class Makeup:
    count: int = 0
    organizations: int = 0
    countries: int = 0
    seconds: float = 0.0
    constituencies: list[Share] = field(default_factory=list)
    places: list[Share] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mailable: int = 0
    no_address: int = 0
    no_permission: int = 0

    @property
    def top_places(self) -> list[Share]:
        return self.places[:6]


def _usable(selects: str, subject: str) -> str:
    owner = "person_id" if selects == PEOPLE else "organization_id"
    return (
        f"EXISTS (SELECT 1 FROM contacts_contactpoint a WHERE a.{owner} = {subject} AND a.kind = 'email' AND a.status = 'active'"
        " AND NOT EXISTS (SELECT 1 FROM contacts_suppression x WHERE x.address_hash = a.address_hash))"
    )


def makeup(
    root: Group,
    *,
    selects: str = PEOPLE,
    topic_id: int | None = None,
    scope_countries: Iterable[str] | None = None,
    fields: Catalogue | None = None,
    seconds: float = SECONDS,
) -> Makeup:
    """Who a segment selects: by constituency and country, and who of them can be mailed (on one topic, or on any).

    An address is usable when it is active and not suppressed; whoever has none is counted as that first, as in pre-flight.
    """
    started = time.perf_counter()
    compiler = compiler_for(selects, fields)
    condition = compiler.select(root)
    organization = f"{compiler.join('m')}.organization_id" if selects == PEOPLE else "o.id"
    o = compiler.join("o")
    columns = (
        f"{compiler.id} AS id, {compiler.uid} AS uid, {organization} AS organization_id,"
        f" {compiler.country} AS country, {o}.constituency_id AS constituency_id"
    )
    picked = compiler.query(columns, [*compiler.scope(scope_countries), condition])
    sql, params = _makeup_sql(picked, selects, topic_id)
    with limited(seconds) as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    return _read(rows, time.perf_counter() - started)


def _makeup_sql(picked: CompiledSegment, selects: str, topic_id: int | None) -> tuple[str, tuple[Any, ...]]:
    kind = "person" if selects == PEOPLE else "organization"
    topic = " AND s.topic_id = %s" if topic_id is not None else ""
    sql = f"""
    SELECT coalesce(c.root_code, ''), reach.country, grouping(c.root_code), grouping(reach.country), count(*),
           count(DISTINCT organization_id), count(*) FILTER (WHERE has_address AND permitted),
           count(*) FILTER (WHERE NOT has_address), count(*) FILTER (WHERE has_address AND NOT permitted)
      FROM (SELECT picked.*, {_usable(selects, "picked.id")} AS has_address,
                   EXISTS (SELECT 1 FROM contacts_consentstate s WHERE s.subject_uid = picked.uid AND s.subject_kind = '{kind}'
                           AND s.channel = 'email' AND s.is_granted{topic}) AS permitted
              FROM ({picked.sql}) picked) reach
      LEFT JOIN contacts_constituency c ON c.id = reach.constituency_id
     GROUP BY GROUPING SETS ((), (c.root_code), (reach.country))"""
    # the topic's placeholder stands before those of the segment
    return sql, ((topic_id,) if topic_id is not None else ()) + picked.params


def _read(rows: list[Any], seconds: float) -> Makeup:
    made = Makeup(seconds=seconds)
    by_code: dict[str, int] = {}
    by_country: dict[str | None, int] = {}
    for code, country, no_code, no_country, number, organizations, mailable, no_address, no_permission in rows:
        if no_code and no_country:
            made.count, made.organizations = number, organizations
            made.mailable, made.no_address, made.no_permission = mailable, no_address, no_permission
        elif no_country:
            by_code[code or INDIVIDUAL] = by_code.get(code or INDIVIDUAL, 0) + number
        else:
            by_country[country] = number
    constituencies = {row.code: row for row in Constituency.objects.filter(parent__isnull=True).order_by("position")}
    made.constituencies = sorted(
        (Share(code, constituencies[code].label if code in constituencies else code, n, code.lower()) for code, n in by_code.items()),
        key=lambda share: -share.count,
    )  # fmt: skip
    names = {row.code: row.label for row in Country.objects.filter(code__in=[c for c in by_country if c])}
    made.places = sorted(
        (Share(code, names.get(code, code), n) for code, n in by_country.items() if code),
        key=lambda share: -share.count,
    )
    made.countries = len(made.places)
    there = [side for side in SIDES if by_code.get(side)]
    if there and made.count:
        made.missing = [side for side in SIDES if not by_code.get(side) and side != "GOV"]
    return made


# --- ten of them ----------------------------------------------------------------------------------------------------
def examples(compiled: CompiledSegment, *, limit: int = 10, seconds: float = SECONDS) -> list[Any]:
    """The first people (or organizations), with what a row of the builder shows."""
    ids = first_page(compiled, limit=limit, seconds=seconds)
    return rows_of(ids, compiled.selects)


def rows_of(ids: list[int], selects: str) -> list[Any]:
    from contacts.directory.models import Membership, Organization

    if selects != PEOPLE:
        found: dict[int, Any] = Organization.objects.select_related("country", "constituency").in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]
    people = Person.objects.select_related("country").in_bulk(ids)
    current = Membership.objects.current().primary().filter(person_id__in=ids)
    seats = {row.person_id: row for row in current.select_related("organization__constituency", "post")}
    rows = [people[pk] for pk in ids if pk in people]
    for person in rows:
        person.seat = seats.get(person.pk)  # type: ignore[attr-defined]
    return rows
