"""A worker's connection to PostgreSQL: one piece of work after the other, again after a lost connection or a deadlock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import errors

logger = logging.getLogger(__name__)
T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]
_LOCK_TIMEOUT = "20s"
_RETRY_SECONDS = 25.0  # how long a lost database is waited for; then the lease lapses and the sweeper settles


class Line:
    """Opened when it is first used, and again after it was lost. `dsn`: psycopg's connection parameters."""

    def __init__(self, dsn: dict[str, Any]) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self.broken: Exception | None = None

    async def open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(**self._dsn, autocommit=True)
            # every statement here is by key; a fresh partition has no statistics that would say so
            await self._connection.execute(
                "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
                f" SET jit = off; SET lock_timeout = '{_LOCK_TIMEOUT}';"
                # planning anew for each batch costs PostgreSQL as much as forty messages
                " SET plan_cache_mode = force_generic_plan"
            )
        return self._connection

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()

    async def run(self, work: Callable[[Connection, int], Awaitable[T]]) -> T:
        """Do `work(connection, attempt)` in turn with the others on this line."""
        deadline, attempt = time.monotonic() + _RETRY_SECONDS, 0
        async with self._lock:
            while True:
                try:
                    return await work(await self.open(), attempt)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    if not isinstance(error, errors.DeadlockDetected) and self._connection:
                        with contextlib.suppress(Exception):
                            await self._connection.close()
                        self._connection = None
                    if time.monotonic() > deadline:
                        self.broken = error
                        raise
                    if attempt == 0:
                        logger.warning("The ledger's connection was lost (%s); trying again.", type(error).__name__)
                    attempt += 1
                    await asyncio.sleep(random.uniform(0.05, 0.3))  # noqa: S311 only spreads the tries
