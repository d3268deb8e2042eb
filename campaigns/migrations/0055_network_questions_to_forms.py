"""Joining questions move to the forms engine: each becomes a question of a form that belongs to its network."""

from django.conf import settings
from django.db import migrations

from crm.ids import new_uid


def to_forms(apps, schema_editor):
    network_model, form_model = apps.get_model("campaigns", "Network"), apps.get_model("campaigns", "Form")
    for network in network_model.objects.exclude(questions=[]).order_by("pk"):
        questions = [
            {"key": f"question_{number}", "kind": "long", "labels": {settings.LANGUAGE_CODE: each["text"]}}
            | ({"is_required": True} if each.get("is_required") else {})
            for number, each in enumerate(network.questions, 1)
        ]
        uid = new_uid()
        network.form = form_model.objects.create(
            uid=uid, campaign_id=network.campaign_id, purpose="joining", name=network.name, names=network.names,
            sort_key=network.sort_key, search_text=network.search_text, slug=f"{network.slug[:45]}-{str(uid)[-8:]}", questions=questions,
        )  # fmt: skip
        network.save(update_fields=["form"])


def back(apps, schema_editor):
    for network in apps.get_model("campaigns", "Network").objects.exclude(form=None).select_related("form"):
        network.questions = [
            {"text": next(iter(each["labels"].values())), "is_required": bool(each.get("is_required"))}
            for each in network.form.questions
        ]
        network.save(update_fields=["questions"])


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0054_network_form")]

    operations = [migrations.RunPython(to_forms, back)]
