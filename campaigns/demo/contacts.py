"""The demo's past of talking: who called whom in the ten countries, what was agreed, what is due."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from campaigns.guard.services import add_quiet_dates, set_guard
from campaigns.interactions.services import log_interaction
from campaigns.rounds.models import CallRound
from campaigns.rounds.services import claim_next, record_outcome, start_round
from campaigns.todo.services import add_task
from contacts.directory.models import ContactPoint, Country, Membership
from contacts.segments.models import Segment
from crm.accounts.models import User

PLACES = 36
NOTES = {
    "call": [
        "Asked for the draft in French before the council meets. Friendly, short of time.",
        "They want figures of the neighbours first; sceptical about what it costs in the first year.",
        "Will put it on the agenda of the next tripartite committee. Wants a paper of two pages.",
        "Not reached the head; the deputy took notes and calls back.",
        "Agrees with the aim. Asks who pays for the survey of informal workers.",
    ],
    "meeting": [
        "Two hours with the whole department. They see the gap themselves: domestic workers and market sellers.",
        "Met beside the regional conference. Supportive, if employers come along; asked us to bring them together.",
        "Presented the coverage figures. Many questions about the source; they will send newer ones.",
        "They named a focal point for the action plan and offered to host the round table.",
    ],
    "letter": [
        "Invitation to the round table, with the agenda.",
        "Answer to their questions on financing, with two annexes.",
    ],
    "message": ["Short note with the link to the guide.", "Reminder of the date, and thanks for the meeting."],
}
STEPS = [
    "Send the draft in French", "Call again after the committee", "Send the neighbours’ figures", "Agree on a date for the round table",
    "Ask for the newer figures", "Bring employers and workers together",
]  # fmt: skip
SCRIPT = """Good morning, this is … of the campaign for social security.

1. Did our invitation to the round table in Dakar arrive?
2. Who comes, and in which language do they follow?
3. What would make the day worth their time?

Offer: travel is paid for two from each side."""


def make_contacts(*, officers: Sequence[User], countries: Sequence[Country], now: datetime, seed: int) -> None:
    """Some months of calls, meetings, letters and messages, the next steps of the latest, and a few tasks of other kinds."""
    rng = random.Random(seed)  # noqa: S311 the same demo each time
    holders = heads_of(countries)
    chosen = rng.sample(holders, min(PLACES, len(holders)))
    talk(rng, chosen, officers=officers, now=now)
    _guard(chosen, officers=officers, now=now)
    add_task(actor=officers[1], title="Week’s notes to the steering group", due_on=now.date(), repeat="week")
    add_task(
        actor=officers[0], title="Check whose posts changed", due_on=(now + timedelta(days=2)).date(), repeat="month"
    )


def heads_of(countries: Iterable[Country]) -> list[Membership]:
    """Who leads an institution there today."""
    rows = Membership.objects.current().primary().filter(organization__country__in=countries, post__is_head=True)
    return list(rows.select_related("person", "organization").order_by("organization_id"))


def talk(
    rng: random.Random,
    holders: Sequence[Membership],
    *,
    officers: Sequence[User],
    now: datetime,
    ago: tuple[int, int] = (3, 280),
    most: int = 4,
    notes: Mapping[str, Sequence[str]] = NOTES,
    steps: Sequence[str] = STEPS,
) -> None:
    """One contact or some with each. officers: two of three by the first; ago: days; steps: what is agreed at the last of every other one."""
    for number, held in enumerate(holders):
        officer = officers[0] if number % 3 else officers[1]
        days = sorted((rng.randint(*ago) for _time in range(rng.randint(1, most))), reverse=True)
        for place, day in enumerate(days):
            kind = rng.choice(["call", "call", "meeting", "letter", "message"])
            is_last = place == len(days) - 1
            log_interaction(
                actor=officer,
                kind=kind,
                people=[held.person],
                organizations=[held.organization],
                at=now - timedelta(days=day, minutes=rng.randint(0, 400)),
                is_two_way=kind in {"call", "meeting"} or rng.random() < 0.3,
                text=rng.choice(notes[kind]),
                next_step=rng.choice(steps) if steps and is_last and number % 2 else "",
                next_on=(now + timedelta(days=rng.randint(-4, 12))).date(),
            )


def _guard(holders: Sequence[Membership], *, officers: Sequence[User], now: datetime) -> None:
    """Most of them have an owner by now; one is met through its mission only, one is in an election, one was written to enough."""
    for number, held in enumerate(holders):
        if number % 5 != 4:
            set_guard(
                organization=held.organization, actor=officers[1], owner=officers[0] if number % 2 else officers[1]
            )
    places = [held.organization for held in holders]
    set_guard(organization=places[2], actor=officers[1], protocol="Only through the permanent mission in Geneva")
    set_guard(organization=places[5], actor=officers[1], most_touches=2, per_days=30)
    today = now.date()
    add_quiet_dates(
        organization=places[7],
        actor=officers[1],
        starts_on=today - timedelta(days=2),
        ends_on=today + timedelta(days=19),
        why="General election",
    )


def give_phones(countries: Iterable[str]) -> None:
    """To those who lead an institution there, but for every seventh. Under +999, which is no country's: nobody is ever called by them."""
    held = [one for number, one in enumerate(heads_of(Country.objects.filter(code__in=countries))) if number % 7]
    ContactPoint.objects.bulk_create(
        ContactPoint(
            person=one.person, kind="phone", label="office", value=f"+999 33 {one.pk // 100 % 1000:03} {one.pk % 100:02} 0{one.pk % 10}"
        )
        for one in held
    )  # fmt: skip


def begin_round(*, officer: User, segment: Segment) -> CallRound:
    """A call round that somebody began this morning: a few calls made, the others wait. Of some nobody knows the number."""
    row = start_round(name="Round table in Dakar: who comes?", segment=segment, actor=officer, script=SCRIPT)
    for outcome, text in (
        ("reached", "Comes, with one adviser."),
        ("no_answer", ""),
        ("reached", "Sends the deputy."),
        ("message", ""),
    ):
        line = claim_next(round_=row, actor=officer)
        if line is not None and line.token is not None:
            record_outcome(
                line=line,
                actor=officer,
                token=line.token,
                outcome=outcome,
                text=text,
                override_reason="Agreed with the owner",
            )
    return row
