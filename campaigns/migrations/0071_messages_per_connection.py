"""A connection to a mail server carries so many messages, then another one is made."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0070_transport_takes_own_mail")]

    operations = [
        migrations.AddField(
            "transport",
            "messages_per_connection",
            models.PositiveIntegerField(
                blank=True,
                db_default=1000,
                default=1000,
                help_text="then another one is made; empty for no limit",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            "transport",
            models.CheckConstraint(
                condition=models.Q(("messages_per_connection__gte", 1)), name="transport_carries_messages"
            ),
        ),
    ]
