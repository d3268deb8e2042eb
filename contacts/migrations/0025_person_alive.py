from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Counting those of a language or a constituency reads this index rather than everybody's rows."""

    atomic = False

    dependencies = [("contacts", "0024_organization_works_abroad")]

    operations = [
        AddIndexConcurrently(
            model_name="person",
            index=models.Index(
                condition=models.Q(("archived_at__isnull", True), ("erased_at__isnull", True)),
                fields=["id"],
                include=("country", "language"),
                name="person_alive",
            ),
        ),
    ]
