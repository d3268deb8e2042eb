"""Indexes that begin like another one go, and a foreign key that says again what the ledger's own says: an import pays for each of
them with every row."""

import django.db.models.deletion
from django.db import migrations, models

# A many-to-many table has an index on each of its columns, and the unique constraint of both begins with the first.
TAGS_OF_PEOPLE = "contacts_person_tags_person_id_4cc95431"
TAGS_OF_ORGANIZATIONS = "contacts_organization_tags_organization_id_829428d7"


def without(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0018_imports_kept_for_mailings")]

    operations = [
        migrations.AlterField(
            model_name="importrow",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rows",
                to="contacts.importrun",
            ),
        ),
        migrations.AlterField(
            model_name="consentstate",
            name="topic",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="contacts.topic",
            ),
        ),
        # hundreds of thousands of ids that are written once: squeezing them took a second
        migrations.RunSQL(
            "ALTER TABLE contacts_importmade ALTER ids SET STORAGE EXTERNAL",
            "ALTER TABLE contacts_importmade ALTER ids SET STORAGE EXTENDED",
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    [
                        "DROP INDEX CONCURRENTLY IF EXISTS membership_organization_new",
                        "CREATE INDEX CONCURRENTLY membership_organization_new"
                        " ON contacts_membership (organization_id, person_id) INCLUDE (ended_on)",
                        "DROP INDEX IF EXISTS membership_organization",
                        "ALTER INDEX membership_organization_new RENAME TO membership_organization",
                    ],
                    [
                        "DROP INDEX membership_organization",
                        "CREATE INDEX membership_organization ON contacts_membership (organization_id, person_id)",
                    ],
                )
            ],
            [
                migrations.RemoveIndex(model_name="membership", name="membership_organization"),
                migrations.AddIndex(
                    model_name="membership",
                    index=models.Index(
                        fields=["organization", "person"], include=["ended_on"], name="membership_organization"
                    ),
                ),
            ],
        ),
        without(TAGS_OF_PEOPLE, "contacts_person_tags", "person_id"),
        without(TAGS_OF_ORGANIZATIONS, "contacts_organization_tags", "organization_id"),
    ]
