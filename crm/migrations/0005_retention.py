"""How long things are kept, and what each night did."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import crm.ids


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0004_browser_sessions_and_two_step"),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("kind", models.CharField(max_length=32, unique=True)),
                ("days", models.PositiveIntegerField(null=True)),
                (
                    "done_until",
                    models.DateTimeField(help_text="everything before was dealt with: runs begin here", null=True),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("days__isnull", True), ("days__gte", 7), _connector="OR"),
                        name="retention_a_week_at_least",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                ("day", models.DateField()),
                ("is_nightly", models.BooleanField(default=True)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_nightly", True)), fields=("day",), name="retention_once_a_night"
                    ),
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("finished_at__isnull", True)),
                        name="retention_one_open_run",
                    ),
                ],
                "indexes": [models.Index(fields=["-started_at"], name="retention_run_order")],
            },
        ),
        migrations.CreateModel(
            name="RetentionStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=32)),
                ("position", models.PositiveSmallIntegerField()),
                ("before", models.DateTimeField(help_text="what is older goes")),
                ("since", models.DateTimeField(help_text="what is older went in an earlier run", null=True)),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("batches", models.PositiveIntegerField(default=0)),
                ("is_done", models.BooleanField(default=False)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="crm.retentionrun"
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("run", "kind"), name="retention_step_once")],
            },
        ),
    ]
