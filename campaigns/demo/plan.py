"""The demo drive's plan: objectives, team, and activities in each state, some of them late; it looks lived in."""

from __future__ import annotations

from datetime import date, timedelta

from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.activities.states import Kind, State, TeamRole
from campaigns.events.models import Event
from campaigns.planning.models import Drive
from campaigns.rounds.models import CallRound
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Role

OBJECTIVES = [  # name, unit, baseline, target, reached, days until it is due
    ("National action plans on the table", "countries", 0, 10, 4, 85),
    ("Institutions that took part in a policy discussion", "institutions", 12, 60, 41, 40),
    ("Trainers prepared, half of them women", "people", 0, 80, None, 60),
]
TEAM = [
    (Role.PLANNER, TeamRole.LEAD),
    (Role.OUTREACH, TeamRole.OUTREACH),
    (Role.EDITOR, TeamRole.COMMUNICATION),
    (Role.VIEWER, TeamRole.EXPERT),
]
CORE_GROUP, DIALOGUE = "Call the core group: who comes to Dakar?", "Dialogue of ten countries in Dakar"
# key, name, kind, role, first and last day from today, state, place of its country among the ten, what it depends on
ACTIVITIES: list[tuple[str, str, Kind, TeamRole, int, int, State, int | None, tuple[str, ...]]] = [
    ("needs", "Map the needs that nobody meets, with the three sides", Kind.PUBLICATION, TeamRole.EXPERT, -58, -31, State.DONE, None, ()),
    ("letter", "Invitation to the national talks", Kind.MAILING, TeamRole.COMMUNICATION, -40, -38, State.DONE, None, ()),
    ("talks", "Policy discussion with ministries and social partners", Kind.MEETING, TeamRole.LEAD, -27, -26, State.DONE, 0, ("needs", "letter")),
    ("talks2", "Policy discussion with ministries and social partners", Kind.MEETING, TeamRole.LEAD, -6, -4, State.UNDER_WAY, 1, ("needs", "letter")),
    ("employers", "Call the employers’ federations that have not answered", Kind.CALL_ROUND, TeamRole.OUTREACH, -9, -2, State.UNDER_WAY, None, ("letter",)),
    ("figures", "One-page figures for each country, checked with the institutes", Kind.PUBLICATION, TeamRole.EXPERT, -12, 4, State.WAITING, None, ("needs",)),
    ("training", "Training: reading a budget for social security", Kind.EVENT, TeamRole.EXPERT, 5, 7, State.PLANNED, 0, ("talks", "figures")),
    ("brief", "Brief for parliament’s budget committee", Kind.PUBLICATION, TeamRole.COMMUNICATION, 3, 9, State.PLANNED, 0, ("figures",)),
    ("network", "Meet the women’s cooperatives and informal workers’ associations", Kind.MEETING, TeamRole.PARTNERS, 8, 8, State.PLANNED, 2, ()),
    ("draft", "Draft national action plan with the tripartite council", Kind.OTHER, TeamRole.LEAD, 9, 38, State.PLANNED, 0, ("training",)),
    ("draft2", "Draft national action plan with the tripartite council", Kind.OTHER, TeamRole.LEAD, 12, 44, State.PLANNED, 1, ("talks2",)),
    ("news", "What ten countries have in common: second round", Kind.MAILING, TeamRole.COMMUNICATION, 14, 15, State.PLANNED, None, ("figures",)),
    ("adopt", "Plan before the council of ministers", Kind.EVENT, TeamRole.LEAD, 52, 53, State.PLANNED, 0, ("draft",)),
    ("review", "What moved, and what did not: review with all ten", Kind.MEETING, TeamRole.MONITORING, 80, 81, State.PLANNED, None, ("adopt", "draft2")),
    ("core", CORE_GROUP, Kind.CALL_ROUND, TeamRole.OUTREACH, -1, 6, State.UNDER_WAY, None, ()),
    ("dialogue", DIALOGUE, Kind.EVENT, TeamRole.LEAD, 35, 36, State.PLANNED, None, ("core",)),
    ("radio", "Radio series in four languages", Kind.PUBLICATION, TeamRole.COMMUNICATION, -20, 20, State.DROPPED, None, ()),
]  # fmt: skip


def make_plan(*, drive: Drive, users: dict[Role, User], countries: list[Country], today: date) -> None:
    for name, unit, baseline, target, reached, days in OBJECTIVES:
        Objective.objects.create(
            drive=drive, name=name, unit=unit, baseline=baseline, target=target, reached=reached,
            reached_on=today - timedelta(days=9) if reached is not None else None, due_on=today + timedelta(days=days),
        )  # fmt: skip
    owners = {}
    for role, part in TEAM:
        TeamMember.objects.create(drive=drive, user=users[role], role=part)
        owners[part] = users[role]
    made: dict[str, Activity] = {}
    for key, name, kind, part, first, last, state, place, after in ACTIVITIES:
        due = today + timedelta(days=last)
        made[key] = Activity.objects.create(
            drive=drive, name=name, kind=kind, role=part, owner=owners.get(part), starts_on=today + timedelta(days=first),
            due_on=due, state=state, done_on=due if state == State.DONE else None,
            country=countries[place] if place is not None else None,
        )  # fmt: skip
        Dependency.objects.bulk_create(Dependency(before=made[other], after=made[key]) for other in after)


def lead_from_the_plan(drive: Drive, *, call_round: CallRound, event: Event) -> None:
    """What two activities are, once it is there."""
    rows = Activity.objects.filter(drive=drive)
    rows.filter(name=CORE_GROUP).update(call_round=call_round)
    rows.filter(name=DIALOGUE).update(event=event, starts_on=event.starts_local.date(), due_on=event.ends_local.date())
