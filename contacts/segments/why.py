"""Why somebody is in a segment or out of it: the tree with each rule answered for one person, and the value that decided it.

The answers are the compiler's own truth of each rule, in one query for one id; nothing is decided here a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from contacts.segments.compiler import Compiler, combine, compiler_for
from contacts.segments.counting import limited
from contacts.segments.evidence import shown
from contacts.segments.models import Segment
from contacts.segments.registry import PEOPLE, catalogue
from contacts.segments.sentence import clause
from contacts.segments.tree import IN_SEGMENT, Group, Rule, parse
from crm.errors import Invalid

JSONB = 3802  # PostgreSQL's number of the type
MOST_VALUES = 400  # a query has 1,664 columns at most; of so long a tree the answers are enough


@dataclass
class Reason:
    """One rule or group as answered for one person. answer: True, False, or None for unknown."""

    words: SafeString
    answer: bool | None = None
    value: str = ""
    unknown: str = ""  # why it may be unknown
    children: list[Reason] = field(default_factory=list)
    is_segment: bool = False
    column: str = ""
    value_column: str = ""
    rule: Rule | None = None

    @property
    def mark(self) -> str:
        return {True: "yes", False: "no", None: "unknown"}[self.answer]


@dataclass(frozen=True)
class Why:
    answer: bool | None
    reasons: list[Reason]
    is_active: bool = True

    @property
    def is_in(self) -> bool:
        return self.answer is True and self.is_active


class _Asker:
    """Collects a column for each rule, its value beside it, and an expression over them for each group."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.columns: list[str] = []
        self.outer: list[str] = []
        self.names: dict[str, int] = {}
        self.rules = 0

    def _outer(self, expression: str, name: str) -> str:
        self.names[name] = len(self.outer)
        self.outer.append(f"{expression} AS {name}")
        return name

    def ask(self, node: Group | Rule) -> tuple[Reason, str]:
        """The reason still without its answer, and the expression of its truth."""
        if isinstance(node, Group):
            return self.group(node, _ops()[node.op])
        if node.field.code == IN_SEGMENT:
            return self.nested(node)
        number, self.rules = self.rules, self.rules + 1
        self.columns.append(f"{self.compiler.truth(node)} AS r{number}")
        reason = Reason(mark_safe(clause(node, self.compiler.selects)), unknown=str(node.field.unknown), rule=node)  # noqa: S308 escaped by clause()
        reason.column = self._outer(f"r{number}", f"t{number}")
        if node.field.evidence is not None and number < MOST_VALUES:
            self.compiler.rule = node
            found = node.field.evidence(self.compiler, node.operator.code, node.value)
            self.columns.append(f"{found} AS e{number}")
            reason.value_column = self._outer(f"e{number}", f"v{number}")
        return reason, f"r{number}"

    def group(self, node: Group, words: str) -> tuple[Reason, str]:
        parts = [self.ask(item) for item in node.rules]
        truth = combine(node.op, [expression for _reason, expression in parts])
        reason = Reason(SafeString(words), children=[reason for reason, _expression in parts])
        reason.column = self._outer(truth, f"g{len(self.outer)}")
        return reason, truth

    def nested(self, rule: Rule) -> tuple[Reason, str]:
        """In one of the segments, or in none: their own rules stand below the rule."""
        op = "any" if rule.operator.code == "any_of" else "none"
        parts = []
        for choice in rule.chosen:
            group = self.compiler.nest.enter(choice.value)
            inner, truth = self.group(group, choice.label)
            self.compiler.nest.leave()
            inner.is_segment = True
            parts.append((inner, truth))
        truth = combine(op, [expression for _reason, expression in parts])
        words = mark_safe(clause(rule, self.compiler.selects))  # noqa: S308 escaped by clause()
        reason = Reason(words, children=[inner for inner, _expression in parts], is_segment=True)
        reason.column = self._outer(truth, f"g{len(self.outer)}")
        return reason, truth


def _ops() -> dict[str, str]:
    return {"all": _("All of these"), "any": _("Any of these"), "none": _("None of these")}


def explain(segment: Segment, row: Any) -> Why:
    """Why `row` (a person or an organization) is in the segment or not. Invalid when its rules cannot be used."""
    compiler = compiler_for(segment.selects)
    compiler.nest.chain.append((str(segment.uid), segment.name))
    root = parse(segment.tree, selects=segment.selects, fields=compiler.fields)
    asker = _Asker(compiler)
    reason, _truth = asker.ask(root)
    found = _ask_one(compiler, asker.columns, asker.outer, row.pk)
    _answer(reason, found, asker.names)
    return Why(reason.answer, [reason], is_active=_is_active(row))


def _is_active(row: Any) -> bool:
    return row.archived_at is None and getattr(row, "erased_at", None) is None


def _ask_one(compiler: Compiler, columns: list[str], outer: list[str], pk: int) -> list[Any]:
    subject = f"{compiler.id} = {compiler.param(pk)}"
    answers = compiler.query(", ".join(columns), [subject], only_active=False)
    sql = f"SELECT {', '.join(outer)} FROM ({answers.sql} OFFSET 0) answers"  # noqa: S608 made by the compiler
    with limited() as cursor:
        cursor.execute(sql, answers.params)
        kinds = [column.type_code for column in cursor.description]
        row = cursor.fetchone() or []
    # Django leaves JSON as text on cursors of its own
    return [
        json.loads(value) if kind == JSONB and value is not None else value
        for kind, value in zip(kinds, row, strict=True)
    ]


def _answer(reason: Reason, found: list[Any], names: dict[str, int]) -> None:
    reason.answer = found[names[reason.column]]
    if reason.rule is not None and reason.value_column:
        reason.value = shown(reason.rule, found[names[reason.value_column]])
    for child in reason.children:
        _answer(child, found, names)


# --- all segments of one person -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standing:
    segment: Segment
    answer: bool | None


def standings(row: Any, segments: Iterable[Segment], *, selects: str = PEOPLE) -> list[Standing]:
    """Each segment's answer for `row`, from one query over all of them, and one for each kind of thing that their rules name.

    Those whose rules cannot be used are left out.
    """
    fields, segments = catalogue(), list(segments)
    compiler = compiler_for(selects, fields)
    compiler.nest.loaded = {str(segment.uid): segment for segment in segments}
    known = compiler.nest.known
    known.prefetch((segment.tree for segment in segments), fields)
    columns: list[str] = []
    asked: list[Segment] = []
    for segment in segments:
        try:
            root = parse(segment.tree, selects=selects, fields=fields, known=known)
            compiler.nest.chain.append((str(segment.uid), segment.name))
            compiler.nest.rules = 0
            truth = compiler.truth(root)
        except Invalid:
            continue
        finally:
            compiler.nest.chain.clear()
        columns.append(f"{truth} AS s{len(asked)}")
        asked.append(segment)
    if not asked:
        return []
    found = _ask_one(compiler, columns, [f"s{number}" for number in range(len(asked))], row.pk)
    return [Standing(segment, answer) for segment, answer in zip(asked, found, strict=True)]
