"""What undoing an import needs: its own ids, what was kept, and what a header's columns meant last time."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import crm.ids


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0006_constituencies_and_tags_are_kept"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportKept",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("object_type", models.CharField(help_text="person, organization or post", max_length=12)),
                ("object_id", models.BigIntegerField()),
                ("object_uid", models.UUIDField()),
                ("name", models.CharField(max_length=300)),
                ("field", models.CharField(blank=True, default="", help_text="empty: the whole of it", max_length=64)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("edited", "edited since"),
                            ("used", "used by something else since"),
                            ("written", "written to since"),
                            ("permission", "gave or withdrew a permission since"),
                            ("holds", "holds somebody or something that was kept"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["edited", "used", "written", "permission", "holds"])),
                        name="import_kept_reason_known",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="ImportMade",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="person, membership, contact_point …", max_length=20)),
                ("ids", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "detail",
                    models.JSONField(default=dict, help_text="of rows that were filled in: id → before and after"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("signature", models.CharField(help_text="digest of the header's names", max_length=64)),
                ("columns", models.JSONField(default=list)),
                (
                    "mapping",
                    models.JSONField(
                        default=dict, help_text="column index → target field, empty for one that is left out"
                    ),
                ),
                ("options", models.JSONField(default=dict)),
                ("is_shared", models.BooleanField(default=False)),
            ],
            options={"indexes": [models.Index(fields=["signature", "-updated_at"], name="import_mapping_header")]},
        ),
        migrations.RemoveIndex(
            model_name="importrow",
            name="import_row_outcome",
        ),
        migrations.AddField(
            model_name="importrun",
            name="undone_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="importrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("uploaded", "uploaded"),
                    ("refused", "refused"),
                    ("mapped", "mapped"),
                    ("checking", "dry run under way"),
                    ("checked", "dry run done"),
                    ("applying", "being applied"),
                    ("applied", "applied"),
                    ("failed", "failed"),
                    ("cancelled", "cancelled"),
                    ("undoing", "being undone"),
                    ("undone", "undone"),
                ],
                default="uploaded",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="importkept",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="kept", to="contacts.importrun"
            ),
        ),
        migrations.AddField(
            model_name="importmade",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="made", to="contacts.importrun"
            ),
        ),
        migrations.AddField(
            model_name="importmapping",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="importkept",
            constraint=models.UniqueConstraint(
                fields=("run", "object_type", "object_id", "field"), name="import_kept_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="importmade",
            constraint=models.UniqueConstraint(fields=("run", "kind"), name="import_made_once"),
        ),
        migrations.AddConstraint(
            model_name="importmapping",
            constraint=models.UniqueConstraint(fields=("owner", "signature"), name="import_mapping_once"),
        ),
        # the dry run and the import each update every row once: on the same page, without touching an index
        migrations.RunSQL(
            "ALTER TABLE contacts_importrow SET (fillfactor = 50)", "ALTER TABLE contacts_importrow RESET (fillfactor)"
        ),
    ]
