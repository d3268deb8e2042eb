"""Languages became a setting: offer those that mailings are written in already."""

from django.db import migrations


def offer(apps, schema_editor):
    used = apps.get_model("campaigns", "Variant").objects.order_by("language").values_list("language", flat=True)
    for row in apps.get_model("crm", "Installation").objects.all():
        row.languages = list(dict.fromkeys([*row.languages, *used.distinct()]))
        row.save(update_fields=["languages"])


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_transport_addresses_are_encrypted"),
        ("crm", "0003_languages_offered"),
    ]

    operations = [migrations.RunPython(offer, migrations.RunPython.noop)]
