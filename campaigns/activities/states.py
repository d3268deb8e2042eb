"""Kinds and states of activities, and the one table of allowed moves, used by services, the database's trigger and tests alike."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    MAILING = "mailing", _("mailing")
    CALL_ROUND = "call_round", _("call round")
    MEETING = "meeting", _("meeting")
    EVENT = "event", _("event")
    PUBLICATION = "publication", _("publication")
    OTHER = "other", _("other")


class State(TextChoices):
    PLANNED = "planned", _("planned")
    UNDER_WAY = "under_way", _("under way")
    WAITING = "waiting", _("waiting for somebody")
    DONE = "done", _("done")
    DROPPED = "dropped", _("dropped")


# What waits is first taken up again, and what is done was not dropped. Each move has its way back, so that it can be undone.
MOVES: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.UNDER_WAY, State.WAITING, State.DONE, State.DROPPED}),
    State.UNDER_WAY: frozenset({State.PLANNED, State.WAITING, State.DONE, State.DROPPED}),
    State.WAITING: frozenset({State.PLANNED, State.UNDER_WAY, State.DROPPED}),
    State.DONE: frozenset({State.PLANNED, State.UNDER_WAY}),
    State.DROPPED: frozenset({State.PLANNED, State.UNDER_WAY, State.WAITING}),
}
OPEN = (State.PLANNED, State.UNDER_WAY, State.WAITING)
COLOURS = {
    State.PLANNED: "wait",
    State.UNDER_WAY: "blue",
    State.WAITING: "warn",
    State.DONE: "ok",
    State.DROPPED: "rest",
}
ICONS = {
    Kind.MAILING: "mail",
    Kind.CALL_ROUND: "phone",
    Kind.MEETING: "users",
    Kind.EVENT: "calendar-event",
    Kind.PUBLICATION: "book",
    Kind.OTHER: "point",
}


class TeamRole(TextChoices):
    LEAD = "lead", _("lead")
    OUTREACH = "outreach", _("outreach")
    COMMUNICATION = "communication", _("communication")
    EXPERT = "expert", _("technical expertise")
    PARTNERS = "partners", _("partners and networks")
    MONITORING = "monitoring", _("monitoring and evaluation")
