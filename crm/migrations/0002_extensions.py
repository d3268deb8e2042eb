"""Extensions that later indexes need. run_before: the other apps' first migrations make trigram indexes."""

from django.contrib.postgres.operations import (
    BtreeGinExtension,
    TrigramExtension,
    UnaccentExtension,
)
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    run_before = [("contacts", "0001_initial"), ("campaigns", "0001_initial")]

    operations = [TrigramExtension(), UnaccentExtension(), BtreeGinExtension()]
