"""What segments add to the registries: their own fields, the menu, search, undo, the bench."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contacts.segments import tables  # noqa: F401  registers the lists
from contacts.segments.fields import register_all
from contacts.segments.lists import restore_list
from contacts.segments.models import ContactList, Segment
from contacts.segments.services import restore_segment
from crm import bench
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.ui import menu, search, shell, today

register_all()
undoable("segment", restore_segment)
undoable("contactlist", restore_list)
menu.register(menu.MenuItem(_("Segments"), "filter", "segment_list", order=20))
shell.register_new(
    shell.NewItem(_("Segment"), "filter", "segment_new", (Action.SEGMENTS, Action.SEGMENTS_OWN), order=40)
)


def find_segments(user: User, text: str, limit: int) -> Iterable[search.Hit]:
    from contacts.segments.models import Segment  # models are not ready when this module is imported

    rows = Segment.objects.visible_to(user).active().search(text).order_by("sort_key", "id")
    rows = rows.only("uid", "name", "description")[:limit]
    return [
        search.Hit(row.name, reverse("segment_edit", args=[row.uid]), subtitle=row.description, icon="filter")
        for row in rows
    ]


search.register(
    search.SearchSource(
        "segment",
        _("Segments"),
        "filter",
        find_segments,
        order=30,
        list_url=lambda text: f"{reverse('segment_list')}?{urlencode({'q': text})}",
    )
)
bench.register("segments", "contacts.segments.bench:run", size=1_000_000)


@today.register_setup
def first_segment(user: User) -> Iterable[today.SetupStep]:
    from contacts.segments.models import Segment  # see find_segments

    yield today.SetupStep(
        str(_("Build your first segment")),
        str(_("Rules that say whom a mailing goes to, with the count while you write them.")),
        reverse("segment_new"),
        Segment.objects.active().exists(),
        order=60,
        code="segment",
    )


def _rules_in_words(tree: Any) -> str:
    """How many rules; the sentence itself would ask for names, row by row."""
    count = _count_rules(tree)
    return ngettext("%(n)s rule", "%(n)s rules", count) % {"n": count}


def _count_rules(tree: Any) -> int:
    if not isinstance(tree, dict):
        return 0
    return sum(_count_rules(rule) for rule in tree["rules"]) if isinstance(tree.get("rules"), list) else 1


subjects.register(subjects.Kind("segment", _("Segment"), "filter", Segment.objects.visible_to, "segment_edit"))
subjects.register(subjects.Kind("contactlist", _("List"), "list-check", ContactList.objects.visible_to, "list_detail"))
readable.words_of("segment.tree", _rules_in_words)
readable.refers("segment", "segment")

serve("contacts.segments.api")
