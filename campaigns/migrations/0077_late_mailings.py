"""What could not leave for too long waits for an approver."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0076_service_event_to_replay")]

    operations = [
        migrations.CreateModel(
            name="LastRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailing_id", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            "mailing",
            "late_since",
            models.DateTimeField(
                editable=False,
                help_text="nothing of it could leave since: paused, until an approver resumes it",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            "mailing",
            models.CheckConstraint(
                name="mailing_late_is_paused",
                condition=models.Q(("late_since__isnull", True), ("state", "paused"), _connector="OR"),
            ),
        ),
    ]
