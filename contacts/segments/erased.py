"""People who were erased since somebody put them on a list: rules no longer find them, and pre-flight must say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from contacts.directory.models import Person
from contacts.segments.models import ContactListMember, Segment, Selects
from contacts.segments.nesting import inline_tree
from contacts.segments.tree import IN_SEGMENT, ON_LIST, uids


def erased_of_lists(segment: Segment) -> list[int]:
    """Ids of erased people on the lists that the segment selects from; an empty row of the directory is all that is left of each."""
    written = json.dumps(segment.tree)
    if segment.selects != Selects.PEOPLE or not (ON_LIST in written or IN_SEGMENT in written):
        return []
    listed = set(_lists(inline_tree(segment)))
    if not listed:
        return []
    members = ContactListMember.objects.filter(contact_list__uid__in=uids(listed)).values("person_id")
    return list(
        Person.objects.filter(pk__in=members, erased_at__isnull=False).order_by("pk").values_list("pk", flat=True)
    )


def _lists(node: dict[str, Any]) -> Iterator[str]:
    """Lists that a group takes people from; those that it leaves out do not count."""
    if node["op"] == "none":
        return
    for item in node["rules"]:
        if "rules" in item:
            yield from _lists(item)
        elif item["field"] == ON_LIST and item["operator"] == "any_of":
            yield from item["value"]
