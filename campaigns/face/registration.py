"""What public pages add to activity and undo, and to the pages of drives."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.face import services
from campaigns.face.models import PublicPage
from crm.api.registry import serve
from crm.audit import subjects
from crm.audit.services import undoable

undoable("publicpage", services.restore_page)
subjects.register(
    subjects.Kind(
        "publicpage", _("Public page"), "world-www", PublicPage.objects.visible_to, "public_page_detail",
        words="slug", can_search=False,
    )
)  # fmt: skip
serve("campaigns.face.api")
