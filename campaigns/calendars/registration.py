"""Where the addresses of calendar feeds are found, and why a revoked one stays revoked."""

from django.utils.translation import gettext_lazy as _

from crm.api.registry import serve
from crm.audit.verbs import final
from crm.ui.shell import AccountItem, register_account

register_account(AccountItem(_("Calendar feeds"), "calendar-share", "calendar_feeds", order=30))
final("calendar_feed.*", _("A secret that was given away is not taken up again. Make another address."))
serve("campaigns.calendars.api")
