"""Owners are told, too, of what is late, held, or stands still after a restore. No column changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0071_messages_per_connection")]

    operations = [
        migrations.AlterField(
            "pausenotice",
            "kind",
            models.CharField(
                choices=[
                    ("limits", "its figures"),
                    ("transport", "its transport"),
                    ("content", "what it carries"),
                    ("late", "its time"),
                    ("held", "what was approved"),
                    ("restored", "a restored backup"),
                ],
                max_length=10,
            ),
        ),
    ]
