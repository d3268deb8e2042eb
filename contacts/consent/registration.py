"""What consent adds to the settings."""

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure import holdings
from crm.ui import settings_pages

holdings.register()

settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Topics"),
        description=_("What people can subscribe to, in the languages of the public pages."),
        icon="tags",
        url_name="topic_list",
        order=40,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Suppressed addresses"),
        description=_("Addresses that are never written to: look one up, add one."),
        icon="mail-off",
        url_name="suppression_list",
        order=50,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Erasures"),
        description=_("Who was erased when, as numbers without names, and what it reached."),
        icon="eraser",
        url_name="erasure_list",
        order=55,
    )
)
