"""A mailing's figures are kept when its rows go, and whom a delivery went to, for its unsubscribe link."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0007_letters"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeliveryTail",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mailing_id", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mailing_id", models.BigIntegerField()),
                ("seq", models.IntegerField()),
                ("person_id", models.BigIntegerField(null=True)),
                ("organization_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="KeptTotals",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailing_id", models.BigIntegerField(unique=True)),
                ("kept_at", models.DateTimeField(auto_now_add=True)),
                (
                    "hits_removed_at",
                    models.DateTimeField(
                        help_text="single opens and clicks: from then on no more are counted", null=True
                    ),
                ),
                ("deliveries_removed_at", models.DateTimeField(help_text="when their removal began", null=True)),
                ("is_emptied", models.BooleanField(default=False, help_text="no delivery of it is left")),
                ("figures", models.JSONField(default=dict, help_text="see campaigns/retention/totals.py")),
            ],
        ),
    ]
