"""What policy windows add: the worklist's weight, days in calendars, what is coming up, lists, undo and the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.activities import marks
from campaigns.planning import tabs
from campaigns.planning.today import register_coming
from campaigns.planning.windows import use_windows
from campaigns.windows import lists, queries  # noqa: F401  registers the list
from campaigns.windows.models import Kind, PolicyWindow
from campaigns.windows.services import restore_window, restore_windows
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable, undoable_many

use_windows(queries.near)
marks.register(queries.marks)
register_coming(queries.coming)
tabs.register(tabs.DriveTab(_("Windows"), "door-enter", "drive_windows", order=24))

undoable("policywindow", restore_window)
undoable_many("policywindow", restore_windows)
subjects.register(
    subjects.Kind("policywindow", _("Policy window"), "door-enter", PolicyWindow.objects.visible_to, "window_detail")
)
readable.choices_of("policywindow.kind", Kind.choices)
readable.DONE["imported"] = _("Took in a file")
readable.FIELDS.update({"leads": _("Lead times"), "is_expected": _("Expected"), "external_id": _("Id of its event")})
serve("campaigns.windows.api")
