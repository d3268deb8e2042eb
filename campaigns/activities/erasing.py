"""Names of people in the words of plans, chances and results: activities, objectives, policy windows, what shows that something was
reached. The words stay, the name goes."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names

TEXTS = {
    "campaigns_activity": ("name", "note", "sort_key", "search_text"),
    "campaigns_objective": ("name",),
    "campaigns_policywindow": ("note",),
    "campaigns_actual": ("evidence", "link", "contribution"),
}


def count(data: PersonalData) -> int:
    if not data.needles:
        return 0
    found = [like(data.needles), pattern(data.needles)]
    return sum(
        count_where(table, " OR ".join(f"({column} ILIKE ANY (%s) AND {column} ~* %s)" for column in columns), found * len(columns))
        for table, columns in TEXTS.items()
    )  # fmt: skip


def erase(data: PersonalData) -> int:
    """What was measured is never rewritten, but for this: a trigger lets an erasure take names out of its words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'on', true)")
    found = sum(replace_names(table, column, data) for table, columns in TEXTS.items() for column in columns)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'off', true)")
    return found


def export(data: PersonalData) -> list[dict[str, Any]]:
    """Nothing of theirs: plans are ours."""
    return []


def register() -> None:
    register_erasure(
        "plans", _("Activities, policy windows and results that name them"), count=count, erase=erase, export=export, order=93,
        goes=_("Their name in the words."), stays=_("The plan."),
    )  # fmt: skip
