"""What the forms of address add to the settings."""

from django.utils.translation import gettext_lazy as _

from contacts.greetings.models import FormOfAddress
from contacts.greetings.services import undo_form
from crm.accounts.rules import Action
from crm.audit import subjects
from crm.audit.verbs import undoable
from crm.ui import settings_pages

settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Forms of address"),
        description=_("Greetings and titles in letters, by post, language and gender: “Madame la Ministre,”."),
        icon="writing",
        url_name="form_of_address_list",
        order=42,
    )
)

undoable("formofaddress", undo_form)
undoable("form_of_address", undo_form)  # its verbs begin so
subjects.register(
    subjects.Kind(
        "formofaddress", _("Form of address"), "writing", lambda user: FormOfAddress.objects.all(), "form_of_address_edit",
        (Action.ADMINISTER,), can_search=False,
    )
)  # fmt: skip
