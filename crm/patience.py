"""Statements that may take only so long: a list or a count that would keep somebody waiting ends instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from django.db import OperationalError, connection, transaction

_QUERY_CANCELED = "57014"


class TookTooLong(Exception):
    """A statement was stopped by its time limit."""


@contextmanager
def statements_within(milliseconds: int, settings: Mapping[str, str] | None = None) -> Iterator[Any]:
    """A cursor, in a transaction or savepoint; each statement inside, through it or the ORM, has so long. Raises TookTooLong.

    settings: more of the database's settings for this transaction. Whatever else the database says (that it is down, for
    one) is raised as it is.
    """
    is_nested = connection.in_atomic_block  # else the end of the transaction ends the limit
    wanted = {"statement_timeout": str(milliseconds), **(settings or {})}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            set_all = ", ".join(["set_config(%s, %s, true)"] * len(wanted))
            cursor.execute(f"SELECT {set_all}", list(chain.from_iterable(wanted.items())))
            yield cursor
            if is_nested:
                cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _QUERY_CANCELED:
            raise
        raise TookTooLong from error
