"""Numbers of several questions in one statement: the menu of every page asks half a dozen of them.

    counts([[Mailing.objects.filter(…)], [replies[:4], bounces[:3]], [1]])  →  [2, 5, 1]

A queryset counts for its rows (a slice for no more than it takes), a number for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

Countable = QuerySet[Any, Any] | int


def counts(groups: Sequence[Iterable[Countable]]) -> list[int]:
    """How much each group has together. No statement if there are only numbers."""
    found = [0] * len(groups)
    parts: list[str] = []
    values: list[Any] = []
    owners: list[int] = []
    for place, group in enumerate(groups):
        for item in group:
            if isinstance(item, int):
                found[place] += item
                continue
            try:
                sql, params = item.values("pk").query.sql_with_params()
            except EmptyResultSet:  # a question that the ORM knows to have no answer
                continue
            parts.append(f"(SELECT count(*) FROM ({sql}) AS rows)")  # noqa: S608 the ORM's own, with its parameters apart
            values += params
            owners.append(place)
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", values)
            for place, number in zip(owners, cursor.fetchone() or (), strict=True):
                found[place] += number
    return found
