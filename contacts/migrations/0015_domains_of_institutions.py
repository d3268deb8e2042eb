"""Institutions by the domain of their address: without it all people at a large domain are passed over to find its few institutions."""

from django.db import migrations

ADD = """CREATE INDEX CONCURRENTLY contact_point_institution_domain
 ON contacts_contactpoint (split_part(address_key, '@', 2) text_pattern_ops)
 WHERE kind = 'email' AND organization_id IS NOT NULL"""


class Migration(migrations.Migration):
    atomic = False  # others go on writing meanwhile

    dependencies = [("contacts", "0014_mailed_without_an_index")]

    operations = [
        migrations.RunSQL(
            ["DROP INDEX CONCURRENTLY IF EXISTS contact_point_institution_domain", ADD],
            "DROP INDEX contact_point_institution_domain",
        )
    ]
