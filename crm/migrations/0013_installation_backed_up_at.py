from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0012_grants_are_for_staff")]

    operations = [
        migrations.AddField(
            "installation", "backed_up_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
    ]
