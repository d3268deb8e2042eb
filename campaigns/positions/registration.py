"""What positions add to the platform: a drive's tabs, a panel and a timeline of institutions, segments, undo, the API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.planning import tabs
from campaigns.positions import erasing, lists, segment_fields, services, timeline  # noqa: F401  registers the lists
from campaigns.positions.ladder import Confidence, EvidenceKind, Stance
from campaigns.positions.models import Ask, PositionStep
from contacts.directory import panels
from contacts.directory.models import Organization
from contacts.directory.timeline import TimelineSource
from contacts.directory.timeline import register as register_timeline
from crm.accounts.models import User
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable

tabs.register(tabs.DriveTab(_("Asks"), "flag", "ask_list", order=20))
tabs.register(tabs.DriveTab(_("Positions"), "stairs-up", "position_list", order=30))
tabs.register(tabs.DriveTab(_("What moved"), "arrows-up-down", "move_list", order=32))
tabs.register(tabs.DriveTab(_("Power × interest"), "chart-dots", "position_matrix", order=34))


def positions_card(subject: Any, user: User) -> panels.Card | None:
    """Where an institution stands on what is asked; people have none of their own."""
    if not isinstance(subject, Organization):
        return None
    return panels.Card(
        title=gettext("Positions"), template="campaigns/positions/_panel.html", anchor="positions", why=gettext("on what we ask"),
        url=reverse("organization_positions", args=[subject.uid]), link=gettext("All"), order=10, is_wide=True,
    )  # fmt: skip


panels.register_card(positions_card)
register_timeline(
    TimelineSource("position", _("Positions"), "stairs-up", timeline.steps, order=25, about=timeline.about)
)

undoable("ask", services.restore_ask)
undoable("position", services.restore_step)
undoable("power", services.restore_power)
subjects.register(subjects.Kind("ask", _("Ask"), "flag", Ask.objects.visible_to))
subjects.register(
    subjects.Kind(
        "position", _("Position"), "stairs-up", PositionStep.objects.visible_to, "position_step",
        words="organization__name", can_search=False,
    )
)  # fmt: skip
subjects.register(
    subjects.Kind(
        "power", _("Power"), "bolt", Organization.objects.visible_to, "organization_positions", can_search=False
    )
)
readable.refers("ask", "ask")
readable.refers("drive", "drive")
readable.refers("organization", "organization")
readable.refers("said_by", "person")
readable.choices_of("position.stance", Stance.choices)
readable.choices_of("position.evidence_kind", EvidenceKind.choices)
readable.choices_of("position.confidence", Confidence.choices)


def _power(value: Any) -> str:
    return f"{lists.POWERS.get(value.get('power') or 0, '')} {value.get('why', '')}".strip() if isinstance(value, dict) else str(value)  # fmt: skip


readable.words_of("power.power", _power)
readable.FIELDS.update(
    {
        "ask": _("Ask"), "stance": _("Position"), "on": _("On"), "evidence_kind": _("Kind of evidence"),
        "evidence": _("Evidence"), "confidence": _("How sure"), "said_by": _("Who says so"),
        "said_by_name": _("Who says so"), "done_when": _("Done when"), "description": _("Description"),
        "place": _("Order"), "withdrawn_at": _("Withdrawn"), "withdrawn_why": _("Why"), "organization": _("Institution"),
        "drive": _("Drive"), "power": _("Power"), "link": _("Link"),
    }
)  # fmt: skip
readable.DONE.update(
    {
        "recorded": _("Recorded a position"),
        "position.withdrawn": _("Withdrew as wrong"),
        "power.set": _("Set the power"),
    }
)

segment_fields.register_fields()
erasing.register()
serve("campaigns.positions.api")
