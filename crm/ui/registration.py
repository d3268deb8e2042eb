"""Today is the first entry of the menu."""

from django.utils.translation import gettext_lazy as _

from crm.ui import settings_pages, today
from crm.ui.menu import MenuItem, register

register(MenuItem(_("Today"), "home", "today", order=0, prefix="/", count=today.waiting_for, note=today.note_waiting))
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Components"),
        description=_("What screens are made of, in every state: for whoever builds one."),
        icon="components",
        url_name="components",
        order=95,
    )
)
