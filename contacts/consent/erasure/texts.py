"""Finding a person in texts of other things: columns that hold words or JSON of many kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

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


def json_pattern(needles: Sequence[str]) -> str:
    """`pattern` for JSON as text."""
    return pattern([needle.replace("\\", "\\\\").replace('"', '\\"') for needle in needles])


def replace_in_json(table: str, column: str, data: PersonalData) -> int:
    """The same in a column of JSON, whatever its shape; a name is never a part of that."""
    if not data.needles:
        return 0
    words, found = json_pattern(data.needles), json_like(data.needles)
    return run(
        f"UPDATE {table} SET {column} = regexp_replace({column}::text, %s, %s, 'gi')::jsonb"  # noqa: S608
        f" WHERE {column}::text ILIKE ANY (%s) AND {column}::text ~* %s",
        [words, BLANK, found, words],
    )


Columns = Mapping[str, Iterable[str]]  # table → its columns


def count_named(data: PersonalData, texts: Columns, in_json: Columns) -> int:
    """How many rows name the person in one of these columns, of text or of JSON."""
    if not data.needles:
        return 0
    return sum(
        count_where(table, " OR ".join(f"({column}::text ILIKE ANY (%s) AND {column}::text ~* %s)" for column in columns), how * len(columns))
        for places, how in (
            (texts, [like(data.needles), pattern(data.needles)]),
            (in_json, [json_like(data.needles), json_pattern(data.needles)]),
        )
        for table, columns in ((table, list(names)) for table, names in places.items())
    )  # fmt: skip


def replace_all(data: PersonalData, texts: Columns, in_json: Columns) -> int:
    """Take the person out of all of these columns."""
    return sum(replace_names(table, column, data) for table, columns in texts.items() for column in columns) + sum(
        replace_in_json(table, column, data) for table, columns in in_json.items() for column in columns
    )


def names_them(text: str, data: PersonalData) -> bool:
    return bool(data.needles) and any(needle.casefold() in text.casefold() for needle in data.needles)


def same_query(query: str) -> str:
    """The URL as `query_without` writes one from which nothing went."""
    return urlencode(parse_qsl(query))


def query_without(query: str, data: PersonalData) -> str:
    """A list's URL without the filters and words that name the person."""
    return urlencode([(key, value) for key, value in parse_qsl(query) if not names_them(value, data)])
