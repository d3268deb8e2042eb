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
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.segments.models import ContactList, Segment, Selects
from contacts.segments.registry import Catalogue, Choice, Field, Operator, catalogue
from crm.errors import Invalid

VERSION = 1
OPS = ("all", "any", "none")
MAX_DEPTH = 5
MAX_RULES = 100
MAX_VALUES = 300
MAX_TEXT = 200
MAX_DAYS = 36_500
MAX_TIMES = 10_000
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
            if self.rules > MAX_RULES:
                break
            read = self.node(item, place, depth)
            if read is not None:
                found.append(read)
        return Group(str(op), tuple(found), path, node.get("segment"))

    def node(self, item: Any, path: str, depth: int) -> Rule | Group | None:
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
        value, problem = _value(about, operator, item.get("value"))
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


# --- values -----------------------------------------------------------------------------------------------------
def _value(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    """The checked value, or a sentence that says what is wrong with it."""
    return {
        "nothing": _nothing,
        "choices": _choices,
        "number": _number,
        "range": _range,
        "days": _days,
        "date": _date,
        "text": _text,
        "period": _period,
        "count": _count,
        "year": _year,
        "year_number": _year_number,
        "change": _change,
    }[operator.takes](about, operator, value)


def _nothing(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    return None, "" if value is None else _("“%(operator)s” takes no value.") % {"operator": operator.label}


def _choices(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None, _("“%(field)s” takes a list of choices.") % {"field": about.label}
    if not value:
        return None, _("Choose at least one.")
    if len(value) > MAX_VALUES:
        return None, _("Choose %(most)s at most; use a list for more.") % {"most": MAX_VALUES}
    if any("\x00" in item or len(item) > MAX_TEXT for item in value):
        return None, _("One of the choices is no name of anything.")
    return list(dict.fromkeys(value)), ""


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= 10**12


def shown_number(value: float, unit: str = "") -> str:
    return f"{value:,.10g}".replace("-", "−") + (f"\u00a0{unit}" if unit else "")


def _number(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Write a number.")
    if not is_number(value):
        return None, _("“%(field)s” is compared with a number, such as 20.") % {"field": about.label}
    low, high = about.minimum, about.maximum
    shown = shown_number(value, about.unit)
    nothing_below = low is not None and (value < low or (operator.code == "below" and value == low))
    nothing_above = high is not None and (value > high or (operator.code == "above" and value == high))
    if nothing_below or nothing_above:
        if low is not None and high is not None:
            between = {"low": shown_number(low), "high": shown_number(high, about.unit)}
            words = {"field": about.label, "operator": operator.label, "value": shown, **between}
            return None, _("“%(field)s” lies between %(low)s and %(high)s: “%(operator)s %(value)s” is impossible or says nothing.") % words  # fmt: skip
        return None, _("“%(operator)s %(value)s” is impossible for “%(field)s”.") % {"operator": operator.label, "value": shown, "field": about.label}  # fmt: skip
    return value, ""


def _range(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes two numbers.") % {"operator": operator.label}
    for item in value:
        problem = _number(about, operator, item)[1]
        if problem:
            return None, problem
    if value[0] > value[1]:
        return None, _("The first number, %(low)s, is greater than the second, %(high)s: nothing lies between them.") % {"low": shown_number(value[0]), "high": shown_number(value[1])}  # fmt: skip
    return value, ""


def _days(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Write a number of days.")
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        return None, _("Write a whole number of days, from 1 to %(most)s.") % {"most": shown_number(MAX_DAYS)}
    return value, ""


def _date(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not value:
        return None, _("Write a date.")
    try:
        if not isinstance(value, str) or len(value) != 10:
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        return None, _("Write the date as year-month-day, such as 2026-03-01.")
    if not date(1900, 1, 1) <= day <= timezone.localdate():
        return None, _("%(date)s cannot be: choose a day from 1900 to today.") % {"date": value}
    return value, ""


def _period(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes two dates.") % {"operator": operator.label}
    for item in value:
        problem = _date(about, operator, item)[1]
        if problem:
            return None, problem
    if value[0] > value[1]:
        return None, _("The first date, %(low)s, is later than the second, %(high)s: no day lies between them.") % {"low": value[0], "high": value[1]}  # fmt: skip
    return value, ""


def _count(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes a number of times and a number of days.") % {"operator": operator.label}
    times, days = value
    if type(times) is not int or not 1 <= times <= MAX_TIMES:
        return None, _("Write how many times, from 1 to %(most)s.") % {"most": shown_number(MAX_TIMES)}
    problem = _days(about, operator, days)[1]
    return (None, problem) if problem else (value, "")


def _year(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Choose a year.")
    this_year = timezone.localdate().year
    if type(value) is not int or not 1900 <= value <= this_year:
        return None, _("Write a year from 1900 to %(latest)s.") % {"latest": this_year}
    return value, ""


def _year_number(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes a year and a number.") % {"operator": operator.label}
    problem = _year(about, operator, value[0])[1] or _number(about, operator, value[1])[1]
    return (None, problem) if problem else (value, "")


def _change(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    """By how much, between which years; a rise or fall of nothing says nothing."""
    if not isinstance(value, list) or len(value) != 3:
        return None, _("“%(operator)s” takes two years and a number.") % {"operator": operator.label}
    first, last, by = value
    problem = _year(about, operator, first)[1] or _year(about, operator, last)[1]
    if problem:
        return None, problem
    if first >= last:
        return None, _("The first year, %(first)s, is not before the second, %(last)s.") % {
            "first": first,
            "last": last,
        }
    if by is None:
        return None, _("Write a number.")
    widest = about.maximum - about.minimum if about.maximum is not None and about.minimum is not None else 10**12
    if not is_number(by) or not 0 < by <= widest:
        return None, _("Write by how much it changed, more than 0 and at most %(most)s.") % {
            "most": shown_number(widest)
        }
    return value, ""


def _text(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, str) or not value.strip():
        return None, _("Write the words to look for.")
    if len(value) > MAX_TEXT or "\x00" in value:
        return None, _("Write %(most)s characters at most.") % {"most": MAX_TEXT}
    return " ".join(value.split()), ""


# --- nested segments --------------------------------------------------------------------------------------------
def uids(values: list[str] | set[str]) -> list[UUID]:
    """Those of `values` that are uids."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


class Nest:
    """Segments that a tree refers to, loaded once each, and the way down to where we are: a cycle is refused."""

    def __init__(
        self, *, selects: str, fields: Catalogue | None = None, chain: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.selects = selects
        self.fields = catalogue() if fields is None else fields
        self.chain = list(chain)  # (uid, name)
        self.loaded: dict[str, Segment] = {}
        self.rules = 0

    def segment(self, uid: str) -> Segment:
        if uid not in self.loaded:
            self.loaded[uid] = Segment.objects.get(uid=uid)
        return self.loaded[uid]

    def enter(self, uid: str) -> Group:
        """The rules of segment `uid`, one level further down; `leave` when done with them."""
        segment = self.segment(uid)
        if any(step == uid for step, _name in self.chain):
            start = next(index for index, step in enumerate(self.chain) if step[0] == uid)
            names = [f"“{name}”" for _uid, name in self.chain[start:]]
            names[0] = f"“{segment.name}”"
            sentence = _("A segment cannot contain itself: %(path)s. Remove one of these rules.") % {
                "path": " → ".join([*names, f"“{segment.name}”"])
            }
            raise Invalid(sentence, code="segment_cycle", errors=[("", sentence)])
        try:
            group = parse(segment.tree, selects=self.selects, fields=self.fields)
        except Invalid as error:
            sentence = _("In the segment “%(name)s”: %(problem)s") % {"name": segment.name, "problem": error.message}
            raise Invalid(sentence, code="bad_rules", errors=[("", sentence)]) from error
        self.rules += sum(1 for _leaf in group.leaves())
        if self.rules > 10 * MAX_RULES:
            sentence = ngettext("With the segments in it, this has more than %(count)s rule.", "With the segments in it, this has more than %(count)s rules.", 10 * MAX_RULES) % {"count": 10 * MAX_RULES}  # fmt: skip
            raise Invalid(sentence, code="bad_rules", errors=[("", sentence)])
        self.chain.append((uid, segment.name))
        return group

    def leave(self) -> None:
        self.chain.pop()


def check_tree(tree: Any, *, selects: str, segment: Segment | None = None, name: str = "") -> Group:
    """Parse `tree` and follow the segments in it; Invalid for a cycle. `segment` is the one it will be saved as."""
    fields = catalogue()
    root = parse(tree, selects=selects, fields=fields)
    own = ((str(segment.uid), name or segment.name),) if segment is not None else ()
    nest = Nest(selects=selects, fields=fields, chain=own)
    for leaf in root.leaves():
        if leaf.field.code != IN_SEGMENT:
            continue
        try:
            _walk(leaf, nest)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, errors=[(leaf.path, error.message)]) from error
    return root


def _walk(leaf: Rule, nest: Nest) -> None:
    for uid in leaf.value:
        for inner in nest.enter(uid).leaves():
            if inner.field.code == IN_SEGMENT:
                _walk(inner, nest)
        nest.leave()


def inline_tree(segment: Segment) -> dict[str, Any]:
    """The segment's tree as it selects now: nested segments written out, lists with their versions.

    Two segments with the same inlined tree select the same people at the same moment; approvals hash it.
    """
    nest = Nest(selects=segment.selects, chain=((str(segment.uid), segment.name),))
    root = parse(segment.tree, selects=segment.selects, fields=nest.fields)
    written = _write(root, nest)
    listed = {uid for rule in _rules_of(written) if rule["field"] == ON_LIST for uid in rule["value"]}
    versions = {str(uid): version for uid, version in ContactList.objects.filter(uid__in=uids(listed)).values_list("uid", "version")}  # fmt: skip
    for rule in _rules_of(written):
        if rule["field"] == ON_LIST:
            rule["lists"] = {uid: versions.get(uid, 0) for uid in sorted(rule["value"])}
    return {"version": VERSION, **written}


def _rules_of(group: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for node in group["rules"]:
        if "rules" in node:
            yield from _rules_of(node)
        else:
            yield node


def dump(node: Rule | Group) -> dict[str, Any]:
    """A node as JSON again."""
    if isinstance(node, Group):
        return {"op": node.op, "rules": [dump(item) for item in node.rules]}
    written: dict[str, Any] = {"field": node.field.code, "operator": node.operator.code}
    return written if node.operator.takes == "nothing" else {**written, "value": node.value}


def _write(group: Group, nest: Nest) -> dict[str, Any]:
    rules: list[dict[str, Any]] = []
    for node in group.rules:
        if isinstance(node, Group):
            rules.append(_write(node, nest))
        elif node.field.code == IN_SEGMENT:
            inner = []
            for uid in node.value:
                written = _write(nest.enter(uid), nest)
                nest.leave()
                inner.append({**written, "segment": {"uid": uid, "version": nest.segment(uid).version}})
            rules.append({"op": "any" if node.operator.code == "any_of" else "none", "rules": inner})
        else:
            rules.append(dump(node))
    return {"op": group.op, "rules": rules}
