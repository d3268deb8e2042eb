"""Recipient limits plug in: their settings screen, undo, activity, a metric."""

from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns.limits.models import DomainRest, RecipientLimit
from campaigns.limits.services import restore
from crm.accounts.rules import Action
from crm.audit import subjects
from crm.audit.verbs import undoable
from crm.metrics.registry import Gauge, register
from crm.ui import settings_pages

undoable("recipient_limit", restore)
register(
    Gauge(
        "domains_left_alone",
        "Recipient domains that deferred one message after the other",
        lambda: {"": DomainRest.objects.filter(until__gt=timezone.now()).count()},
    )
)
subjects.register(
    subjects.Kind(
        "recipient_limit", gettext_lazy("Recipient limit"), "gauge", lambda user: RecipientLimit.objects.all(),
        "recipient_limit_edit", (Action.ADMINISTER,), words="domain", can_search=False,
    )
)  # fmt: skip
settings_pages.register(
    settings_pages.SettingsPage(
        label=gettext_lazy("Recipient limits"),
        description=gettext_lazy("How fast mail goes to single recipient domains."),
        icon="gauge",
        url_name="recipient_limits",
        order=56,
    )
)
