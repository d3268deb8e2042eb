"""Whoever was in an institution of another country before the triggers of SeenAlsoIn were there is written down now, some at a time."""

from typing import Any

from django.db import migrations

AT_ONCE = 10_000
# Only those who are seen elsewhere; the triggers' own function takes their rows first, so that what changes meanwhile is not lost.
FILL = """
SELECT seen_also_in_anew(ARRAY(
    SELECT DISTINCT m.person_id
      FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
           CROSS JOIN LATERAL unnest(o.countries_of_work || o.country_id) AS c (code)
     WHERE m.person_id > %s AND m.person_id <= %s AND m.ended_on IS NULL AND c.code IS NOT NULL AND c.code IS DISTINCT FROM p.country_id
       AND NOT EXISTS (SELECT 1 FROM contacts_seenalsoin s WHERE s.person_id = m.person_id AND s.country = c.code)))
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Each batch is a transaction of its own; done again, it finds nothing left to do."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM contacts_person")
        last = cursor.fetchone()[0]
        for first in range(0, last, AT_ONCE):
            cursor.execute(FILL, [first, first + AT_ONCE])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0027_seen_also_in_locks_less")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
