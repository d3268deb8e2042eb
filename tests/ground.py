"""Back to what a database holds after its migrations, in one transaction and without new connections.

Django's own flush would miss the partitioned tables, which no model manages, and lose the countries and constituencies
that the migrations load.
"""

from typing import Any

from django.db import connection, transaction

# Rows are rolled back and their numbers are not: a worker's mailings go on counting, with nothing to tell the ledger so. One wide
# partition, because each question about a person asks all of them.
WIDTH = 1_000_000
_KEPT = ("django_migrations", "django_content_type", "auth_permission")


def remember() -> None:
    """Copy what the migrations loaded, once, and let the consent ledger be truncated: nothing else may do that."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contacts_consentevent DISABLE TRIGGER consent_event_no_truncate")
        cursor.execute("DROP SCHEMA IF EXISTS seed CASCADE")
        cursor.execute("CREATE SCHEMA seed")
        for table in _tables(cursor):
            cursor.execute(f"CREATE TABLE seed.{table} AS TABLE public.{table}")
            if cursor.rowcount == 0:
                cursor.execute(f"DROP TABLE seed.{table}")


def make_room() -> None:
    """A partition of the ledger for all mailings that a worker's tests will make."""
    from campaigns.delivery import partitions  # apps are loaded by now

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE delivery_p00000")
    partitions.WIDTH = WIDTH
    partitions.make(0)


def restore() -> None:
    """Empty every table and put the remembered rows back.

    Only where there are rows: TRUNCATE makes new files for each table and each index, which costs many times as much.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers, those of foreign keys included
        tables = _tables(cursor)
        filled = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM public.{table})" for table in tables)
        cursor.execute(filled)
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM public.{table}")
        for table in _tables(cursor, "seed"):
            cursor.execute(f"INSERT INTO public.{table} SELECT * FROM seed.{table}")


def _tables(cursor: Any, schema: str = "public") -> list[str]:
    cursor.execute(
        "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = %s::regnamespace AND relname <> ALL (%s) ORDER BY relname",
        [schema, list(_KEPT)],
    )
    return [name for (name,) in cursor.fetchall()]
