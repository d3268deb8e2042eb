"""What the pages of one segment share, and what a save changed, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from contacts.segments.models import Segment
from contacts.segments.registry import Catalogue, catalogue
from contacts.segments.sentence import clause, sentences
from contacts.segments.tree import Group, Known, parse
from crm.errors import Invalid


def segment_tabs(segment: Segment, current: str) -> list[dict[str, Any]]:
    """Items for <c-tabs>. current: the URL name of the page."""
    pages = [
        (_("Members"), "segment_members", "users"),
        (_("Size, overlap, use"), "segment_about", "chart-line"),
        (_("Why in, why out"), "segment_why", "help-circle"),
        (_("Versions"), "segment_versions", "history"),
    ]
    return [
        {"label": label, "url": reverse(name, args=[segment.uid]), "icon": icon, "current": name == current}
        for label, name, icon in pages
    ]


# --- from version to version ------------------------------------------------------------------------------------------
@dataclass
class Changes:
    """What one save did to the rules."""

    added: list[SafeString] = field(default_factory=list)
    removed: list[SafeString] = field(default_factory=list)
    is_first: bool = False
    is_readable: bool = True

    @property
    def is_regrouped(self) -> bool:
        """The rules are the same, only grouped or counted together otherwise, or the name changed."""
        return self.is_readable and not (self.is_first or self.added or self.removed)


def changes(before: Any, after: Any, selects: str, *, fields: Catalogue, known: Known) -> Changes:
    """The rules that came and went, as clauses; a rule counts as another one in a group of another kind."""
    try:
        old, new = (
            list(_clauses(parse(tree, selects=selects, fields=fields, known=known), selects))
            for tree in (before, after)
        )
    except Invalid:
        return Changes(is_readable=False)
    came, went = Counter(new) - Counter(old), Counter(old) - Counter(new)
    return Changes([mark_safe(text) for text in came.elements()], [mark_safe(text) for text in went.elements()])  # noqa: S308 clauses are escaped


def described(versions: Sequence[Any], segment: Segment) -> None:
    """Give each of these, the latest first and none left out between, its `words` and its `changes`."""
    oldest = versions[-1] if versions else None
    before = segment.versions.filter(version__lt=oldest.version).order_by("-version").first() if oldest else None
    trees = [row.tree for row in versions] + ([before.tree] if before else [])
    fields, known = catalogue(), Known(segment.selects)
    known.prefetch(trees, fields)
    words = sentences((row.tree, segment.selects) for row in versions)
    for place, (row, text) in enumerate(zip(versions, words, strict=True)):
        is_first = place + 1 == len(trees)
        row.words = text
        row.changes = (
            Changes(is_first=True)
            if is_first
            else changes(trees[place + 1], row.tree, segment.selects, fields=fields, known=known)
        )


def _clauses(group: Group, selects: str) -> Iterator[str]:
    around = {"all": "", "any": _("either"), "none": _("except those")}[group.op]
    for node in group.rules:
        if isinstance(node, Group):
            yield from _clauses(node, selects)
        else:
            yield f"{around} {clause(node, selects)}".strip()
