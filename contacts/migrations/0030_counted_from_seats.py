from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

NAME = "membership_organization"


class Migration(migrations.Migration):
    """Who is in a constituency is counted from memberships: their index says which of them is the primary one, and a small one who is
    archived or erased."""

    atomic = False

    dependencies = [("contacts", "0029_sorted_without_marks")]

    operations = [
        AddIndexConcurrently(
            model_name="person",
            index=models.Index(
                condition=models.Q(("archived_at__isnull", False), ("erased_at__isnull", False), _connector="OR"),
                fields=["id"],
                name="person_gone",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    [
                        f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}_new",
                        f"CREATE INDEX CONCURRENTLY {NAME}_new ON contacts_membership (organization_id, person_id)"
                        " INCLUDE (ended_on, is_primary)",
                        f"DROP INDEX IF EXISTS {NAME}",
                        f"ALTER INDEX {NAME}_new RENAME TO {NAME}",
                    ],
                    [
                        f"DROP INDEX {NAME}",
                        f"CREATE INDEX {NAME} ON contacts_membership (organization_id, person_id) INCLUDE (ended_on)",
                    ],
                )
            ],
            [
                migrations.RemoveIndex(model_name="membership", name=NAME),
                migrations.AddIndex(
                    model_name="membership",
                    index=models.Index(
                        fields=["organization", "person"], include=["ended_on", "is_primary"], name=NAME
                    ),
                ),
            ],
        ),
    ]
