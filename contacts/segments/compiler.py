"""From a rule tree to one SQL query, as fast as one written by hand.

The query is `SELECT p.id FROM contacts_person p … WHERE …` (organizations: `o`), with each join made once, whoever asks;
rules at the top stand as plain ANDs, so that EXISTS becomes a semi-join and NOT EXISTS an anti-join. Values are always
parameters. A rule is TRUE, FALSE or NULL (unknown); only TRUE selects. Two ways to write a condition:

- *select*: what `WHERE` needs. Negations are pushed down to the rules (De Morgan holds for three values too).
- *truth*: an expression with its NULL, for counting who is left out because something is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from contacts.directory.queries import WIDE_REACH
from contacts.segments.models import Selects
from contacts.segments.nesting import Nest
from contacts.segments.registry import PEOPLE, Catalogue, Seated, Split, catalogue
from contacts.segments.tree import IN_SEGMENT, Group, Rule, parse
from crm.errors import Invalid

_NAMED = re.compile(r"%\((\w+)\)s")
_JOINS = {
    # One row at most, by the unique index membership_one_primary.
    "m": "LEFT JOIN contacts_membership m ON m.person_id = p.id AND m.is_primary AND m.ended_on IS NULL",
    "o": "LEFT JOIN contacts_organization o ON o.id = m.organization_id",
    "po": "LEFT JOIN contacts_post po ON po.id = m.post_id",
}
# The same people from their seats: who is archived or erased stands in a small index, everybody else is not read.
_SEATS = """SELECT m.person_id
  FROM contacts_membership m"""
_SEATED = """m.is_primary AND m.ended_on IS NULL
   AND NOT EXISTS (SELECT 1 FROM contacts_person gone
                    WHERE gone.id = m.person_id AND (gone.archived_at IS NOT NULL OR gone.erased_at IS NOT NULL))"""
_ID_OF_PERSON = re.compile(r"\bp\.id\b")
_OF_PERSON = re.compile(r"\bp\.(?!id\b)")
_ACTIVE = {PEOPLE: "p.archived_at IS NULL AND p.erased_at IS NULL", "organizations": "o.archived_at IS NULL"}


@dataclass(frozen=True)
class CompiledSegment:
    """`sql` with `%s` placeholders and their values in that order: it can stand anywhere in a larger query."""

    sql: str
    params: tuple[Any, ...]
    selects: str = PEOPLE
    seats: CompiledSegment | None = None  # the same ids, read from memberships alone

    @property
    def alias(self) -> str:
        return "p" if self.selects == PEOPLE else "o"

    def count(self) -> CompiledSegment:
        """How many it selects, in one row."""
        found = self.seats or self
        return CompiledSegment(f"SELECT count(*) FROM ({found.sql}) found", found.params, self.selects)  # noqa: S608 made here

    def page(self, limit: int, after: tuple[str, int] | None = None) -> CompiledSegment:
        """The first `limit` ids in the order of lists, or those behind (sort_key, id)."""
        params: tuple[Any, ...] = self.params
        sql, alias = self.sql, self.alias
        if after is not None:
            sql += f"\n   AND ({alias}.sort_key, {alias}.id) > (%s, %s)"
            params += after
        return CompiledSegment(
            f"{sql}\n ORDER BY {alias}.sort_key, {alias}.id\n LIMIT %s", (*params, limit), self.selects
        )


@dataclass
class Compiler:
    """One query in the making; the `Context` of the fields' SQL."""

    selects: str
    fields: Catalogue
    nest: Nest
    joins: list[str] = field(default_factory=list)
    ctes: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    rule: Rule | None = None

    def __post_init__(self) -> None:
        self.alias = "p" if self.selects == PEOPLE else "o"
        self.id, self.uid = f"{self.alias}.id", f"{self.alias}.uid"
        self.country, self.language = f"{self.alias}.country_id", f"{self.alias}.language"

    # --- what fields ask for
    def param(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def join(self, alias: str) -> str:
        if self.selects != PEOPLE:
            if alias != "o":
                raise ValueError(f"There is no {alias} for organizations.")
            return alias
        if alias != "m":
            self.join("m")
        if alias not in self.joins:
            self.joins.append(alias)
        return alias

    def cte(self, name: str, sql: str) -> str:
        """A table of countries, joined by the subject's country."""
        self.ctes[name] = sql
        return name

    def keys(self) -> list[Any]:
        return [choice.key for choice in self.rule.chosen] if self.rule else []

    # --- conditions
    def select(self, node: Group | Rule, negated: bool = False) -> str:
        """Where `node` is TRUE (negated: where it is FALSE)."""
        if isinstance(node, Rule) and node.field.code == IN_SEGMENT:
            return self._nested(node, truth=False, negated=negated)
        if isinstance(node, Rule):
            found = self._sql(node)
            if isinstance(found, Split):
                return f"NOT ({found.yes}) AND NOT ({found.unknown})" if negated else found.yes
            return f"NOT ({found})" if negated else found
        return self._joined(
            [self.select(item, negated != (node.op == "none")) for item in node.rules], node.op, negated
        )

    def truth(self, node: Group | Rule) -> str:
        """`node` as TRUE, FALSE or NULL."""
        if isinstance(node, Rule) and node.field.code == IN_SEGMENT:
            return self._nested(node, truth=True)
        if isinstance(node, Rule):
            found = self._sql(node)
            if isinstance(found, Split):
                return f"(CASE WHEN {found.yes} THEN true WHEN {found.unknown} THEN NULL ELSE false END)"
            return f"({found})"
        return combine(node.op, [self.truth(item) for item in node.rules])

    def _joined(self, parts: list[str], op: str, negated: bool) -> str:
        together = (op != "any") != negated
        seated = (isinstance(part, Seated) for part in parts)
        is_seated = any(seated) if together else all(seated)
        if together:
            joined = " AND ".join(f"({part})" if " OR " in part else part for part in parts)
        else:
            joined = "(" + " OR ".join(f"({part})" if " AND " in part else part for part in parts) + ")"
        return Seated(joined) if is_seated else joined

    def _sql(self, rule: Rule) -> str | Split:
        self.rule = rule
        return rule.field.sql(self, rule.operator.code, rule.value)

    def _nested(self, rule: Rule, *, truth: bool, negated: bool = False) -> str:
        """The segments' own rules in place: in one of them, or in none."""
        op = "any" if rule.operator.code == "any_of" else "none"
        parts = []
        for uid in rule.value:
            inner = self.nest.enter(uid)
            parts.append(self.truth(inner) if truth else self.select(inner, negated != (op == "none")))
            self.nest.leave()
        return combine(op, parts) if truth else self._joined(parts, op, negated)

    # --- the query
    def query(self, columns: str, conditions: Iterable[str], *, only_active: bool = True) -> CompiledSegment:
        """`SELECT columns` from the active people or organizations that meet all `conditions`."""
        table = "contacts_person p" if self.selects == PEOPLE else "contacts_organization o"
        ctes = [f"{name} AS ({sql})" for name, sql in self.ctes.items()]
        lines = ["WITH " + ",\n     ".join(ctes)] if ctes else []
        lines += [f"SELECT {columns}", f"  FROM {table}"]
        lines += [f"  {_JOINS[alias]}" for alias in ("m", "o", "po") if alias in self.joins]
        lines += [f"  LEFT JOIN {name} ON {name}.country_id = {self.country}" for name in self.ctes]
        where = [*([_ACTIVE[self.selects]] if only_active else []), *conditions]
        lines.append(" WHERE " + "\n   AND ".join(where))
        return self.bind("\n".join(lines))

    def found(self, condition: str, scope: list[str]) -> CompiledSegment:
        """Whom `condition` selects, also from their seats where it asks nothing that only their own rows say."""
        found = self.query(self.id, [*scope, condition])
        if scope or self.ctes or not isinstance(condition, Seated) or _OF_PERSON.search(condition):
            return found
        joins = [f"  {_JOINS[alias]}" for alias in ("o", "po") if alias in self.joins]
        where = f" WHERE {_SEATED}\n   AND {_ID_OF_PERSON.sub('m.person_id', condition)}"
        return replace(found, seats=self.bind("\n".join([_SEATS, *joins, where])))

    def bind(self, sql: str) -> CompiledSegment:
        """Named placeholders to positional ones, in the order in which they stand."""
        names = _NAMED.findall(sql)
        return CompiledSegment(_NAMED.sub("%s", sql), tuple(self.values[name] for name in names), self.selects)

    def scope(self, countries: Iterable[str] | None) -> list[str]:
        """The same rows as `visible_to`: of these countries, or of an institution that is or works in one."""
        if countries is None:
            return []
        codes = sorted(set(countries))
        given = f"{self.param(codes)}::varchar[]"
        if self.selects != PEOPLE:
            return [f"(o.country_id = ANY ({given}) OR o.countries_of_work && {given})"]
        # as in PersonQuerySet.visible_to: nearly everybody is of their institution's country, the others stand in a table
        others = f"SELECT person_id FROM contacts_seenalsoin WHERE country = ANY ({given})"
        if len(codes) > WIDE_REACH:
            return [f"(p.country_id = ANY ({given}) OR p.id IN ({others}))"]
        return [f"(p.country_id = ANY ({given}) OR p.id = ANY (ARRAY({others})))"]


def combine(op: str, parts: list[str]) -> str:
    """Expressions of three values, joined as `op` says."""
    if not parts:
        return "true"
    joined = (" AND " if op == "all" else " OR ").join(parts)
    return f"(NOT ({joined}))" if op == "none" else f"({joined})"


def compiler_for(selects: str, fields: Catalogue | None = None) -> Compiler:
    if selects not in Selects.values:
        raise Invalid(_("A segment selects people or organizations."), code="bad_rules", errors=[("", "")])
    known = catalogue() if fields is None else fields
    return Compiler(selects=selects, fields=known, nest=Nest(selects=selects, fields=known))


def compile_tree(tree: Any, selects: str = PEOPLE, scope_countries: Iterable[str] | None = None) -> CompiledSegment:
    """One query that selects the ids of whom `tree` means now, among active people (or organizations).

    scope_countries: ISO codes that the asking user, or the mailing, is limited to; None for everywhere.
    Raises Invalid (with `errors`) when the tree cannot be used: an unknown field, a thing that is gone, a cycle.
    """
    compiler = compiler_for(selects)
    root = parse(tree, selects=selects, fields=compiler.fields)
    condition = compiler.select(root)
    return compiler.found(condition, compiler.scope(scope_countries))


def compile_segment(segment: Any, scope_countries: Iterable[str] | None = None) -> CompiledSegment:
    """`compile_tree` of a saved segment; a segment within itself is refused by name."""
    compiler = compiler_for(segment.selects)
    compiler.nest.chain.append((str(segment.uid), segment.name))
    root = parse(segment.tree, selects=segment.selects, fields=compiler.fields)
    condition = compiler.select(root)
    return compiler.found(condition, compiler.scope(scope_countries))
