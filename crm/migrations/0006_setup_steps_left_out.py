"""Set-up steps that an administrator left out for now."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0005_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="installation",
            name="setup_skipped",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32),
                blank=True,
                default=list,
                editable=False,
                help_text="steps left out for now",
                size=None,
            ),
        ),
    ]
