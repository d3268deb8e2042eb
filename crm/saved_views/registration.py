"""What saved views add: undo, their place in the activity, and the bar above lists."""

from django.utils.translation import gettext_lazy as _

from crm.audit import subjects
from crm.audit.verbs import undoable
from crm.saved_views.bar import bar_for
from crm.saved_views.models import SavedView
from crm.saved_views.services import restore_view
from crm.ui import responses

undoable("savedview", restore_view)
subjects.register(
    subjects.Kind(
        "savedview",
        _("View of a list"),
        "bookmark",
        SavedView.objects.visible_to,
        "view_edit",
        is_scoped=False,
        can_search=False,
    )
)
responses.use_view_bar(bar_for)
