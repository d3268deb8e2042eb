"""One transport may take the installation's own mail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0069_activity_event")]

    operations = [
        migrations.AddField(
            "transport",
            "takes_own_mail",
            models.BooleanField(db_default=False, default=False, help_text="see campaigns/mailings/ownmail.py"),
        ),
        migrations.AddConstraint(
            "transport",
            models.UniqueConstraint(
                condition=models.Q(("takes_own_mail", True)), fields=("takes_own_mail",), name="transport_one_own_mail"
            ),
        ),
        migrations.AddConstraint(
            "transport",
            models.CheckConstraint(
                condition=models.Q(("takes_own_mail", False), ("archived_at__isnull", True), _connector="OR"),
                name="transport_archived_takes_no_own_mail",
            ),
        ),
    ]
