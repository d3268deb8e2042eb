"""Today is the first entry of the menu."""

from django.utils.translation import gettext_lazy as _

from crm.ui import today
from crm.ui.menu import MenuItem, register

register(MenuItem(_("Today"), "home", "today", order=0, prefix="/", count=today.waiting_for, note=today.note_waiting))
