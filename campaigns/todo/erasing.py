"""What tasks hold about a person."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.todo.models import Task
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names


def _tasks(data: PersonalData) -> QuerySet[Task]:
    return Task.objects.filter(person__in=data.person_ids)


def count(data: PersonalData) -> int:
    named = 0
    if data.needles:
        words, found = pattern(data.needles), like(data.needles)
        named = count_where(
            "campaigns_task", "coalesce(person_id, 0) <> ALL (%s) AND ((title ILIKE ANY (%s) AND title ~* %s) OR (note ILIKE ANY (%s) AND note ~* %s))",
            [list(data.person_ids), found, words, found, words],
        )  # fmt: skip
    return _tasks(data).count() + named


def erase(data: PersonalData) -> int:
    """Tasks about them go; where another task names them, the name goes."""
    gone = _tasks(data).delete()[0]
    return gone + replace_names("campaigns_task", "title", data) + replace_names("campaigns_task", "note", data)


def export(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"task": row.title, "note": row.note, "due_on": row.due_on.isoformat(), "done": row.done_at is not None}
        for row in _tasks(data).order_by("due_on", "pk")
    ]


def register() -> None:
    register_erasure(
        "todo.tasks", _("Tasks about them"), count=count, erase=erase, export=export, order=125,
        goes=_("Tasks about them; their name in the words of others."),
    )  # fmt: skip
