"""A mailing's states and its one table of allowed moves, used by services, constraints and tests alike."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    DRAFT = "draft", _("draft")
    IN_REVIEW = "in_review", _("in review")
    APPROVED = "approved", _("approved")
    SCHEDULED = "scheduled", _("scheduled")
    FREEZING = "freezing", _("freezing the audience")
    HELD = "held", _("held")
    SENDING = "sending", _("sending")
    PAUSED = "paused", _("paused")
    FINISHED = "finished", _("finished")
    CANCELLED = "cancelled", _("cancelled")


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.CANCELLED}),
    State.IN_REVIEW: frozenset({State.DRAFT, State.APPROVED, State.CANCELLED}),
    State.APPROVED: frozenset({State.DRAFT, State.SCHEDULED, State.CANCELLED}),
    State.SCHEDULED: frozenset({State.DRAFT, State.APPROVED, State.FREEZING, State.HELD, State.CANCELLED}),
    State.FREEZING: frozenset({State.SENDING, State.HELD, State.SCHEDULED, State.CANCELLED}),
    State.HELD: frozenset({State.SCHEDULED, State.DRAFT, State.CANCELLED}),
    State.SENDING: frozenset({State.PAUSED, State.FINISHED, State.CANCELLED}),
    State.PAUSED: frozenset({State.SENDING, State.CANCELLED}),
    State.FINISHED: frozenset({State.SENDING}),  # by a person's word only: what was uncertain is sent again
    State.CANCELLED: frozenset(),
}
EDITABLE = frozenset(
    {State.DRAFT, State.IN_REVIEW, State.APPROVED, State.SCHEDULED, State.HELD}
)  # an edit returns it to draft
FROZEN = frozenset({State.SENDING, State.PAUSED, State.FINISHED})  # its deliveries exist
