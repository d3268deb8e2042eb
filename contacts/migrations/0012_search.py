"""Parts of addresses by index; acronyms and other spellings in the column that names are searched by."""

from typing import Any

from django.db import migrations

from crm.ui.searchtext import acronyms, searchable

DOMAIN = """CREATE INDEX contact_point_domain ON contacts_contactpoint (split_part(address_key, '@', 2) text_pattern_ops)
 WHERE kind = 'email'"""
DIGITS = r"""CREATE INDEX contact_point_digits ON contacts_contactpoint
 USING gin (regexp_replace(value, '\D', '', 'g') gin_trgm_ops) WHERE kind = 'phone'"""
CHUNK = 2000
OTHERWISE_SPELT = r"[äöüøåÄÖÜØÅ''’ʼ`]"


def index_again(apps: Any, schema_editor: Any) -> None:
    """Every organization (for its acronym); of people those whose name can be spelt otherwise."""
    organizations = apps.get_model("contacts", "Organization").objects.all()
    people = apps.get_model("contacts", "Person").objects.filter(name__regex=OTHERWISE_SPELT)
    for rows in (organizations, people):
        batch = []
        for row in rows.order_by("pk").iterator(chunk_size=CHUNK):
            names = [row.name, *map(str, row.names.values())]
            short = acronyms(*names) if hasattr(row, "acronym") else ()
            row.search_text = searchable(*dict.fromkeys([*names, getattr(row, "acronym", "")]), also=short)
            batch.append(row)
            if len(batch) == CHUNK:
                rows.model.objects.bulk_update(batch, ["search_text"])
                batch = []
        rows.model.objects.bulk_update(batch, ["search_text"])


class Migration(migrations.Migration):
    dependencies = [("contacts", "0011_erasures_and_exports")]

    operations = [
        migrations.RunSQL(DOMAIN, "DROP INDEX contact_point_domain"),
        migrations.RunSQL(DIGITS, "DROP INDEX contact_point_digits"),
        migrations.RunPython(index_again, migrations.RunPython.noop, elidable=True),
    ]
