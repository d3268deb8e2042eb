"""A content that was taken off a mailing is kept some days, so that this can be undone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0077_late_mailings")]

    operations = [
        migrations.AddField(
            "storedfile",
            "kept_until",
            models.DateTimeField(
                blank=True,
                editable=False,
                null=True,
                help_text="nobody uses it any more, but who took it off may still undo that",
            ),
        ),
    ]
