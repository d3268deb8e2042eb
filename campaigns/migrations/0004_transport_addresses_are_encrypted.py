"""The addresses of transports hold passwords: encrypt those that stand there, and let no other in."""

from django.db import migrations

import crm.encryption


def encrypt(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        crm.encryption.encrypt_table(cursor, table="campaigns_transport", column="url")


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_senders_are_proven"),
    ]

    operations = [
        migrations.AlterField(
            model_name="transport",
            name="url",
            field=crm.encryption.EncryptedField(blank=True, default=""),
        ),
        migrations.RunPython(encrypt, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE campaigns_transport ADD CONSTRAINT transport_url_is_encrypted"
            " CHECK (url = '' OR url LIKE 'enc:%')",
            "ALTER TABLE campaigns_transport DROP CONSTRAINT transport_url_is_encrypted",
        ),
    ]
