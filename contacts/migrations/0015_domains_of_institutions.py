"""Institutions by the domain of their address: without it all people at a large domain are passed over to find its few institutions."""

from django.db import migrations

ADD = """CREATE INDEX contact_point_institution_domain
 ON contacts_contactpoint (split_part(address_key, '@', 2) text_pattern_ops)
 WHERE kind = 'email' AND organization_id IS NOT NULL"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0014_mailed_without_an_index")]

    operations = [migrations.RunSQL(ADD, "DROP INDEX contact_point_institution_domain")]
