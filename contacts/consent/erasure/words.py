"""What others wrote that names a person: notes of institutions and colleagues, names of files and lists, what somebody searched for.

The words stay, the name goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import BLANK, count_named, names_them, query_without, replace_all, same_query
from contacts.segments.models import ContactList, Segment
from crm.exports.models import ExportFile
from crm.saved_views.models import SavedView

TEXTS = {
    "contacts_organization": ("note",),
    "contacts_person": ("note",),
    "contacts_contactpoint": ("label",),
    "contacts_contactlist": ("description",),
    "contacts_segment": ("description",),
    "contacts_subscriptionrun": ("source", "evidence", "label"),
    "contacts_importrun": ("file_name", "error"),
    "crm_exportfile": ("title",),
}
IN_JSON = {
    "contacts_organization": ("custom",),
    "contacts_importrun": ("columns", "options", "first_permission"),
    "contacts_importmapping": ("columns",),
}


def _named(data: PersonalData) -> Iterator[ContactList | Segment]:
    """Lists and segments that are called after them: their stored order and search words change too."""
    for model in (ContactList, Segment):
        rows: Any = model._default_manager.all()
        yield from (row for row in rows if names_them(row.name, data))


def _views(data: PersonalData) -> list[SavedView]:
    rows = SavedView.objects.order_by("pk")
    return [
        row for row in rows if names_them(row.name, data) or query_without(row.query, data) != same_query(row.query)
    ]


def count(data: PersonalData) -> int:
    if not data.needles:
        return 0
    return count_named(data, TEXTS, IN_JSON) + len(list(_named(data))) + len(_views(data))


def erase(data: PersonalData) -> int:
    if not data.needles:
        return 0
    gone = replace_all(data, TEXTS, IN_JSON) + _searches(data)
    for row in [*_named(data), *_views(data)]:
        if names_them(row.name, data):
            # the number keeps two of them apart
            row.name = f"{BLANK} {row.pk}"
        if isinstance(row, SavedView):
            row.query = query_without(row.query, data)
        row.save()
        gone += 1
    return gone


def _searches(data: PersonalData) -> int:
    """What lists were taken with, as it stands in their addresses."""
    count = 0
    for export in ExportFile.objects.exclude(query=""):
        if (query := query_without(export.query, data)) != same_query(export.query):
            count += ExportFile.objects.filter(pk=export.pk).update(query=query)
    return count


def register() -> None:
    register_erasure(
        "words", _("Words of others that name them"), count=count, erase=erase, order=690,
        goes=_("Their name in notes of institutions, names of files, lists and views, and in what was searched for."),
        stays=_("The rest of the words."),
    )  # fmt: skip
