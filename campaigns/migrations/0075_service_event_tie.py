"""The signed id that an event carried is kept, so that one that was matched to nothing can be looked at again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0074_delivery_evidence")]

    operations = [
        migrations.AddField(
            "serviceevent",
            "tie",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="what may be a signed id of ours, as it came",
                max_length=200,
            ),
        ),
    ]
