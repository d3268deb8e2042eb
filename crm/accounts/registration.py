"""What accounts add to the shell."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.rules import Action
from crm.ui import menu, settings_pages

menu.register(
    menu.MenuItem(
        label=_("Settings"),
        icon="settings",
        url_name="settings",
        order=90,
        group=3,
        actions=(Action.ADMINISTER,),
        prefix="/settings/",
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Organization"),
        description=_("Name and postal address, as they stand in the footer of every mailing."),
        icon="building",
        url_name="installation",
        order=10,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("People and grants"),
        description=_("Who can sign in, in which role, and where. Invitations."),
        icon="users",
        url_name="user_list",
        order=20,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Languages"),
        description=_("What mailings and names are offered in, and the default."),
        icon="language",
        url_name="language_settings",
        order=60,
    )
)
