"""A reply of several lines is longer than 300 characters. Widening a varchar to text changes the catalog only, no row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_paces_by_sender_and_domain")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE delivery ALTER COLUMN reply_text TYPE text",
            "ALTER TABLE delivery ALTER COLUMN reply_text TYPE varchar(300) USING left(reply_text, 300)",
            state_operations=[
                migrations.AlterField(
                    model_name="delivery",
                    name="reply_text",
                    field=models.TextField(blank=True, default="", help_text="in full where it failed"),
                )
            ],
        )
    ]
