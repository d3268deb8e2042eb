"""Segments within segments: followed without going round in a circle, and written out as they select now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.segments.models import ContactList, Segment
from contacts.segments.registry import Catalogue, catalogue
from contacts.segments.tree import IN_SEGMENT, MAX_RULES, ON_LIST, VERSION, Group, Known, Rule, dump, parse, uids
from crm.errors import Invalid


class Nest:
    """Segments that a tree refers to, loaded once each, and the way down to where we are: a cycle is refused."""

    def __init__(
        self, *, selects: str, fields: Catalogue | None = None, chain: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.selects = selects
        self.fields = catalogue() if fields is None else fields
        self.chain = list(chain)  # (uid, name)
        self.loaded: dict[str, Segment] = {}
        self.known = Known(selects)
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
            group = parse(segment.tree, selects=self.selects, fields=self.fields, known=self.known)
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
