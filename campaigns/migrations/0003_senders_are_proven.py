"""A sender's address is proven by a mail to it. Those that were in use before count as proven."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F


def trust_those_in_use(apps, schema_editor):
    apps.get_model("campaigns", "Sender").objects.update(confirmed_email=F("email"), confirmed_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_ledger"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="sender",
            name="confirmed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="sender",
            name="confirmed_email",
            field=models.EmailField(
                blank=True, default="", editable=False, help_text="the address that was proven", max_length=254
            ),
        ),
        migrations.RunPython(trust_those_in_use, migrations.RunPython.noop),
        migrations.AddField(
            model_name="sender",
            name="confirmation_asked_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="sender",
            name="confirmation_sent_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at__isnull", True), ("confirmed_email", "")),
                    models.Q(models.Q(("confirmed_email", ""), _negated=True), ("confirmed_at__isnull", False)),
                    _connector="OR",
                ),
                name="sender_confirmed_with_its_time",
            ),
        ),
    ]
