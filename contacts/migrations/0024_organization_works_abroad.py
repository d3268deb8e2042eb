from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Those that work in other countries are few; a drive's grid finds them without reading all institutions."""

    atomic = False

    dependencies = [("contacts", "0023_seen_also_in")]

    operations = [
        AddIndexConcurrently(
            model_name="organization",
            index=models.Index(
                fields=["id"],
                condition=models.Q(("countries_of_work", []), _negated=True),
                name="organization_works_abroad",
            ),
        ),
    ]
