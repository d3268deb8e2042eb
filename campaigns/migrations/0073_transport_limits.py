"""How often a transport may fail and how long it is left alone can be set; a paused mailing may be the one that tries it again."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0072_pause_notice_kinds")]

    operations = [
        migrations.AddField(
            "safetylimits",
            "transport_failures",
            models.PositiveSmallIntegerField(
                db_default=3,
                default=3,
                help_text="connections that fail in a row, beside those that are open at once",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(100),
                ],
            ),
        ),
        migrations.AddField(
            "safetylimits",
            "transport_longest_minutes",
            models.PositiveSmallIntegerField(
                db_default=5,
                default=5,
                help_text="between two tries of a transport that does not take mail",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(120),
                ],
            ),
        ),
        migrations.AddConstraint(
            "safetylimits",
            models.CheckConstraint(
                name="safety_transport_is_tried",
                condition=models.Q(("transport_failures__lte", 100))
                & models.Q(("transport_longest_minutes__gte", 1), ("transport_longest_minutes__lte", 120)),
            ),
        ),
        migrations.AddField(
            "breakerpause",
            "is_trial",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="it goes out again, a message at a time, to find out whether the road is open",
            ),
        ),
        migrations.AddField(
            "breakerpause",
            "claimed_until",
            models.DateTimeField(help_text="by the one run that tries", null=True),
        ),
        migrations.AlterField(
            "breakerpause",
            "at",
            models.DateTimeField(default=django.utils.timezone.now, help_text="since when, over all tries between"),
        ),
    ]
