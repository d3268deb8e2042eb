"""Numbers of several questions in one statement: the menu of every page asks half a dozen of them.

    counts([[Mailing.objects.filter(…)], [replies[:4], bounces[:3]], [1]])  →  [2, 5, 1]

A queryset counts for its rows (a slice for no more than it takes), a number for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


@dataclass(frozen=True)
class Question:
    """How many rows a queryset has, as a statement with its parameters: what is asked on each page need not be put into words anew."""

    sql: str
    params: tuple[Any, ...]


Countable = QuerySet[Any, Any] | Question | int


def question(rows: QuerySet[Any, Any]) -> Question | int:
    """0 for a queryset that the ORM knows to be empty."""
    try:
        sql, params = rows.values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    return Question(f"(SELECT count(*) FROM ({sql}) AS rows)", tuple(params))  # noqa: S608 the ORM's own, with its parameters apart


def counts(groups: Sequence[Iterable[Countable]]) -> list[int]:
    """How much each group has together. No statement if there are only numbers."""
    found = [0] * len(groups)
    asked: list[tuple[int, Question]] = []
    for place, group in enumerate(groups):
        for item in group:
            known = question(item) if isinstance(item, QuerySet) else item
            if isinstance(known, int):
                found[place] += known
            else:
                asked.append((place, known))
    if asked:
        with connection.cursor() as cursor:
            parts = ", ".join(each.sql for _, each in asked)
            cursor.execute(f"SELECT {parts}", [value for _, each in asked for value in each.params])
            for (place, _), number in zip(asked, cursor.fetchone() or (), strict=True):
                found[place] += number
    return found
