"""Which languages an installation offers. The default one must be among them."""

import django.contrib.postgres.fields
from django.db import migrations, models

import crm.accounts.models


def offer_the_default(apps, schema_editor):
    for row in apps.get_model("crm", "Installation").objects.all():
        if row.default_language not in row.languages:
            row.languages = [*row.languages, row.default_language]
            row.save(update_fields=["languages"])


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0002_extensions"),
    ]

    operations = [
        migrations.AddField(
            model_name="installation",
            name="languages",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=8),
                default=crm.accounts.models.offered_at_first,
                help_text="Mailings and names are offered in these.",
                size=None,
            ),
        ),
        migrations.RunPython(offer_the_default, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE crm_installation ADD CONSTRAINT installation_default_is_offered"
            " CHECK (default_language = ANY (languages))",
            "ALTER TABLE crm_installation DROP CONSTRAINT installation_default_is_offered",
        ),
    ]
