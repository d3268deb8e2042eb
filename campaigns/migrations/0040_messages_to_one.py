"""A message to one person is a mailing of one delivery, without a segment and without an audience to approve."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0039_calendars_and_dropboxes")]

    operations = [
        migrations.AddField(
            model_name="mailing",
            name="is_personal",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="from one to one, see campaigns/personal: no audience to approve",
            ),
        ),
        migrations.RemoveConstraint(model_name="mailing", name="mailing_past_draft_is_complete"),
        migrations.RemoveConstraint(model_name="mailing", name="mailing_approved_has_approval"),
        migrations.AddConstraint(
            model_name="mailing",
            constraint=models.CheckConstraint(
                name="mailing_past_draft_is_complete",
                condition=Q(state__in=["draft", "cancelled"])
                | Q(segment__isnull=False, sender__isnull=False, topic__isnull=False, transport__isnull=False)
                | Q(is_personal=True, sender__isnull=False, topic__isnull=False, transport__isnull=False),
            ),
        ),
        migrations.AddConstraint(
            model_name="mailing",
            constraint=models.CheckConstraint(
                name="mailing_approved_has_approval",
                condition=~Q(state__in=["approved", "scheduled", "freezing", "held", "sending", "paused", "finished"])
                | Q(approval__isnull=False)
                | Q(is_personal=True),
            ),
        ),
    ]
