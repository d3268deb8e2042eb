import django.db.models.deletion
from django.db import migrations, models

# On every partition too. A letter has its number before its copy has one.
COPY_OF = """
ALTER TABLE delivery ADD COLUMN copy_of integer,
    ADD CONSTRAINT delivery_copy_follows_its_letter CHECK (copy_of > 0 AND copy_of < seq);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0011_feeds"),
        ("contacts", "0014_mailed_without_an_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailing",
            name="copies_to",
            field=models.ForeignKey(
                blank=True,
                help_text="whose institution in the recipient's country gets a visible copy",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="contacts.constituency",
            ),
        ),
        migrations.RunSQL(COPY_OF, "ALTER TABLE delivery DROP COLUMN copy_of"),
    ]
