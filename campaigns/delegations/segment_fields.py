"""What segments may ask about delegations: who belongs to one and as what, and who was asked to name people and named nobody."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.events.segment_fields import Asked, register_asked

_OF = "FROM (SELECT n.*, d.event_id FROM campaigns_nomination n JOIN campaigns_delegation d ON d.id = n.delegation_id WHERE d.left_out_at IS NULL) e WHERE "
_NAMES = "FROM (SELECT n.*, d.event_id FROM campaigns_nominator n JOIN campaigns_delegation d ON d.id = n.delegation_id WHERE d.left_out_at IS NULL AND n.revoked_at IS NULL AND n.asked_at IS NOT NULL) e WHERE "
_NOBODY = "NOT EXISTS (SELECT 1 FROM campaigns_nomination c WHERE c.named_by_id = e.id AND c.state IN ('proposed', 'accepted'))"
# as in campaigns.events.segment_fields: of people it says who comes, of institutions whom they sent
ASKED: Asked = {
    "delegation_member": (_("In a delegation"), _OF, "e.state = 'accepted'", (
        _("who are in a delegation to {values}"), _("who are in no delegation to {values}"), _("who are **in a delegation**"), _("who are **in no delegation**"))),
    "delegation_delegate": (_("Is a delegate"), _OF, "e.state = 'accepted' AND e.role = 'delegate'", (
        _("who are delegates to {values}"), _("who are no delegates to {values}"), _("who are **delegates to an event**"), _("who are **delegates to no event**"))),
    "delegation_adviser": (_("Is a substitute, an adviser or an observer"), _OF, "e.state = 'accepted' AND e.role <> 'delegate'", (
        _("who go with a delegation to {values}"), _("who go with no delegation to {values}"), _("who **go with a delegation**"), _("who **go with no delegation**"))),
    "delegation_silent": (_("Asked for delegates, and named nobody"), _NAMES, _NOBODY, (
        _("who were asked for delegates to {values} and named nobody"), _("who owe no delegates to {values}"), _("who were **asked for delegates and named nobody**"), _("who **owe nobody delegates**"))),
}  # fmt: skip


def register_fields() -> None:
    register_asked(ASKED, _("Delegations"), order=80)
