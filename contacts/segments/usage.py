"""Where a segment or a list is used: in other segments, and wherever a feature above says so (mailings)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.segments.models import ContactList, Segment
from contacts.segments.registry import Text
from crm.accounts.models import User


@dataclass(frozen=True)
class Use:
    kind: Text
    name: str
    url: str
    icon: str = "filter"


Find = Callable[[Segment, User], Iterable[Use]]
_FINDERS: list[Find] = []


def register_use(find: Find) -> None:
    """Add a finder of what uses a segment; called once from a feature's registration."""
    if find not in _FINDERS:
        _FINDERS.append(find)


def uses_of(segment: Segment, user: User) -> list[Use]:
    found = _segments_with(str(segment.uid), "in_segment")
    for find in _FINDERS:
        found.extend(find(segment, user))
    return found


def uses_of_list(contact_list: ContactList) -> list[Use]:
    return _segments_with(str(contact_list.uid), "on_list")


def _segments_with(uid: str, field: str) -> list[Use]:
    """Segments with a rule about `uid`. Trees are small and segments few; a text search is enough to find the candidates."""
    rows = Segment.objects.active().filter(tree__icontains=uid).order_by("sort_key")
    return [
        Use(_("segment"), row.name, reverse("segment_edit", args=[row.uid]))
        for row in rows
        if _mentions(row.tree, uid, field)
    ]


def _mentions(node: dict[str, object], uid: str, field: str) -> bool:
    rules = node.get("rules")
    if isinstance(rules, list):
        return any(isinstance(item, dict) and _mentions(item, uid, field) for item in rules)
    value = node.get("value")
    return node.get("field") == field and isinstance(value, list) and uid in value
