"""A past that looks lived in: two asks, a year of steps on the ladder with their evidence, and who can do how much."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

from campaigns.planning.models import Drive
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask, PositionStep, Power
from contacts.directory.models import Membership, Organization
from crm.accounts.models import User

SEED = 1952
KNOWN, SECOND = 0.82, 0.35  # of the drive's institutions: on the first ask, on the second
YEAR = range(2, 380)  # days ago
ASKS: list[dict[str, Any]] = [
    {
        "name": "Adopt a national action plan for social security",
        "names": {
            "fr": "Adopter un plan d’action national de sécurité sociale",
            "es": "Adoptar un plan de acción nacional de seguridad social",
            "ar": "اعتماد خطة عمل وطنية للضمان الاجتماعي",
        },
        "done_when": "The plan is published, was agreed with employers and workers, and has a line in the budget.",
        "description": "Made by the three sides together: who is covered, who is not, the steps, who pays, and who watches.",
    },
    {
        "name": "Publish yearly figures of who is covered",
        "names": {
            "fr": "Publier chaque année qui est couvert",
            "es": "Publicar cada año quién está cubierto",
            "ar": "نشر أرقام التغطية سنويًا",
        },
        "done_when": "Figures by sex and by kind of work are out within nine months of the year’s end.",
        "description": "What nobody counts, nobody covers. One table is enough to begin with.",
    },
]
# what shows it, by where they stand: (kind, words)
EVIDENCE: dict[Stance, list[tuple[str, str]]] = {
    Stance.OPPOSED: [
        ("quote", "“Another contribution is the last thing that small firms need this year.”"),
        ("document", "Their statement on the budget asks to put the plan off until after the election."),
    ],
    Stance.SCEPTICAL: [
        ("meeting", "They doubt that informal workers can be registered at all, and asked who would pay."),
        ("quote", "“We have seen three plans. Show us one that was carried out.”"),
    ],
    Stance.UNAWARE: [
        ("meeting", "Had not heard of the campaign. Took the brochure, in French too."),
        ("meeting", "The file lies with a desk that was closed in spring; nobody has it now."),
    ],
    Stance.NEUTRAL: [
        ("meeting", "Will wait for the ministry’s lead. No objection in principle."),
        ("document", "The answer to our letter names no date and no person."),
    ],
    Stance.INTERESTED: [
        ("meeting", "Asked for a costing, and for how Costa Rica reached the countryside."),
        ("meeting", "Want to send two people to the round table, if it is held in Dakar."),
    ],
    Stance.SUPPORTIVE: [
        ("quote", "“This belongs into next year’s programme, and I will say so in cabinet.”"),
        ("document", "Their newsletter printed the three questions and their own answers."),
        ("meeting", "The director named a desk and a date for the first draft."),
    ],
    Stance.CHAMPION: [
        ("vote", "Moved the resolution in the tripartite council; carried with two abstentions."),
        ("quote", "“We do not wait for others. We begin with domestic workers in March.”"),
    ],
}
POWER_OF = {"GOV": (4, 5), "EMP": (3, 4), "WRK": (3, 4), "SSI": (3, 5), "CSO": (1, 3), "IGO": (2, 4), "DON": (3, 5)}


def make_positions(drive: Drive, users: list[User], now: datetime) -> list[Ask]:
    """Institutions of the drive's countries; some stay unknown, a few went down, one step was a mistake."""
    asks = [Ask.objects.create(drive=drive, place=place, **values) for place, values in enumerate(ASKS, start=1)]
    walk_all(drive, list(zip(asks, (KNOWN, SECOND), strict=True)), users, now, seed=SEED)
    _one_mistake(users[0], now)
    return asks


def walk_all(
    drive: Drive, asks: list[tuple[Ask, float]], users: list[User], now: datetime, *, seed: int, days: range = YEAR
) -> None:
    """Steps on each ask for a share of the drive's institutions, so many days ago, and how much each can do."""
    rng = random.Random(seed)  # noqa: S311 nothing secret
    rows = Organization.objects.filter(country__in=drive.countries.all()).select_related("constituency")
    organizations = list(rows.order_by("pk"))
    speakers = _speakers(organizations)
    steps: list[PositionStep] = []
    for organization in organizations:
        for ask, share in asks:
            if rng.random() < share:
                steps += _walk(rng, organization, ask, speakers.get(organization.pk), users, now, days)
    steps.sort(key=lambda step: step.recorded_at)
    PositionStep.objects.bulk_create(steps, batch_size=500)
    known = set(Power.objects.filter(campaign=drive.campaign_id).values_list("organization", flat=True))
    Power.objects.bulk_create(_powers(rng, [one for one in organizations if one.pk not in known], drive))


def _speakers(organizations: list[Organization]) -> dict[int, Any]:
    found = Membership.objects.current().filter(organization__in=organizations, post__isnull=False)
    return {row.organization_id: row.person for row in found.select_related("person").order_by("-pk")}


def _walk(
    rng: random.Random, organization: Organization, ask: Ask, speaker: Any, users: list[User], now: datetime, ago: range
) -> list[PositionStep]:
    """One to four steps, mostly upward."""
    count = rng.choice([1, 1, 2, 2, 3, 4])
    days = sorted(rng.sample(ago, count), reverse=True)
    stance = rng.choice([Stance.UNAWARE, Stance.UNAWARE, Stance.NEUTRAL, Stance.SCEPTICAL, Stance.INTERESTED])
    made = []
    for number, day in enumerate(days):
        if number:
            stance = Stance(max(1, min(7, stance + rng.choice([-1, 1, 1, 1, 2]))))
        kind, words = rng.choice(EVIDENCE[stance])
        on = (now - timedelta(days=day)).date()
        made.append(
            PositionStep(
                organization=organization, ask=ask, stance=stance, on=on, evidence_kind=kind, evidence=words,
                confidence=rng.choice(["low", "medium", "medium", "high"]), recorded_by=rng.choice(users),
                said_by=speaker if speaker and rng.random() < 0.6 else None,
                recorded_at=datetime.combine(on, time(rng.randint(8, 17), rng.randint(0, 59)), tzinfo=UTC),
            )
        )  # fmt: skip
    return made


def _one_mistake(user: User, now: datetime) -> None:
    step = PositionStep.objects.filter(stance=Stance.CHAMPION).order_by("-on", "-pk").first()
    if step:
        PositionStep.objects.filter(pk=step.pk).update(
            withdrawn_at=now - timedelta(days=1), withdrawn_by=user, withdrawn_why="It was the council of the region, not theirs."
        )  # fmt: skip


def _powers(rng: random.Random, organizations: list[Organization], drive: Drive) -> list[Power]:
    made = []
    for organization in organizations:
        low, high = POWER_OF.get(organization.constituency.root_code, (1, 3))
        if rng.random() < 0.9:
            made.append(Power(organization=organization, campaign_id=drive.campaign_id, power=rng.randint(low, high)))
    return made
