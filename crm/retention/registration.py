"""What retention adds to the shell, and the kind that the platform itself owns."""

from django.utils.translation import gettext_lazy as _

from crm.audit.verbs import final, undoable
from crm.retention import audit_addresses as audit_addresses
from crm.retention.services import restore_rule
from crm.ui import settings_pages

undoable("retentionrule", restore_rule)
final("retention.*", _("What went in time is gone for good."))
final("retention.edited", "")

settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Retention"),
        description=_("How long deliveries, clicks, inbound mail and addresses are kept. What each night did."),
        icon="hourglass",
        url_name="retention",
        order=80,
    )
)
