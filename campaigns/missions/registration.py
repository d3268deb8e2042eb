"""What mission reports add to the shell, to undo, the trail and erasure."""

from django.utils.translation import gettext_lazy as _

from campaigns.missions import erasing, lists  # noqa: F401  registers the list
from campaigns.missions.models import Mission
from campaigns.missions.services import restore_mission
from campaigns.outreach import tabs
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable
from crm.ui import shell

shell.register_new(shell.NewItem(_("Mission report"), "plane", "mission_create", (Action.LOG,), 6, modal=True))
tabs.register(tabs.Tab(_("Missions"), "mission_list", "plane", 35))
undoable("mission", restore_mission)
subjects.register(
    subjects.Kind(
        "mission",
        _("Mission report"),
        "plane",
        Mission.objects.visible_to,
        "mission_detail",
        words="title",
        can_search=False,
    )
)
readable.choices_of("mission.state", Mission.State.choices)
erasing.register()
serve("campaigns.missions.api")
