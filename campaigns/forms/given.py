"""Answers of people, wherever they were given: to a form's page, with an answer to an invitation, with a wish to join.

Each feature that asks a form's questions adds its own; segments and merge fields read them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

# of each kind: form_id, person_id, organization_id (in whose name), at, answers (an object by the questions' keys)
SOURCES = [
    "SELECT form_id, person_id, organization_id, created_at AS at, answers FROM campaigns_submission WHERE state = 'filed'"
]
FormsOf = Callable[[list[UUID]], Iterable[int]]
NAMED_BY: dict[str, FormsOf] = {}


def also(sql: str) -> None:
    """More answers: a SELECT of the five columns. Called from a feature's registration."""
    if sql not in SOURCES:
        SOURCES.append(sql)


def given_sql() -> str:
    return " UNION ALL ".join(SOURCES)


def named_by(field: str, forms: FormsOf) -> None:
    """A segment that asks `field` is about rows with questions: forms(uids in the rule) gives the ids of these forms."""
    NAMED_BY[field] = forms


def forms_named(tree: Any) -> set[int]:
    """Ids of the forms that a segment's rules are about; of a tree with nested segments written out."""
    found: set[int] = set()
    for rule in _rules(tree):
        forms = NAMED_BY.get(str(rule.get("field")))
        values = rule.get("value")
        if forms is not None and isinstance(values, list) and rule.get("operator") == "any_of":
            found.update(forms(_uids(values)))
    return found


def _rules(node: Any) -> Iterable[dict[str, Any]]:
    if isinstance(node, dict) and isinstance(node.get("rules"), list):
        for each in node["rules"]:
            yield from _rules(each)
    elif isinstance(node, dict):
        yield node


def _uids(values: list[Any]) -> list[UUID]:
    """Of rows, or of a row with more behind a colon: "<form>:<question>:<option>"."""
    found = []
    for value in values:
        try:
            found.append(UUID(str(value).partition(":")[0]))
        except ValueError:
            continue
    return found
