"""Names of people in the words of plans, chances and results: activities, objectives, policy windows, what shows that something was
reached. The words stay, the name goes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names

TEXTS = {
    "campaigns_activity": ("name", "note", "search_text"),
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
    return sum(replace_names(table, column, data) for table, columns in TEXTS.items() for column in columns)


def export(data: PersonalData) -> list[dict[str, Any]]:
    """Nothing of theirs: plans are ours."""
    return []


def register() -> None:
    register_erasure(
        "plans", _("Activities, policy windows and results that name them"), count=count, erase=erase, export=export, order=93,
        goes=_("Their name in the words."), stays=_("The plan."),
    )  # fmt: skip
