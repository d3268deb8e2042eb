"""Statements that may take only so long: a list or a count that would keep somebody waiting ends instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction

_QUERY_CANCELED = "57014"


class TookTooLong(Exception):
    """A statement was stopped by its time limit."""


@contextmanager
def statements_within(milliseconds: int) -> Iterator[Any]:
    """A cursor, in a transaction or savepoint; each statement inside, through it or the ORM, has so long. Raises TookTooLong.

    Whatever else the database says (that it is down, for one) is raised as it is.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            yield cursor
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _QUERY_CANCELED:
            raise
        raise TookTooLong from error
