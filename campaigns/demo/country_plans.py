"""The demo's second drive, begun from the template of a country action plan: three countries, each at another step, some of it late.

It has officers of its own. One of them is away this week, so that somebody else's queue holds her work too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.activities.blueprints import ACTION_PLAN
from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.activities.starting import begin_from
from campaigns.activities.states import State, TeamRole
from campaigns.commitments.models import Commitment, Milestone
from campaigns.demo.contacts import heads_of, talk
from campaigns.demo.paper import said
from campaigns.demo.positions import walk_all
from campaigns.demo.results import Outcomes, keep_results
from campaigns.guard.services import set_owner_of_many
from campaigns.planning.models import Campaign, Drive
from campaigns.planning.services import create_drive
from campaigns.positions.models import Ask
from campaigns.todo.absences import add_absence
from campaigns.todo.services import add_task, hand_over_task
from campaigns.windows.models import Kind as Window
from campaigns.windows.services import create_window
from contacts.directory.models import Constituency, Country, Membership, Organization
from contacts.directory.services import edit_person
from crm.accounts.models import User
from crm.accounts.rules import Role

SEED = 102
COUNTRIES = ("GH", "KE", "NP")
BEGAN, LASTS = 98, 190  # days ago; days from the first to the last
SIDES = ("GOV", "EMP", "WRK", "SSI", "CSO")
# What became of each step of the template. Where a country is not named, nothing has happened yet.
STATES: dict[str, dict[str, State]] = {
    "needs": {"GH": State.DONE, "KE": State.DONE, "NP": State.DONE},
    "invite": {"": State.DONE},
    "train": {"GH": State.DONE, "KE": State.DONE, "NP": State.DONE},
    "talks": {"GH": State.DONE, "KE": State.DONE, "NP": State.WAITING},
    "institutions": {"GH": State.DONE, "KE": State.UNDER_WAY},
    "draft": {"GH": State.DONE, "KE": State.UNDER_WAY},
    "network": {"": State.UNDER_WAY},
}
NOTES_OF = {
    (
        "talks",
        "NP",
    ): "The ministry has a new secretary, who asked to read the diagnosis first. Both social partners are ready.",
    ("draft", "KE"): "Four of six chapters are agreed. Open: who pays for domestic workers in the first two years.",
    ("adopt", "GH"): "On the cabinet’s list; the ministry of finance still compares the cost with its own figures.",
}
LATE_BY = {("needs", "NP"): 16, ("train", "KE"): 4}  # days after it was due
REACHED = {"Diagnoses discussed by all sides": (2, 33), "National action plans adopted": (0, 3)}  # how many, days ago
NOTES = {
    "call": [
        "The desk has read the diagnosis and disputes two tables. Sends its own by Friday.",
        "Wants to know whether the costing counts those who move between farms and towns.",
        "Agrees to chair the working group, if both social partners sit in it.",
        "Asked for one page that a minister reads in the car.",
        "Away until Monday; the assistant knows the file and gave two names.",
    ],
    "meeting": [
        "Went through the draft chapter by chapter. Registration at the market is agreed, the rate is not.",
        "Three hours with all sides. The employers’ side brought a proposal of its own for small firms.",
        "They showed the register: a third of the entries have no date of birth. Asks for help with that first.",
    ],
    "letter": ["The diagnosis, with a request for comments by the end of the month.", "Invitation to the policy discussion."],
    "message": ["Sent the costing of the second variant.", "Thanks for the day, and the list of what was agreed."],
}  # fmt: skip
STEPS = [
    "Send the costing of chapter four",
    "Ask for comments on the draft",
    "Agree on a day with both social partners",
    "Send one page for the minister",
]
# place of the institution's country, side, text, promised days ago, days until due, heard of days ago, state, milestones
PROMISES: list[tuple[int, str, str, int, int, int | None, list[tuple[str, int, bool]]]] = [
    (0, "GOV", "Bring the action plan before the cabinet.", 40, 9, 3, [("Comments of the ministry of finance", -4, True), ("On the cabinet’s list", 2, False)]),
    (0, "EMP", "Tell all member firms how domestic workers are registered.", 52, 30, 20, []),
    (1, "SSI", "Open the register to associations of informal workers for a trial.", 61, -11, 35, [("Agreement on data protection", -25, True), ("Trial with two associations", -12, False)]),
    (1, "WRK", "Bring the draft to the branches in all counties.", 33, 24, 6, [("First ten branches", -3, True)]),
    (2, "GOV", "Name who leads the policy discussion.", 45, 5, 41, []),
]  # fmt: skip
WINDOWS: list[tuple[int, str, Window, int, int, tuple[tuple[int, str], ...]]] = [
    (0, "Cabinet meeting on social policy", Window.SESSION, 11, 1, ((7, "Brief for the minister, one page"),)),
    (1, "Budget policy statement before parliament", Window.BUDGET, 36, 8, ((28, "Costing of chapter four to the committee"), (10, "Call the members of the committee"))),
    (2, "Pre-budget discussion", Window.BUDGET, 71, 12, ((42, "Agree with both social partners on one text"),)),
    (2, "Anniversary of the social security fund", Window.ANNIVERSARY, -16, 1, ()),
]  # fmt: skip

RESULTS: Outcomes = [
    (
        2, "output", "Needs that nobody meets are diagnosed, and discussed by all sides",
        [("Countries with a diagnosis that government, employers and workers discussed", "countries", 0, 3, [
            (52, 1, "Minutes of the first policy discussion, with the names of those who came.", "Our own meeting: output, not outcome.", True),
            (33, 2, "Minutes of both policy discussions.", "Our own meetings: output, not outcome.", True),
        ]),
        ("People trained to read and write a plan, half of them women", "people", 0, 90, [
            (31, 64, "Lists of participants of three trainings: 31 women, 33 men.", "Two of the three trainers were paid by the regional union.", False),
        ])],
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Colleagues:
    """first, second: officers who work in the drive's countries; the second is away this week."""

    planner: User
    outreach: User
    first: User
    second: User


def make_country_plans(*, campaign: Campaign, users: dict[Role, User], colleagues: Colleagues, now: datetime) -> Drive:
    today, planner = now.date(), colleagues.planner
    countries = [Country.objects.get(pk=code) for code in COUNTRIES]
    drive = create_drive(
        actor=planner, campaign=campaign, name="Country action plans: Ghana, Kenya and Nepal", owner=planner,
        goal="Three national action plans, adopted with dates and money, that employers and workers wrote too.",
        starts_on=today - timedelta(days=BEGAN), ends_on=today + timedelta(days=LASTS - BEGAN), status=Drive.Status.ACTIVE,
        countries=countries, constituencies=list(Constituency.objects.filter(code__in=SIDES)),
    )  # fmt: skip
    for user, role in (
        (planner, TeamRole.LEAD),
        (colleagues.first, TeamRole.OUTREACH),
        (colleagues.second, TeamRole.PARTNERS),
        (users[Role.EDITOR], TeamRole.COMMUNICATION),
        (users[Role.VIEWER], TeamRole.EXPERT),
        (users[Role.ADMIN], TeamRole.MONITORING),
    ):
        TeamMember.objects.create(drive=drive, user=user, role=role)
    begin_from(actor=planner, drive=drive, blueprint=ACTION_PLAN, starts_on=drive.starts_on)
    _carry_out(drive, today)
    _look_after(countries, colleagues, now)
    asks = list(Ask.objects.filter(drive=drive).order_by("place"))
    walk_all(
        drive, list(zip(asks, (0.6, 0.85), strict=True)), [colleagues.first, colleagues.second], now, seed=SEED,
        days=range(1, BEGAN),
    )  # fmt: skip
    _promises(drive, asks[1], countries, colleagues, today)
    for place, name, kind, first, days, leads in WINDOWS:
        create_window(
            actor=planner, name=name, kind=kind, country=countries[place], starts_on=today + timedelta(days=first),
            ends_on=today + timedelta(days=first + days - 1), leads=leads, owner=colleagues.first,
        )  # fmt: skip
    keep_results(RESULTS, campaign=campaign, drive=drive, users=users, now=now, start=drive.starts_on, days=LASTS)
    return drive


def _carry_out(drive: Drive, today: date) -> None:
    """States of the activities, the day on which each was done, and what the objectives have come to."""
    steps = {str(step.name): step.key for step in ACTION_PLAN.steps}
    for row in Activity.objects.filter(drive=drive).order_by("pk"):
        key, place = steps[row.name], row.country_id or ""
        state = STATES.get(key, {}).get(place, State.PLANNED)
        row.state, row.note = state, NOTES_OF.get((key, place), "")
        if state == State.DONE:
            row.done_on = min(today, row.due_on + timedelta(days=LATE_BY.get((key, place), 0)))
        row.save(update_fields=["state", "note", "done_on", "updated_at"])
    for goal in Objective.objects.filter(drive=drive):
        goal.reached, ago = REACHED[goal.name]
        goal.reached_on = today - timedelta(days=ago)
        goal.save(update_fields=["reached", "reached_on", "updated_at"])


def _look_after(countries: Sequence[Country], people: Colleagues, now: datetime) -> None:
    """Whose institutions they are, what was said there since the drive began, and who stands in for whom."""
    for user, codes in ((people.first, COUNTRIES[:2]), (people.second, COUNTRIES[2:])):
        rows = Organization.objects.filter(country__in=codes, constituency__code__in=SIDES)
        set_owner_of_many(rows=rows, owner=user, actor=people.planner)
    for held in heads_of(countries[:2]):
        edit_person(person=held.person, actor=people.first, changes={"pronunciation": said(held.person.name)})
    rng = random.Random(SEED)  # noqa: S311 the same demo each time
    for user, places in ((people.first, countries[:2]), (people.second, countries[2:])):
        heads = heads_of(places)
        chosen = rng.sample(heads, len(heads) * 2 // 3)
        talk(rng, chosen, officers=[user, people.planner], now=now, ago=(2, BEGAN), most=3, notes=NOTES, steps=STEPS)
    today = now.date()
    second, outreach = people.second, people.outreach
    for user, deputy, first, last, note in (
        (second, outreach, -1, 8, "Family leave"),
        (people.first, second, -47, -34, "Annual leave"),
        (outreach, people.first, 24, 35, "Annual leave"),
    ):
        add_absence(
            actor=user, user=user, deputy=deputy, starts_on=today + timedelta(days=first), ends_on=today + timedelta(days=last),
            note=note,
        )  # fmt: skip
    add_task(
        actor=second, title="Ask the secretary’s office for a day in the second week", due_on=today,
        organization=Organization.objects.filter(country=countries[2], constituency__code="GOV").first(),
    )  # fmt: skip
    paper = add_task(
        actor=people.planner, title="Summary of the talks for the steering group", due_on=today + timedelta(days=3)
    )
    hand_over_task(task=paper, actor=people.planner, to=people.first)
    add_task(
        actor=people.first,
        title="Who of each side has not been heard?",
        due_on=today + timedelta(days=1),
        repeat="fortnight",
    )


def _promises(drive: Drive, ask: Ask, countries: Sequence[Country], people: Colleagues, today: date) -> None:
    for number, (place, side, text, ago, due, heard, parts) in enumerate(PROMISES):
        organization = Organization.objects.filter(country=countries[place], constituency__code=side).order_by("pk")[0]
        head = Membership.objects.current().filter(organization=organization, post__is_head=True).first()
        row = Commitment.objects.create(
            organization=organization, drive=drive, ask=ask, text=text, made_on=today - timedelta(days=ago),
            due_on=today + timedelta(days=due), evidence="Minutes of the policy discussion, agreed by all sides.",
            promised_by=head.person if head else None, heard_on=today - timedelta(days=heard) if heard else None,
            is_public=number < 2, owner=people.second if place == 2 else people.first, recorded_by=people.planner,
        )  # fmt: skip
        Milestone.objects.bulk_create(
            Milestone(
                commitment=row, text=part, due_on=today + timedelta(days=days),
                done_on=today + timedelta(days=days - 1) if is_done else None,
            )
            for part, days, is_done in parts
        )  # fmt: skip
