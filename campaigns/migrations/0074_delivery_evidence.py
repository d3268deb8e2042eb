"""What was told of messages in flight, until it can be applied."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0073_transport_limits")]

    operations = [
        migrations.CreateModel(
            name="DeliveryEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailing_id", models.BigIntegerField()),
                ("seq", models.IntegerField()),
                (
                    "source",
                    models.CharField(
                        choices=[("log", "mail server’s log"), ("service", "mailing service")], max_length=7
                    ),
                ),
                ("text", models.CharField(blank=True, default="", max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["mailing_id", "seq"], name="delivery_evidence_once"),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["log", "service"])), name="delivery_evidence_source_known"
                    ),
                ],
            },
        ),
    ]
