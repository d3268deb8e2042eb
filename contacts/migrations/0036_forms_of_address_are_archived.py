"""A form of address is archived instead of removed: its posts keep it, and are addressed by it again when it is brought back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0035_less_to_index_for_an_import")]

    operations = [
        migrations.AddField(
            "formofaddress",
            "archived_at",
            models.DateTimeField(
                blank=True,
                null=True,
                help_text="posts keep it, and are addressed as everybody until it is brought back",
            ),
        ),
        migrations.AddConstraint(
            "formofaddress",
            models.CheckConstraint(
                name="form_of_address_general_stays",
                condition=models.Q(("is_general", False), ("archived_at__isnull", True), _connector="OR"),
            ),
        ),
    ]
