"""The forms of address that every installation begins with, tests included."""

from django.db import migrations

from contacts.greetings.defaults import load_defaults
from contacts.greetings.queries import form_for_title


def load(apps, schema_editor):  # type: ignore[no-untyped-def]
    """The forms that every installation begins with; posts that are there find theirs by their titles."""
    forms, posts = apps.get_model("contacts", "FormOfAddress"), apps.get_model("contacts", "Post")
    load_defaults(forms)
    rows = list(forms.objects.all())
    for title in posts.objects.order_by("name").values_list("name", flat=True).distinct():
        form = form_for_title([title], rows)
        if form is not None:
            posts.objects.filter(name=title).update(form_of_address=form)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0009_forms_of_address")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
