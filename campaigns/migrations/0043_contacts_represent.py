from django.db import migrations
from django.db.models import F

AT_ONCE = 1000


def contacts_represent(apps, schema_editor):
    """Whoever speaks for an institution is its first representative."""
    Member = apps.get_model("campaigns", "Member")
    Representative = apps.get_model("campaigns", "Representative")
    rows = Member.objects.filter(contact__isnull=False, left_at__isnull=True, contact__erased_at__isnull=True)
    found = []
    for member in rows.values(
        "pk", "contact_id", "joined_at", name=F("contact__name"), language=F("contact__language")
    ):
        found.append(
            Representative(
                member_id=member["pk"],
                person_id=member["contact_id"],
                state="current",
                name=member["name"][:200],
                language=member["language"] or "en",
                decided_at=member["joined_at"],
            )  # fmt: skip
        )
    Representative.objects.bulk_create(found, batch_size=AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0042_network_representatives")]

    operations = [migrations.RunPython(contacts_represent, migrations.RunPython.noop)]
