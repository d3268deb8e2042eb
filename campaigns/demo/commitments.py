"""Promises of the demo: on track, at risk, late, kept and verified, broken; and two that institutions told us about."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

from campaigns.commitments.models import Commitment, CommitmentLink, CommitmentUpdate, Milestone
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask, Position
from contacts.directory.models import Membership
from crm.accounts.models import User

SEED = 102
# text, days until due, promised days ago, heard of days ago, milestones (text, days until due, done)
OPEN: list[tuple[str, int, int, int | None, list[tuple[str, int, bool]]]] = [
    ("Send the first draft of the action plan to both social partners.", 20, 70, 4, [("Name a desk and a person", -40, True), ("Outline to the partners", -12, True)]),
    ("Put social security for domestic workers on the agenda of the tripartite council.", 45, 60, 20, [("Letter to the chair", -5, True)]),
    ("Publish who is covered, by sex and kind of work, for last year.", -6, 150, 41, [("Data from the provinces", -30, True)]),
    ("Give a line in next year’s budget to the registration of informal workers.", 25, 120, 55, []),
    ("Hold three hearings with associations of informal workers.", 80, 50, 9, [("First hearing", -8, False), ("Second hearing", 30, False)]),
    ("Second an actuary to the working group for six months.", 140, 30, 12, []),
    ("Translate the brochure and print a thousand copies.", 9, 40, 6, [("Proofs", 2, False)]),
    ("Bring the draft before the executive committee.", 60, 130, 110, []),
    ("Open a counter for the self-employed in two markets.", 110, 25, None, [("Choose the markets", 20, False)]),
]  # fmt: skip
ENDED = [
    ("Answer the three questions in writing.", "kept", "The answers came with the letter of 3 pages; filed.", True),
    ("Send two people to the round table.", "kept", "Both are on the list of participants.", True),
    ("Name a focal point for the campaign.", "kept", "The letter names the head of the legal desk.", False),
    ("Lower the threshold for small firms this year.", "broken", "The minister said in parliament that it waits for another year.", True),
]  # fmt: skip


def make_commitments(asks: list[Ask], users: dict[str, User], now: datetime) -> None:
    """Promises of institutions that are interested or better."""
    rng = random.Random(SEED)  # noqa: S311 nothing secret
    stand = Position.objects.filter(ask=asks[0], stance__gte=Stance.INTERESTED)
    rows = list(stand.select_related("organization").order_by("-stance", "pk"))
    places = [row.organization for row in rows]
    rng.shuffle(places)
    turn = iter(places * 3)
    planner, officer = users["planner"], users["outreach"]
    for number, (text, due, ago, heard, parts) in enumerate(OPEN):
        row = _make(text, next(turn), asks[number % len(asks)], now, ago, due, recorded_by=officer, owner=[officer, planner][number % 2], heard=heard)  # fmt: skip
        Milestone.objects.bulk_create(
            Milestone(commitment=row, text=part, due_on=_day(now, days), done_on=_day(now, days - 1) if done else None)
            for part, days, done in parts
        )
        if number in (0, 2):
            _sent(row, planner, now, is_late=number == 2)
    for number, (text, state, outcome, is_verified) in enumerate(ENDED):
        row = _make(text, next(turn), asks[0], now, 160 - 10 * number, -20 - number, recorded_by=planner, owner=officer, heard=20)  # fmt: skip
        row.state, row.outcome, row.settled_by = state, outcome, officer
        row.settled_at = now - timedelta(days=18 - number)
        if is_verified:
            row.verified_by, row.verified_at = users["admin"], now - timedelta(days=11 - number)
        row.save()


def _day(now: datetime, days: int) -> Any:
    return (now + timedelta(days=days)).date()


def _make(text: str, place: Any, ask: Ask, now: datetime, ago: int, due: int, *, heard: int | None, **values: Any) -> Commitment:  # fmt: skip
    who = Membership.objects.current().filter(organization=place, post__is_head=True).select_related("person").first()
    return Commitment.objects.create(
        organization=place, drive_id=ask.drive_id, ask=ask, text=text, made_on=_day(now, -ago), due_on=_day(now, due),
        evidence="Said at the meeting, and repeated in the minutes.", promised_by=who.person if who else None,
        heard_on=None if heard is None else _day(now, -heard), is_public=due > 0, **values,
    )  # fmt: skip


def _sent(row: Commitment, user: User, now: datetime, *, is_late: bool) -> None:
    """What the institution said by its link: one was accepted, the other waits."""
    link = CommitmentLink.objects.create(commitment=row, made_by=user, made_at=now - timedelta(days=25))
    CommitmentUpdate.objects.create(
        commitment=row, came_by=link, progress="on_track", text="The working group met twice. Minutes follow.",
        written_by="Planning desk", received_at=now - timedelta(days=19), state="accepted",
        decided_at=now - timedelta(days=18), decided_by=user,
    )  # fmt: skip
    if is_late:
        at = datetime.combine((now - timedelta(days=1)).date(), time(15, 20), tzinfo=UTC)
        CommitmentUpdate.objects.create(
            commitment=row, came_by=link, progress="late", new_due_on=_day(now, 40), written_by="Statistics desk",
            text="Two provinces have not sent their figures. We ask for six more weeks.", received_at=at,
        )  # fmt: skip
