"""Constituencies and tags can be renamed, moved, merged and archived, each with a trail: they get a uid."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import crm.ids


def give_uids(apps, schema_editor):
    for name in ("Constituency", "Tag"):
        model = apps.get_model("contacts", name)
        rows = list(model.objects.filter(uid__isnull=True))
        for row in rows:
            row.uid = crm.ids.new_uid()
        model.objects.bulk_update(rows, ["uid"], batch_size=1000)


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0005_segment_sizes"),
    ]

    operations = [
        migrations.AddField(
            model_name="constituency",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="constituency",
            name="uid",
            field=models.UUIDField(null=True, editable=False),
        ),
        migrations.AddField(
            model_name="tag",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="tag",
            name="former_names",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60),
                blank=True,
                default=list,
                help_text="in lower case",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="tag",
            name="uid",
            field=models.UUIDField(null=True, editable=False),
        ),
        migrations.RunPython(give_uids, migrations.RunPython.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="constituency",
            name="uid",
            field=models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True),
        ),
        migrations.AlterField(
            model_name="tag",
            name="uid",
            field=models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="tag",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                help_text="stands for it now",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="contacts.tag",
            ),
        ),
        migrations.AddConstraint(
            model_name="constituency",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_fixed", False),
                    models.Q(("archived_at__isnull", True), ("parent__isnull", True)),
                    _connector="OR",
                ),
                name="constituency_fixed_stays",
            ),
        ),
        migrations.AddConstraint(
            model_name="constituency",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("parent__isnull", True), ("root_code", models.F("code"))),
                    models.Q(("parent__isnull", False), models.Q(("root_code", models.F("code")), _negated=True)),
                    _connector="OR",
                ),
                name="constituency_root_is_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into__isnull", True),
                    models.Q(("archived_at__isnull", False), models.Q(("merged_into", models.F("id")), _negated=True)),
                    _connector="OR",
                ),
                name="tag_merged_is_archived",
            ),
        ),
    ]
