"""The builder's form: fields named by the place of their node, to a tree and back, and what its buttons do to the tree.

A draft has the shape of a tree but may be unfinished. Names: `op-<path>` for a group, `field-`, `operator-`, `value-<path>` for a
rule; the root's path is "r", its rules are "0", "1", …, theirs "0.0". `node` lists all paths in order.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from django.http import QueryDict

from contacts.segments.registry import PARTS, Catalogue, Field, Operator
from contacts.segments.tree import MAX_DEPTH, MAX_RULES, OPS, VERSION

ROOT = "r"
Node = dict[str, Any]
DEFAULTS: dict[str, Any] = {"days": 90, "count": [2, 90]}
CHANGE_YEARS = 5  # how far back "rose" and "fell" begin


def empty() -> Node:
    return {"version": VERSION, "op": "all", "rules": []}


def node_at(tree: Node, path: str) -> Node | None:
    """The node at `path`, or None when there is none."""
    node = tree
    for step in [] if path in ("", ROOT) else path.split("."):
        rules, index = node.get("rules"), _index(step)
        if not isinstance(rules, list) or index is None or index >= len(rules):
            return None
        node = rules[index]
    return node


def _index(step: str) -> int | None:
    """A place as this page writes it; "²" is a digit too, and no number."""
    return int(step) if step.isascii() and step.isdigit() and len(step) <= 4 else None


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every node under `node` with its path, in order; not the root itself."""
    for index, item in enumerate(node.get("rules", [])):
        place = f"{path}.{index}" if path else str(index)
        yield place, item
        if "rules" in item:
            yield from walk(item, place)


# --- from the form ------------------------------------------------------------------------------------------------
def read(post: QueryDict, fields: Catalogue) -> Node:
    """The tree that the form shows now. What makes no sense is dropped; what is merely unfinished is kept."""
    tree = {"version": VERSION, "op": _op(post.get(f"op-{ROOT}", "")), "rules": []}
    for path in post.getlist("node")[: MAX_RULES * 3]:
        parent_path, _dot, _index = path.rpartition(".")
        parent = node_at(tree, parent_path)
        if parent is None or "rules" not in parent or path.count(".") > MAX_DEPTH:
            continue
        if f"op-{path}" in post:
            parent["rules"].append({"op": _op(post.get(f"op-{path}", "")), "rules": []})
        else:
            parent["rules"].append(_rule(post, path, fields))
    return tree


def _clean(text: Any) -> str:
    """PostgreSQL takes no NUL, and no choice or word has one."""
    return str(text).replace("\x00", "")


def _op(value: str) -> str:
    return value if value in OPS else "all"


def _rule(post: QueryDict, path: str, fields: Catalogue) -> Node:
    code, operator_code = _clean(post.get(f"field-{path}", "")), _clean(post.get(f"operator-{path}", ""))
    rule: Node = {"field": code, "operator": operator_code}
    field = fields.get(code)
    if field is None:
        return rule
    before = fields.get(post.get(f"was-{path}", ""))
    operator = field.operator(operator_code)
    same = before is not None and before.code == field.code
    if operator is None or not same:
        operator = (
            operator if operator and before and before.operators == field.operators else None
        ) or field.operators[0]
    rule["operator"] = operator.code
    keeps = same or (before is not None and before.choices is field.choices and field.choices is not None)
    was = before.operator(post.get(f"wasop-{path}", "")) if before else None
    if keeps and was is not None and _shape(was) == _shape(operator):
        rule["value"] = _value(post.getlist(f"value-{path}"), operator)
    else:
        rule |= _default(field, operator)
    if operator.takes == "nothing":
        rule.pop("value", None)
    return rule


def _default(field: Field, operator: Operator) -> Node:
    """The value that a rule begins with: what one would choose most often, so that a number is all that is left to type."""
    if operator.takes in DEFAULTS:
        return {"value": copy.copy(DEFAULTS[operator.takes])}
    if operator.takes in ("year", "year_number", "change") and field.years is not None:
        latest = next(iter(field.years()), None)
        before = latest - CHANGE_YEARS if latest else None
        return {
            "value": {"year": latest, "year_number": [latest, None], "change": [before, latest, None]}[operator.takes]
        }
    return {}


def _shape(operator: Operator) -> str:
    return operator.takes


def _value(given: list[str], operator: Operator) -> Any:
    given = [_clean(value).strip() for value in given]
    if operator.takes == "choices":
        return list(dict.fromkeys(value for value in given if value))
    if operator.takes in PARTS:
        size = PARTS[operator.takes]
        parts = (given + [""] * size)[:size]
        return [value or None for value in parts] if operator.takes == "period" else [number(value) for value in parts]
    first = given[0] if given else ""
    if operator.takes in ("number", "days", "year"):
        return number(first)
    return first


def number(text: str) -> Any:
    """A number as typed ("20", "2,5", "−3", "20 %"); what is none stays text, so that validation can say so; blank is None."""
    cleaned = text.replace("\u00a0", "").replace(" ", "").replace("−", "-").removesuffix("%").replace(",", ".")
    if not cleaned:
        return None
    try:
        value = float(cleaned)
    except ValueError:
        return text
    return int(value) if value.is_integer() and abs(value) < 10**12 else value


# --- unfinished ---------------------------------------------------------------------------------------------------
def is_unfinished(rule: Node, fields: Catalogue) -> bool:
    """Nothing was chosen or typed yet: no mistake, only not part of the count."""
    field = fields.get(rule.get("field", ""))
    if field is None:
        return not rule.get("field")
    operator = field.operator(rule.get("operator", ""))
    value = rule.get("value")
    if operator is None or operator.takes == "nothing":
        return False
    return value in (None, "", []) or (operator.takes in PARTS and isinstance(value, list) and None in value)


def finished(node: Node, fields: Catalogue) -> tuple[Node, dict[str, str], int]:
    """The tree without what is unfinished; where its nodes stand in the whole one; how many rules were left out."""
    places: dict[str, str] = {}
    left_out = 0

    def prune(group: Node, path: str, new_path: str) -> Node:
        nonlocal left_out
        rules: list[Node] = []
        for index, item in enumerate(group["rules"]):
            place = f"{path}.{index}" if path else str(index)
            new_place = f"{new_path}.{len(rules)}" if new_path else str(len(rules))
            if "rules" in item:
                inner = prune(item, place, new_place)
                if inner["rules"]:
                    rules.append(inner)
                    places[new_place] = place
            elif is_unfinished(item, fields):
                left_out += 1
            else:
                rules.append(item)
                places[new_place] = place
        return {**group, "rules": rules}

    return prune(node, "", ""), places, left_out


# --- what buttons do ------------------------------------------------------------------------------------------------
def act(tree: Node, do: str, fields: Catalogue) -> tuple[Node, str]:
    """The tree after a button `verb:path[:value]`, and the path that the focus belongs to."""
    verb, _colon, rest = _clean(do).partition(":")
    path, _colon, value = rest.partition(":")
    tree = copy.deepcopy(tree)
    action = _ACTIONS.get(verb)
    if action is None:
        return tree, ""
    return tree, action(tree, path, value, fields)


def _parent(tree: Node, path: str) -> tuple[list[Node], int] | None:
    if path in ("", ROOT):
        return None
    parent_path, _dot, index = path.rpartition(".")
    parent = node_at(tree, parent_path)
    if node_at(tree, path) is None or parent is None:
        return None
    rules: list[Node] = parent["rules"]
    return rules, int(index)


def _join(path: str, index: int) -> str:
    return str(index) if path in ("", ROOT) else f"{path}.{index}"


def _add_rule(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    group = node_at(tree, path)
    if group is None or "rules" not in group:
        return ""
    rule: Node = {"field": "", "operator": ""}
    field: Field | None = fields.get(value)
    if field is not None:
        rule = {"field": field.code, "operator": field.operators[0].code} | _default(field, field.operators[0])
    group["rules"].append(rule)
    return _join(path, len(group["rules"]) - 1)


def _add_group(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    group = node_at(tree, path)
    depth = 1 if path in ("", ROOT) else path.count(".") + 2
    if group is None or "rules" not in group or depth >= MAX_DEPTH:
        return ""
    group["rules"].append({"op": "any" if group["op"] == "all" else "all", "rules": [{"field": "", "operator": ""}]})
    return _join(path, len(group["rules"]) - 1) + ".0"


def _remove(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    found = _parent(tree, path)
    if found is None:
        return ""
    rules, index = found
    del rules[index]
    parent = path.rpartition(".")[0]
    return _join(parent, min(index, len(rules) - 1)) if rules else parent or ROOT


def _move(step: int) -> Any:
    def move(tree: Node, path: str, value: str, fields: Catalogue) -> str:
        found = _parent(tree, path)
        if found is None:
            return ""
        rules, index = found
        to = index + step
        if not 0 <= to < len(rules):
            return path
        rules[index], rules[to] = rules[to], rules[index]
        return _join(path.rpartition(".")[0], to)

    return move


def _copy(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    found = _parent(tree, path)
    if found is None:
        return ""
    rules, index = found
    rules.insert(index + 1, copy.deepcopy(rules[index]))
    return _join(path.rpartition(".")[0], index + 1)


def _wrap(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    """Put a rule into a group of its own, so that an alternative can stand beside it."""
    found = _parent(tree, path)
    if found is None or path.count(".") + 2 >= MAX_DEPTH:
        return path
    rules, index = found
    rules[index] = {"op": "any", "rules": [rules[index], {"field": "", "operator": ""}]}
    return f"{path}.1"


def _unwrap(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    found = _parent(tree, path)
    if found is None or "rules" not in found[0][found[1]]:
        return path
    rules, index = found
    rules[index : index + 1] = rules[index]["rules"]
    return path


def _pick(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    rule = node_at(tree, path)
    if rule is not None and "rules" not in rule and value:
        before = rule.get("value")
        rule["value"] = list(dict.fromkeys([*(before if isinstance(before, list) else []), value]))
    return path


def _drop(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    rule = node_at(tree, path)
    if rule is not None and isinstance(rule.get("value"), list):
        rule["value"] = [item for item in rule["value"] if item != value]
    return path


def _add_side(tree: Node, path: str, value: str, fields: Catalogue) -> str:
    """Add a constituency to the first rule that chooses some, so that the missing side comes in too."""
    for place, node in walk(tree):
        if node.get("field") == "constituency" and node.get("operator") == "any_of":
            return _pick(tree, place, value, fields)
    return ""


_ACTIONS = {
    "add-rule": _add_rule,
    "add-group": _add_group,
    "remove": _remove,
    "up": _move(-1),
    "down": _move(1),
    "copy": _copy,
    "wrap": _wrap,
    "unwrap": _unwrap,
    "pick": _pick,
    "drop": _drop,
    "add-side": _add_side,
}
