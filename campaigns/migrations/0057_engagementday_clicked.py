from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who clicked, and how often, within a period: found without reading everybody who was written to."""

    atomic = False

    dependencies = [("campaigns", "0056_network_without_questions")]

    operations = [
        AddIndexConcurrently(
            model_name="engagementday",
            index=models.Index(
                condition=models.Q(("human_clicks__gt", 0)),
                fields=["person_id", "day"],
                include=("human_clicks",),
                name="engagementday_clicked",
            ),
        ),
    ]
