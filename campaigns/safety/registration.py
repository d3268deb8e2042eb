"""The automatic pause plugs in: moves of mailings, its settings screen, undo, a metric."""

from collections.abc import Mapping

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy

from campaigns.mailings.models import Mailing
from campaigns.mailings.services import on_move
from campaigns.mailings.states import State
from campaigns.safety.models import SafetyLimits, SafetyPause
from campaigns.safety.services import mailing_moved, restore_limits
from crm.accounts.rules import Action
from crm.audit import subjects
from crm.audit.verbs import undoable
from crm.metrics.registry import Gauge, register
from crm.ui import settings_pages


def _paused() -> Mapping[str, float]:
    ours = SafetyPause.objects.filter(mailing_id=OuterRef("pk"), reason=OuterRef("state_reason"))
    return {"": Mailing.objects.filter(Exists(ours), state=State.PAUSED).count()}


on_move(mailing_moved)
register(Gauge("mailings_paused_by_limits", "Paused because an unusual share failed or complained", _paused))
undoable("safety_limits", restore_limits)
subjects.register(
    subjects.Kind(
        "safety_limits", gettext_lazy("Automatic pause"), "player-pause", lambda user: SafetyLimits.objects.all(), "",
        (Action.ADMINISTER,), words="id", can_search=False,
    )
)  # fmt: skip
settings_pages.register(
    settings_pages.SettingsPage(
        label=gettext_lazy("Automatic pause"),
        description=gettext_lazy("From which share of bounces or complaints on a mailing pauses by itself."),
        icon="player-pause",
        url_name="safety_limits",
        order=55,
    )
)
