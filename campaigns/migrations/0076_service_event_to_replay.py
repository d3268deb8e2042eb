"""Events that can be looked at again: few among many, counted on Sending and at each scrape."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("campaigns", "0075_service_event_tie")]

    operations = [
        AddIndexConcurrently(
            "serviceevent",
            models.Index(
                condition=models.Q(
                    ("state", "failed"),
                    models.Q(("state", "unmatched"), models.Q(("tie", ""), _negated=True)),
                    _connector="OR",
                ),
                fields=["transport", "id"],
                name="service_event_to_replay",
            ),
        ),
    ]
