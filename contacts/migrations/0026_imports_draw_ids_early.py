"""Ids of what an import will make are drawn by its dry run, so that applying joins nothing to find them and writes no row of the plan
again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0025_person_alive")]

    operations = [
        migrations.AddField(
            model_name="importrow",
            name="post_id",
            field=models.BigIntegerField(null=True),
        ),
        # dry runs that wait to be applied have no ids yet: applying decides them again
        migrations.RunSQL("UPDATE contacts_importrun SET planned = '{}' WHERE planned <> '{}'", migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE contacts_importrow RESET (fillfactor)", "ALTER TABLE contacts_importrow SET (fillfactor = 50)"
        ),
    ]
