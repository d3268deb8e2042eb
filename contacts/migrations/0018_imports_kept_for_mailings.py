"""An import that is undone keeps whom a mailing is on its way to, and says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0017_narrower_indexes"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="importkept",
            name="import_kept_reason_known",
        ),
        migrations.AlterField(
            model_name="importkept",
            name="reason",
            field=models.CharField(
                choices=[
                    ("edited", "edited since"),
                    ("used", "used by something else since"),
                    ("written", "written to since"),
                    ("mailing", "a mailing to them is under way"),
                    ("permission", "gave or withdrew a permission since"),
                    ("holds", "holds somebody or something that was kept"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="importkept",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["edited", "used", "written", "mailing", "permission", "holds"])),
                name="import_kept_reason_known",
            ),
        ),
    ]
