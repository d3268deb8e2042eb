"""A second writer for a large import, on a core that the first leaves idle (docs/decisions/0136).

It writes some institutions with all that hangs on them, in a transaction of its own that is *prepared* before the first commits, and
committed right behind it: PostgreSQL keeps a prepared transaction over any crash, so both are kept or neither. Whether it is kept is
what the import's row says. Where the server does not allow prepared transactions, or rows cannot be told apart, there is one writer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

from django.db import connection

from contacts.importing.applying import check_references, give_permissions, write_rows
from contacts.importing.models import ImportRun
from contacts.importing.planning import TAG_WORDS, WITHOUT_TEMPORARY, execute, load_plan, load_told

logger = logging.getLogger(__name__)
LEAST_ROWS = 20_000  # below, beginning together costs more than it gains
FIRST_SHARE = 0.43  # of the rows: the first writes the history of all
PREFIX = "import:"
LOCK = "hashtext('import.apply')"
FIRST = "AND (organization_id > %(cut)s AND organization_id <> ALL(%(shared)s)) IS NOT TRUE"
SECOND = "AND organization_id > %(cut)s AND organization_id <> ALL(%(shared)s)"

# No row may be written or locked by both, or each could wait for the other. So rows go by institution, and those stay with the first where
# somebody of them stands in rows of another one too, or a row names nobody.
SHARE = """
WITH used AS MATERIALIZED (SELECT organization_id, person_id FROM contacts_importrow WHERE run_id = %(run)s AND outcome <> 'rejected'),
     elsewhere AS (SELECT person_id FROM used WHERE person_id IS NOT NULL GROUP BY person_id
                   HAVING min(coalesce(organization_id, 0)) <> max(coalesce(organization_id, 0))),
     shared AS MATERIALIZED (
         SELECT DISTINCT organization_id FROM used WHERE organization_id IS NOT NULL
            AND (person_id IS NULL OR person_id IN (SELECT person_id FROM elsewhere)))
SELECT percentile_disc(%(first)s) WITHIN GROUP (ORDER BY organization_id), count(*),
       coalesce((SELECT array_agg(organization_id) FROM shared), '{}')
  FROM used WHERE organization_id IS NOT NULL AND organization_id NOT IN (SELECT organization_id FROM shared)
"""
# A tag that comes new, or back, would be written by both.
NEW_TAGS = """
SELECT EXISTS (
    SELECT 1 FROM (SELECT DISTINCT lower(tag) AS word FROM contacts_importline v CROSS JOIN LATERAL unnest(v.tags) AS tag
                    WHERE v.run_id = %(run)s AND v.refused = '') x
      LEFT JOIN import_tag w ON w.word = x.word LEFT JOIN contacts_tag t ON t.id = w.id
     WHERE t.id IS NULL OR t.archived_at IS NOT NULL)
"""
# What it noted goes to the first by files: a hundred thousand ids are not held in memory.
NOTES = {
    "import_granted": "SELECT * FROM import_granted",
    "import_made": "SELECT * FROM import_made",
    "import_filled": "SELECT * FROM import_filled",
    "import_change": "SELECT * FROM import_change",
}
BLOCK = 1 << 16
Notes = dict[str, IO[bytes]]


class SecondFailed(Exception):
    """Nothing was kept; one writer can do all of it."""


class SecondWriter:
    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.share: dict[str, Any] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="second-writer")
        self._work: Future[None] | None = None
        self._notes: Future[Notes] = Future()
        self._session: Any = None

    @property
    def began(self) -> bool:
        return self._work is not None

    def begin(self, *, ids: Mapping[str, Any], now: datetime, actor_uid: UUID | None) -> None:
        """Take what can be told apart; nothing, where that is too little. The plan must be committed."""
        share = _share(self.run)
        if share is None:
            return
        self.share = share
        self._work = self._pool.submit(self._write, {**ids, **share}, now, actor_uid)
        with connection.cursor() as cursor:  # who waits for the other for so long, waits for ever
            cursor.execute("SET LOCAL lock_timeout = '60s'")

    def take(self, ids: Mapping[str, Any]) -> int:
        """Load what is told of its part of the plan, and wait until its rows are written; returns how many permissions it gave. Raises SecondFailed."""
        load_told(self.run, {**ids, **self.share}, part=SECOND)
        notes: Notes = self._result(self._notes)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM import_granted")  # the first's own are in the history already
            for table, file in notes.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    while block := file.read(BLOCK):
                        copy.write(block)
            cursor.execute("SELECT count(*) FROM import_granted")
            return int(cursor.fetchone()[0])

    def wait(self) -> None:
        """Until it is prepared: from then on it cannot fail. Raises SecondFailed."""
        if self._work is not None:
            self._result(self._work)

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except Exception as error:
            raise SecondFailed from error

    def end(self) -> None:
        """The first is over, well or not: wait until this one is too. Its work is of no use when it is not prepared yet."""
        if self._work is not None and not self._work.done() and self._session is not None:
            self._session.cancel_safe()
        self._pool.shutdown(wait=True)
        if self._notes.done() and not self._notes.exception():
            for file in self._notes.result().values():
                file.close()

    def _write(self, ids: Mapping[str, Any], now: datetime, actor_uid: UUID | None) -> None:
        try:
            self._write_and_prepare(ids, now, actor_uid)
        except BaseException as error:
            if not self._notes.done():
                self._notes.set_exception(error)
            raise
        finally:
            connection.close()

    def _write_and_prepare(self, ids: Mapping[str, Any], now: datetime, actor_uid: UUID | None) -> None:
        WITHOUT_TEMPORARY.set(True)
        schema = f"import_{self.run.pk}"
        with connection.cursor() as cursor:
            self._session = connection.connection
            cursor.execute("BEGIN")
            cursor.execute("SET LOCAL lock_timeout = '30s'")
            cursor.execute(f"CREATE SCHEMA {schema}")
            cursor.execute(f"SELECT set_config('search_path', '{schema}, ' || current_setting('search_path'), true)")  # noqa: S608
        load_plan(self.run, ids, part=SECOND)
        # first what the other does last, or both would be at the ends of the same indexes all the time
        give_permissions(run=self.run, ids=ids, actor_uid=actor_uid)
        write_rows(run=self.run, now=now, ids=ids, actor_uid=actor_uid, on_phase=lambda words: None)
        with connection.cursor() as cursor:
            self._notes.set_result(_noted(cursor))
            check_references()
            cursor.execute(f"DROP SCHEMA {schema} CASCADE")
            cursor.execute(f"PREPARE TRANSACTION '{_name(self.run)}'")


def _noted(cursor: Any) -> Notes:
    notes: Notes = {}
    for table, rows in NOTES.items():
        notes[table] = file = TemporaryFile()  # noqa: SIM115 closed by `end`
        with cursor.copy(f"COPY ({rows}) TO STDOUT") as copy:
            for line in copy:
                file.write(line)
        file.seek(0)
    return notes


@contextmanager
def second_writer(run: ImportRun) -> Iterator[SecondWriter]:
    """Around the first's transaction: what the second prepared is committed behind it, or taken back."""
    other = SecondWriter(run)
    try:
        yield other
    finally:
        other.end()
        if other.began:
            settle(run)


def settle(run: ImportRun) -> None:
    """Commit what a second writer prepared when the import is applied, and take it back when it is not. Twice does no harm.

    Waits for whoever is applying an import, for only then it is sure what the row will say.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({LOCK})")
        _settle_locked(cursor, run)


def settle_forgotten() -> int:
    """What a worker left behind that died between the two commits; returns of how many imports. Not while an import is applied."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '{PREFIX}%' AND database = current_database()"  # noqa: S608
        )
        names = [name.removeprefix(PREFIX) for (name,) in cursor.fetchall()]
        runs = list(ImportRun.objects.filter(uid__in=names))
        for run in runs:
            cursor.execute(f"SELECT pg_try_advisory_lock({LOCK})")
            if not cursor.fetchone()[0]:
                return 0
            _settle_locked(cursor, run)
    return len(runs)


def _settle_locked(cursor: Any, run: ImportRun) -> None:
    try:
        cursor.execute("SELECT 1 FROM pg_prepared_xacts WHERE gid = %s AND database = current_database()", [_name(run)])
        if cursor.fetchone():
            applied = ImportRun.objects.filter(pk=run.pk, state__in=ImportRun.APPLIED_STATES).exists()
            cursor.execute(f"{'COMMIT' if applied else 'ROLLBACK'} PREPARED '{_name(run)}'")
    finally:
        cursor.execute(f"SELECT pg_advisory_unlock({LOCK})")


def is_worth_it(run: ImportRun) -> bool:
    """Whether the file is large, and the server keeps prepared transactions."""
    if connection.in_atomic_block or int(run.options.get("rows") or 0) < LEAST_ROWS:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_prepared_transactions')::int > 0")
        return bool(cursor.fetchone()[0])


def _share(run: ImportRun) -> dict[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(SHARE, {"run": run.pk, "first": FIRST_SHARE})
        cut, free, shared = cursor.fetchone()
        if cut is None or free < int(run.options["rows"]) / 2:
            return None
        if "tags" in run.mapping.values():
            execute([TAG_WORDS], {})
            cursor.execute(NEW_TAGS, {"run": run.pk})
            if cursor.fetchone()[0]:
                return None
    return {"cut": cut, "shared": shared}


def _name(run: ImportRun) -> str:
    return f"{PREFIX}{run.uid}"
