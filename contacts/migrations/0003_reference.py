"""Constituencies, regions, countries and coverage: data that every database has, tests included."""

from django.db import migrations

from contacts.directory.reference import load_reference


def load(apps, schema_editor):  # type: ignore[no-untyped-def]
    load_reference(apps.get_model)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_ledger")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
