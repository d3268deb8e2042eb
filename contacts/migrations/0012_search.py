"""Parts of addresses by index; acronyms and other spellings in the column that names are searched by."""

from typing import Any

from django.db import migrations

from crm.ui.searchtext import acronyms, searchable

DOMAIN = """CREATE INDEX CONCURRENTLY contact_point_domain ON contacts_contactpoint (split_part(address_key, '@', 2) text_pattern_ops)
 WHERE kind = 'email'"""
DIGITS = r"""CREATE INDEX CONCURRENTLY contact_point_digits ON contacts_contactpoint
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


def beside_others(name: str, create: str) -> migrations.RunSQL:
    """Others go on writing; what an earlier try left behind half made is made anew."""
    return migrations.RunSQL([f"DROP INDEX CONCURRENTLY IF EXISTS {name}", create], f"DROP INDEX {name}")


class Migration(migrations.Migration):
    atomic = False  # a batch of rows at a time, and no lock is held from one to the next

    dependencies = [("contacts", "0011_erasures_and_exports")]

    operations = [
        beside_others("contact_point_domain", DOMAIN),
        beside_others("contact_point_digits", DIGITS),
        migrations.RunPython(index_again, migrations.RunPython.noop, elidable=True),
    ]
