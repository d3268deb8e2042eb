"""Names are sorted without apostrophes and quotes, which come before the letters: what is stored is mended, in batches."""

from typing import Any

from django.db import migrations

MARKS = "['’‘ʼʻʾʿʹ`´\"“”]"  # noqa: RUF001 as crm.ui.searchtext had them then
LARGE = ("contacts_person", "contacts_organization", "contacts_post")
BATCH = 5000
TABLES = """
SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
 WHERE c.table_schema = current_schema() AND c.column_name = 'sort_key' AND t.table_type = 'BASE TABLE' AND c.table_name <> 'contacts_importline'
"""


def bare(column: str) -> str:
    """SQL: without marks, spaces single; what is nothing but marks stays."""
    return f"coalesce(nullif(btrim(regexp_replace(regexp_replace({column}, %(marks)s, '', 'g'), ' +', ' ', 'g')), ''), {column})"


LINES = f"""
UPDATE contacts_importline v
   SET sort_key = {bare("v.sort_key")}, organization_key = {bare("v.organization_key")}, post_key = {bare("v.post_key")},
       words = (SELECT string_agg(DISTINCT w COLLATE "C", ' ' ORDER BY w COLLATE "C")
                  FROM regexp_split_to_table({bare("v.sort_key")}, ' ') w)
 WHERE v.sort_key ~ %(marks)s OR v.organization_key ~ %(marks)s OR v.post_key ~ %(marks)s
"""  # noqa: S608 our own words


def sort_again(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            if table not in LARGE:
                cursor.execute(
                    f"UPDATE {table} SET sort_key = {bare('sort_key')} WHERE sort_key ~ %(marks)s",  # noqa: S608
                    {"marks": MARKS},
                )
        for table in LARGE:
            _in_batches(cursor, table)
        cursor.execute(LINES, {"marks": MARKS})


def _in_batches(cursor: Any, table: str) -> None:
    last = 0
    while True:
        cursor.execute(
            f"WITH chosen AS (SELECT id FROM {table} WHERE id > %(last)s AND sort_key ~ %(marks)s ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE),"  # noqa: S608
            f" mended AS (UPDATE {table} t SET sort_key = {bare('t.sort_key')} FROM chosen WHERE t.id = chosen.id)"
            " SELECT max(id) FROM chosen",
            {"last": last, "marks": MARKS, "batch": BATCH},
        )
        [found] = cursor.fetchone()
        if found is None:
            return
        last = found


class Migration(migrations.Migration):
    atomic = False  # each batch by itself: nobody waits for all of them

    dependencies = [("contacts", "0028_seen_also_in_filled")]

    operations = [migrations.RunPython(sort_again, migrations.RunPython.noop, elidable=True)]
