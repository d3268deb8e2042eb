"""What the forms of address add to the settings."""

from django.utils.translation import gettext_lazy as _

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
