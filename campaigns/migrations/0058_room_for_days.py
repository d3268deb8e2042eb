from django.db import migrations


class Migration(migrations.Migration):
    """Somebody's day changes with each message and click: with room beside the row the change touches no index."""

    dependencies = [
        ("campaigns", "0057_engagementday_clicked"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE campaigns_engagementday SET (fillfactor = 70)",
            "ALTER TABLE campaigns_engagementday RESET (fillfactor)",
        ),
    ]
