"""What consent adds to the settings."""

from django.utils.translation import gettext_lazy as _

from crm.ui import settings_pages

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
