"""The rule tree: JSON in, checked nodes out, and what is wrong with it in plain sentences.

    {"version": 1, "op": "all", "rules": [
        {"field": "constituency", "operator": "any_of", "value": ["WRK", "CSO"]},
        {"op": "any", "rules": [{"field": "language", "operator": "any_of", "value": ["fr"]}, …]}]}

`op` is all, any or none. A node's path is its place: "0.1" is the second rule of the group that comes first; the
root's is "". `inline_tree` also writes `segment` on a group that stood for a nested segment and `lists` (uid → version)
on a rule about lists; `parse` lets both pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from contacts.segments.models import Selects
from contacts.segments.registry import Catalogue, Choice, Field, Operator, catalogue
from contacts.segments.values import checked_value
from crm.errors import Invalid

VERSION = 1
OPS = ("all", "any", "none")
MAX_DEPTH = 5
MAX_RULES = 100
MAX_NODES = 5 * MAX_RULES  # rules, groups and what is neither
MAX_JSON = 200_000
IN_SEGMENT, ON_LIST = "in_segment", "on_list"
ROOT_KEYS = {"version", "op", "rules"}

Errors = list[tuple[str, str]]


@dataclass(frozen=True)
class Rule:
    field: Field
    operator: Operator
    value: Any
    path: str
    chosen: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Group:
    op: str
    rules: tuple[Rule | Group, ...]
    path: str
    segment: Mapping[str, Any] | None = field(default=None, compare=False)

    def leaves(self) -> Iterator[Rule]:
        for node in self.rules:
            if isinstance(node, Group):
                yield from node.leaves()
            else:
                yield node


class Known:
    """Choices looked up so far, for reading many trees (a list of segments) with one query for each kind of thing."""

    def __init__(self, selects: str) -> None:
        self.selects = selects
        self._found: dict[int, dict[str, Choice | None]] = {}

    def get(self, source: Any, values: Iterable[str]) -> dict[str, Choice]:
        found = self._found.setdefault(id(source), {})
        missing = {value for value in values if value not in found}
        if missing:
            found.update(dict.fromkeys(missing))
            found.update(source.get(missing, self.selects))
        return {value: choice for value in values if (choice := found[value]) is not None}

    def prefetch(self, trees: Iterable[Any], fields: Catalogue) -> None:
        wanted: dict[int, tuple[Any, set[str]]] = {}
        for tree in trees:
            for rule in _loose_rules(tree):
                about = fields.get(str(rule.get("field")))
                value = rule.get("value")
                if about is not None and about.choices is not None and isinstance(value, list):
                    texts = {item for item in value if isinstance(item, str) and "\x00" not in item}
                    wanted.setdefault(id(about.choices), (about.choices, set()))[1].update(texts)
        for source, values in wanted.values():
            self.get(source, values)


def _loose_rules(node: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Whatever looks like a rule in something that was not checked yet."""
    if not isinstance(node, dict) or depth > 2 * MAX_DEPTH:
        return
    if isinstance(node.get("rules"), list):
        for item in node["rules"]:
            yield from _loose_rules(item, depth + 1)
    else:
        yield node


def parse(tree: Any, *, selects: str, fields: Catalogue | None = None, known: Known | None = None) -> Group:
    """Check `tree` and give it as nodes; raises Invalid with `data["errors"]`, (path, sentence) pairs, all at once."""
    reader = _Reader(selects, catalogue() if fields is None else fields, known or Known(selects))
    root = reader.root(tree)
    if reader.errors or root is None:
        first = reader.errors[0][1]
        raise Invalid(first, code="bad_rules", errors=reader.errors)
    return root


def read_json(text: str, *, selects: str) -> dict[str, Any]:
    """A tree that somebody typed as text; Invalid when it is not JSON or not a tree."""
    if len(text) > MAX_JSON:
        raise Invalid(_("This text is too long for a segment's rules."), code="bad_rules", errors=[("", "")])
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = _(" (line %(line)s)") % {"line": error.lineno} if isinstance(error, json.JSONDecodeError) else ""
        message = _("This is not JSON%(where)s. Nothing was changed.") % {"where": where}
        raise Invalid(message, code="bad_rules", errors=[("", message)]) from error
    parse(tree, selects=selects)
    return dict(tree)


class _Reader:
    """One reading of one tree. It goes on after a mistake, so that all are told."""

    def __init__(self, selects: str, fields: Catalogue, known: Known) -> None:
        self.selects, self.fields, self.known = selects, fields, known
        self.errors: Errors = []
        self.rules = 0
        self.nodes = 0

    def wrong(self, path: str, sentence: str) -> None:
        self.errors.append((path, sentence))

    def root(self, tree: Any) -> Group | None:
        if not isinstance(tree, dict):
            self.wrong("", _("The rules must be an object with “version”, “op” and “rules”."))
            return None
        if type(tree.get("version")) is not int or tree["version"] != VERSION:
            self.wrong("", _("“version” must be %(version)s; this program knows no other.") % {"version": VERSION})
        group = self.group(tree, "", 1, ROOT_KEYS)
        if not self.errors and group is not None:
            group = self.choose(group)
        return group

    def group(self, node: dict[str, Any], path: str, depth: int, keys: set[str]) -> Group | None:
        if not self.known_keys(node, keys, path):
            return None
        op, rules = node.get("op"), node.get("rules")
        if op not in OPS:
            self.wrong(path, _("A group is “all”, “any” or “none” of its rules."))
        if not isinstance(rules, list):
            self.wrong(path, _("“rules” must be a list."))
            return None
        if depth > MAX_DEPTH:
            self.wrong(path, _("Groups go %(depth)s deep at most. Save the inner one as a segment of its own and use *in segment*.") % {"depth": MAX_DEPTH})  # fmt: skip
            return None
        if not rules:
            self.wrong(path, _("Add a first rule.") if depth == 1 else _("This group is empty: add a rule, or remove the group."))  # fmt: skip
        found: list[Rule | Group] = []
        for index, item in enumerate(rules):
            place = f"{path}.{index}" if path else str(index)
            if self.rules > MAX_RULES or self.nodes > MAX_NODES:
                break
            read = self.node(item, place, depth)
            if read is not None:
                found.append(read)
        return Group(str(op), tuple(found), path, node.get("segment"))

    def node(self, item: Any, path: str, depth: int) -> Rule | Group | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:  # a mistake in each of a million would be a million sentences
            self.wrong(path, _("A segment has %(most)s rules and groups at most.") % {"most": MAX_NODES})
            return None
        if not isinstance(item, dict):
            self.wrong(path, _("A rule must be an object with “field”, “operator” and “value”."))
            return None
        if "op" in item or "rules" in item:
            return self.group(item, path, depth + 1, {"op", "rules", "segment"})
        self.rules += 1
        if self.rules > MAX_RULES:
            self.wrong(path, _("A segment has %(most)s rules at most.") % {"most": MAX_RULES})
            return None
        return self.rule(item, path)

    def known_keys(self, node: dict[str, Any], keys: set[str], path: str) -> bool:
        strange = sorted(str(key) for key in node if key not in keys)
        if strange:
            self.wrong(path, _("“%(key)s” means nothing here.") % {"key": strange[0][:60]})
        return not strange

    def rule(self, item: dict[str, Any], path: str) -> Rule | None:
        if not self.known_keys(item, {"field", "operator", "value", "lists"}, path):
            return None
        code, operator_code = item.get("field"), item.get("operator")
        about = self.fields.get(code) if isinstance(code, str) else None
        if about is None:
            self.wrong(path, _("There is no field “%(field)s”. Choose another.") % {"field": str(code)[:60]} if code else _("Choose what this rule is about."))  # fmt: skip
            return None
        if self.selects not in about.selects:
            self.wrong(path, _("“%(field)s” cannot be asked of %(things)s.") % {"field": about.label, "things": Selects(self.selects).label})  # fmt: skip
            return None
        operator = about.operator(operator_code) if isinstance(operator_code, str) else None
        if operator is None:
            able = ", ".join(f"“{o.label}”" for o in about.operators)
            self.wrong(path, _("“%(field)s” can be compared with: %(able)s.") % {"field": about.label, "able": able})
            return None
        value, problem = checked_value(about, operator, item.get("value"))
        if problem:
            self.wrong(path, problem)
            return None
        return Rule(about, operator, value, path)

    def choose(self, root: Group) -> Group:
        """Look up what was chosen, one query for each kind of thing, and put it on the rules."""
        wanted: dict[int, tuple[Any, set[str]]] = {}
        for leaf in root.leaves():
            if leaf.operator.takes == "choices":
                source = leaf.field.choices
                wanted.setdefault(id(source), (source, set()))[1].update(leaf.value)
        found = {key: self.known.get(source, values) for key, (source, values) in wanted.items()}
        return self._with_choices(root, found)

    def _with_choices(self, group: Group, found: dict[int, dict[str, Choice]]) -> Group:
        nodes: list[Rule | Group] = []
        for node in group.rules:
            if isinstance(node, Group):
                nodes.append(self._with_choices(node, found))
                continue
            there = found.get(id(node.field.choices), {}) if node.operator.takes == "choices" else {}
            gone = [value for value in node.value if value not in there] if node.operator.takes == "choices" else []
            if gone:
                self.wrong(node.path, _("“%(value)s” is not, or no longer, a choice for “%(field)s”. Remove it or choose another.") % {"value": gone[0][:60], "field": node.field.label})  # fmt: skip
            chosen = tuple(there[value] for value in node.value if value in there) if there else ()
            nodes.append(Rule(node.field, node.operator, node.value, node.path, chosen))
        return Group(group.op, tuple(nodes), group.path, group.segment)


def dump(node: Rule | Group) -> dict[str, Any]:
    """A node as JSON again."""
    if isinstance(node, Group):
        return {"op": node.op, "rules": [dump(item) for item in node.rules]}
    written: dict[str, Any] = {"field": node.field.code, "operator": node.operator.code}
    return written if node.operator.takes == "nothing" else {**written, "value": node.value}


def uids(values: list[str] | set[str]) -> list[UUID]:
    """Those of `values` that are uids."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
