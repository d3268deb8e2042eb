"""What commitments add to the platform: menu, a drive's tab, institutions' cards and timeline, Today, segments, undo, the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.commitments import erasing, lists, segment_fields, services, timeline  # noqa: F401  registers the lists
from campaigns.commitments import today as on_today
from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.planning import tabs
from contacts.directory import panels
from contacts.directory.models import Organization
from contacts.directory.timeline import TimelineSource
from contacts.directory.timeline import register as register_timeline
from crm.accounts.models import User
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import menu, today
from crm.ui.counting import Countable


def updates_waiting(user: User) -> Iterable[Countable]:
    return [CommitmentUpdate.objects.visible_to(user).waiting()]


def commitments_card(subject: Any, user: User) -> panels.Card | None:
    """What an institution promised."""
    if not isinstance(subject, Organization):
        return None
    return panels.Card(
        title=gettext("Commitments"), template="campaigns/positions/_panel.html", anchor="commitments",
        url=reverse("organization_commitments", args=[subject.uid]), link=gettext("All"), order=12, is_wide=True,
    )  # fmt: skip


menu.register(
    menu.MenuItem(
        _("Commitments"), "heart-handshake", "commitment_list", order=12, group=2, count=updates_waiting,
        prefix="/commitments/",
    )
)  # fmt: skip
tabs.register(tabs.DriveTab(_("Commitments"), "heart-handshake", "drive_commitments", order=36))
panels.register_card(commitments_card)
register_timeline(
    TimelineSource(
        "commitment", _("Commitments"), "heart-handshake", timeline.commitments, order=27, about=timeline.about
    )
)
today.register_needs(on_today.needs, on_today.waiting)

undoable("commitment", services.restore_commitment)
final("commitment.update_came", _("The institution sent it; that happened."))
final("commitment.update_accepted", _("The institution's words stand. Change or reopen the commitment itself."))
final("commitment.update_declined", _("The institution's words stand in its history, with the reason."))
final("commitment.heard_of", _("Somebody heard it; that happened."))
final("commitment.link_made", _("Revoke the link on the commitment's page."))
final("commitment.link_revoked", _("A link that is over stays over. Make a new one."))
subjects.register(
    subjects.Kind(
        "commitment", _("Commitment"), "heart-handshake", Commitment.objects.visible_to, "commitment_detail",
        words="text", can_search=False,
    )
)  # fmt: skip
readable.refers("settled_by", "user")
readable.refers("verified_by", "user")
readable.refers("promised_by", "person")
readable.choices_of("commitment.state", Commitment.State.choices)
readable.FIELDS.update(
    {
        "text": _("Commitment"), "due_on": _("Due"), "made_on": _("Promised on"), "promised_by": _("Who promised it"),
        "is_public": _("May be told to others"), "milestone": _("Milestone"), "outcome": _("What shows it"),
        "outcome_link": _("Link"), "settled_at": _("Settled"), "settled_by": _("Settled by"), "verified_at": _("Verified"),
        "verified_by": _("Verified by"), "update": _("Update of the institution"), "update_link": _("Link of the institution"),
        "word": _("What was heard"),
    }
)  # fmt: skip
readable.DONE.update(
    {
        "settled": _("Settled"), "reopened": _("Opened again"), "verified": _("Verified"),
        "milestone_set": _("Changed a milestone"), "heard_of": _("Heard of it"), "commitment.link_made": _("Made the institution's link"),
        "commitment.link_revoked": _("Revoked the institution's link"), "update_came": _("The institution sent an update"),
        "update_accepted": _("Accepted the institution's update"), "update_declined": _("Left the institution's update aside"),
    }
)  # fmt: skip

segment_fields.register_fields()
erasing.register()
serve("campaigns.commitments.api")
