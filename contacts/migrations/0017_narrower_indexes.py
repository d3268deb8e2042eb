"""Fewer index entries for each address, membership and permission that is written: an import pays for every one of them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0016_data_export_on_paper"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="contactpoint",
            name="contact_point_once_person",
        ),
        migrations.RemoveConstraint(
            model_name="contactpoint",
            name="contact_point_once_post",
        ),
        migrations.RemoveConstraint(
            model_name="contactpoint",
            name="contact_point_once_organization",
        ),
        migrations.RemoveConstraint(
            model_name="membership",
            name="membership_one_primary",
        ),
        migrations.RemoveIndex(
            model_name="contactpoint",
            name="contact_point_hash",
        ),
        migrations.RemoveIndex(
            model_name="membership",
            name="membership_current_primary",
        ),
        migrations.AlterField(
            model_name="consentevent",
            name="topic",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="contacts.topic"
            ),
        ),
        migrations.AlterField(
            model_name="consentstate",
            name="topic",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="contacts.topic"
            ),
        ),
        migrations.AddIndex(
            model_name="contactpoint",
            index=models.Index(
                condition=models.Q(("address_hash__isnull", False)), fields=["address_hash"], name="contact_point_hash"
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person__isnull", False)),
                fields=("person", "kind", "value"),
                name="contact_point_once_person",
                violation_error_message="This address is there already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("post__isnull", False)),
                fields=("post", "kind", "value"),
                name="contact_point_once_post",
                violation_error_message="This address is there already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("organization__isnull", False)),
                fields=("organization", "kind", "value"),
                name="contact_point_once_organization",
                violation_error_message="This address is there already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_on__isnull", True), ("is_primary", True)),
                fields=("person",),
                include=("organization",),
                name="membership_one_primary",
                violation_error_message="This person has a primary membership already.",
            ),
        ),
    ]
