from django.db import migrations

NAME = "contact_point_bad"


def made(columns: str) -> str:
    return f"ON contacts_contactpoint (status, person_id) {columns} WHERE status <> 'active'"


class Migration(migrations.Migration):
    """Who has an address that bounces is counted from this index alone: it says which of them are e-mail addresses."""

    atomic = False

    dependencies = [("contacts", "0032_last_mailed_filled")]

    operations = [
        migrations.RunSQL(
            [
                f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}_new",
                f"CREATE INDEX CONCURRENTLY {NAME}_new {made('INCLUDE (kind)')}",
                f"DROP INDEX IF EXISTS {NAME}",
                f"ALTER INDEX {NAME}_new RENAME TO {NAME}",
            ],
            [f"DROP INDEX {NAME}", f"CREATE INDEX {NAME} {made('')}"],
        ),
    ]
