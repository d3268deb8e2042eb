"""Rules to begin with, offered while a segment is empty: a few clicks instead of a blank page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from contacts.segments.registry import PEOPLE, Catalogue
from contacts.segments.sentence import sentence
from contacts.segments.tree import VERSION

COVERAGE = "indicator.SI_COV_BENFTS"


@dataclass(frozen=True)
class Starter:
    key: str
    name: str
    tree: dict[str, Any]
    words: SafeString


def _tree(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"version": VERSION, "op": "all", "rules": list(rules)}


def _rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    rule = {"field": field, "operator": operator}
    return rule if value is None else {**rule, "value": value}


def _people() -> list[tuple[str, str, dict[str, Any]]]:
    low = _rule(COVERAGE, "below", 20)
    silent = _rule("institution_contacted", "not_within", 90)
    return [
        ("low-coverage", _("Low coverage, not contacted"), _tree(_rule("constituency", "any_of", ["WRK", "CSO"]), low, silent)),
        ("ministers", _("Heads of government institutions"), _tree(_rule("constituency", "any_of", ["GOV"]), _rule("post_is_head", "yes"))),
        ("partners", _("Social partners of Africa"), _tree(_rule("constituency", "any_of", ["EMP", "WRK"]), _rule("region", "any_of", ["002"]))),
        ("never", _("Never written to"), _tree(_rule("address_state", "any_of", ["usable"]), _rule("last_mailed", "never"))),
        ("repair", _("Addresses to repair"), _tree(_rule("membership", "yes"), _rule("address_state", "any_of", ["bouncing", "invalid", "none"]))),
    ]  # fmt: skip


def _organizations() -> list[tuple[str, str, dict[str, Any]]]:
    low = _rule(COVERAGE, "below", 20)
    silent = _rule("institution_contacted", "not_within", 90)
    return [
        ("low-coverage", _("Low coverage, not contacted"), _tree(_rule("constituency", "any_of", ["WRK", "CSO"]), low, silent)),
        ("never", _("Institutions nobody ever contacted"), _tree(_rule("institution_contacted", "never"))),
    ]  # fmt: skip


def starters(selects: str, fields: Catalogue) -> list[Starter]:
    """Those that use only fields that there are."""
    offered = _people() if selects == PEOPLE else _organizations()
    return [
        Starter(key, name, tree, sentence(tree, selects, fields=fields))
        for key, name, tree in offered
        if all(rule["field"] in fields for rule in tree["rules"])
    ]


def starter_tree(key: str, selects: str, fields: Catalogue) -> dict[str, Any] | None:
    return next((item.tree for item in starters(selects, fields) if item.key == key), None)
