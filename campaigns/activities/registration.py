"""What activities add to the platform: undo, history, lists, the tabs of a drive, and what waits on Today."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.activities import erasing, lists  # noqa: F401  registers the list
from campaigns.activities import today as on_today
from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.activities.states import Kind, State, TeamRole
from campaigns.activities.undo import (
    restore_activities,
    restore_activity,
    restore_member,
    restore_objective,
    restore_objectives,
)
from campaigns.planning import tabs
from campaigns.planning.today import register_coming
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable, undoable_many
from crm.ui import today

undoable("activity", restore_activity)
undoable_many("activity", restore_activities)
undoable("objective", restore_objective)
undoable_many("objective", restore_objectives)
undoable("teammember", restore_member)

subjects.register(
    subjects.Kind("activity", _("Activity"), "calendar-event", Activity.objects.visible_to, "drive_activity")
)
subjects.register(subjects.Kind("objective", _("Objective"), "target", Objective.objects.visible_to, can_search=False))
subjects.register(
    subjects.Kind("teammember", _("Team"), "users", TeamMember.objects.visible_to, words="user__name", can_search=False)
)
readable.refers("mailing", "mailing")
readable.refers("call_round", "callround")
readable.refers("depends_on", "activity")
readable.refers("user", "user")
readable.choices_of("activity.state", State.choices)
readable.choices_of("activity.kind", Kind.choices)
readable.choices_of("activity.role", TeamRole.choices)
readable.choices_of("teammember.role", TeamRole.choices)

readable.DONE.update(
    {
        "moved": _("Moved"),
        "teammember.left": _("Left the team"),
        "changed_many": _("Changed many"),
        "begun": _("Began from a template"),
        "copied": _("Copied a plan"),
        "leftover_kept": _("Left a text as it stands"),
    }
)

tabs.register(tabs.DriveTab(_("Plan"), "list-check", "drive_plan", order=20))
tabs.register(tabs.DriveTab(_("Board"), "layout-kanban", "drive_board", order=21))
tabs.register(tabs.DriveTab(_("Calendar"), "calendar", "drive_calendar", order=22))
tabs.register(tabs.DriveTab(_("Activities"), "list-details", "drive_activities", order=23))

today.register_needs(on_today.due, on_today.due_rows)
register_coming(on_today.coming)
serve("campaigns.activities.api")
erasing.register()
