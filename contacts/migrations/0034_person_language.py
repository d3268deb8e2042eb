from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Collate


class Migration(migrations.Migration):
    """Those of a language are counted without looking at everybody's."""

    atomic = False

    dependencies = [("contacts", "0033_bad_addresses_say_their_kind")]

    operations = [
        AddIndexConcurrently(
            model_name="person",
            index=models.Index(
                Collate("language", "C"),
                condition=models.Q(("archived_at__isnull", True), ("erased_at__isnull", True)),
                name="person_language",
            ),
        ),
    ]
