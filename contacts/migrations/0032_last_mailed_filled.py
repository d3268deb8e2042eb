"""Whoever was mailed before the triggers were there is written down, some at a time; and the index of people by country says who is in use."""

from typing import Any

from django.db import migrations, models

AT_ONCE = 20_000
# What a message wrote meanwhile stays: it is newer.
FILL = """
INSERT INTO contacts_lastmailed (person_id, at)
SELECT id, last_mailed_at FROM contacts_person WHERE id > %s AND id <= %s AND last_mailed_at IS NOT NULL
ON CONFLICT (person_id) DO NOTHING
"""
NAME = "person_country"


def fill(apps: Any, schema_editor: Any) -> None:
    """Each batch is a transaction of its own; done again, it finds nothing left to do."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM contacts_person")
        last = cursor.fetchone()[0]
        for first in range(0, last, AT_ONCE):
            cursor.execute(FILL, [first, first + AT_ONCE])
        cursor.execute("ANALYZE contacts_lastmailed")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0031_last_mailed")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    [
                        f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}_new",
                        f"CREATE INDEX CONCURRENTLY {NAME}_new ON contacts_person (country_id, sort_key, id)"
                        " INCLUDE (archived_at, erased_at)",
                        f"DROP INDEX IF EXISTS {NAME}",
                        f"ALTER INDEX {NAME}_new RENAME TO {NAME}",
                    ],
                    [f"DROP INDEX {NAME}", f"CREATE INDEX {NAME} ON contacts_person (country_id, sort_key, id)"],
                )
            ],
            [
                migrations.RemoveIndex(model_name="person", name=NAME),
                migrations.AddIndex(
                    model_name="person",
                    index=models.Index(
                        fields=["country", "sort_key", "id"], include=["archived_at", "erased_at"], name=NAME
                    ),
                ),
            ],
        ),
    ]
