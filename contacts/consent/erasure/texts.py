"""Finding a person in texts of other things: columns that hold words or JSON of many kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection

from contacts.consent.erasure.registry import PersonalData

BLANK = "…"


def like(needles: Sequence[str]) -> list[str]:
    """Patterns for ILIKE ANY, in which nothing of a needle is a wildcard."""
    return ["%" + re.sub(r"([\\%_])", r"\\\1", needle) + "%" for needle in needles]


def json_like(needles: Sequence[str]) -> list[str]:
    """The same for JSON as text, where quotes and backslashes are escaped."""
    return like([needle.replace("\\", "\\\\").replace('"', '\\"') for needle in needles])


def pattern(needles: Sequence[str]) -> str:
    """A regular expression of PostgreSQL that finds any of them, as a whole word."""
    return r"(?<!\w)(" + "|".join(re.escape(needle) for needle in needles) + r")(?!\w)"


def count_where(table: str, condition: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}", values)  # noqa: S608 our own words
        return int(cursor.fetchone()[0])


def run(sql: str, values: Sequence[Any]) -> int:
    """Execute one statement; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def replace_names(table: str, column: str, data: PersonalData) -> int:
    """Take every mention of the person out of a text column, and leave the rest of the text."""
    if not data.needles:
        return 0
    return run(
        f"UPDATE {table} SET {column} = regexp_replace({column}, %s, %s, 'gi') WHERE {column} ILIKE ANY (%s)"  # noqa: S608
        f" AND {column} ~* %s",
        [pattern(data.needles), BLANK, like(data.needles), pattern(data.needles)],
    )
