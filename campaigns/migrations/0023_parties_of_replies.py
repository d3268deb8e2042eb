"""Who wrote the replies that are here already, as parties: screens and segments ask these."""

from django.db import migrations

PARTIES = """
INSERT INTO campaigns_party (interaction_id, person_id, organization_id, at, is_two_way, is_mention)
SELECT id, person_id, NULL, at, true, false FROM campaigns_interaction WHERE person_id IS NOT NULL
UNION ALL
SELECT id, NULL, organization_id, at, true, false FROM campaigns_interaction WHERE organization_id IS NOT NULL
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0022_contacts_logged"),
    ]

    operations = [
        migrations.RunSQL(PARTIES, "DELETE FROM campaigns_party"),
        migrations.RunSQL("UPDATE campaigns_interaction SET logged_at = at", migrations.RunSQL.noop),
    ]
