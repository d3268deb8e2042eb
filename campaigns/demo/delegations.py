"""A conference in Geneva with a delegation of each of the ten countries: some complete, some with gaps, one that nobody answers for; who
was named stands to be looked at, letters are numbered, and steps before the journey are done, due and late."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.delegations.models import (
    Composition,
    Delegation,
    DelegationSeats,
    Nomination,
    NominationMove,
    Nominator,
    SeatRule,
    Step,
    StepTemplate,
)
from campaigns.delegations.papers import number_papers
from campaigns.delegations.presets import PRESETS, STEPS
from campaigns.events.models import Event, Registration
from campaigns.mailings.models import Sender
from campaigns.todo.models import Task
from contacts.consent.addresses import address_hash, address_key
from contacts.directory.models import Constituency, Country, Membership, Organization
from crm.accounts.models import User

SIDES = ("GOV", "EMP", "WRK")
# for each country, by side: a accepted, p named and to be looked at, r sent back, x replaced before; capitals: advisers
PLANS: list[tuple[str, str, str]] = [
    ("aaAA", "aA", "aA"), ("aaA", "a", "a"), ("xaa", "a", "aA"), ("aa", "a", "p"), ("ap", "", "a"),
    ("pp", "r", "a"), ("", "a", "a"), ("aaP", "a", ""), ("", "", ""), ("", "", ""),
]  # fmt: skip
UNASKED = 9  # this one's institutions were not asked yet
WHY = "Four of your five delegates are men: please name a woman, or tell us why not."
LETTER = {
    "en": "The campaign pays for travel in economy class and for three nights in a hotel near the conference centre.",
    "fr": "La campagne prend en charge le voyage en classe économique et trois nuits d’hôtel près du centre de conférences.",
    "es": "La campaña paga el viaje en clase económica y tres noches de hotel cerca del centro de conferencias.",
    "ar": "تتحمل الحملة تكاليف السفر في الدرجة السياحية وثلاث ليالٍ في فندق قرب مركز المؤتمرات.",
}


def make_delegations(
    event: Event, *, countries: Sequence[Country], now: datetime, seed: int, officer: User, sender: Sender
) -> None:
    """event: with room for everybody. Written as it would have become in four weeks, without sending anything."""
    chance = random.Random(seed)  # noqa: S311 the same demo each time
    today = now.date()
    composition = Composition.objects.create(
        event=event, nominate_by=today + timedelta(days=9), asks_passport=True, sender=sender, officer=officer, letter_texts=LETTER,
    )  # fmt: skip
    sides = {row.code: row for row in Constituency.objects.filter(code__in=(*SIDES, "IGO"))}
    rules = {**PRESETS["tripartite"].seats, ("IGO", "delegate"): 1}
    SeatRule.objects.bulk_create(
        SeatRule(composition=composition, constituency=sides[code], role=role, seats=seats)
        for (code, role), seats in rules.items()
    )
    templates = [
        StepTemplate.objects.create(
            composition=composition,
            titles=asked.titles,
            days_before=asked.days,
            place=place,
            paper=asked.paper,
        )
        for place, asked in enumerate(STEPS[:2])
    ]
    taken = 0
    for number, (country, plan) in enumerate(zip(countries, PLANS, strict=False)):
        language = next((code for code in country.languages if code in LETTER), "en")
        row = _delegation(event, sides, rules, language=language, country=country)
        for code, letters in zip(SIDES, plan, strict=True):
            people = _people(country, code)
            if not people:
                continue
            by = _nominator(row, sides[code], people[0].organization, number, now)
            for held, letter in zip(people, letters, strict=False):
                made = _nomination(row, by, sides[code], held, letter, now, chance, officer)
                taken += made.state == Nomination.State.ACCEPTED
                if made.state == Nomination.State.ACCEPTED:
                    _steps(made, templates, today, chance, officer)
    _institution(event, sides, rules, now)
    event.taken = taken
    event.save(update_fields=["taken"])


def _delegation(event: Event, sides: dict[str, Constituency], rules: Any, **values: Any) -> Delegation:
    row = Delegation.objects.create(event=event, **values)
    asked = {key: seats for key, seats in rules.items() if (key[0] == "IGO") == (row.organization is not None)}
    DelegationSeats.objects.bulk_create(
        DelegationSeats(delegation=row, constituency=sides[code], role=role, seats=seats)
        for (code, role), seats in asked.items()
    )
    return row


def _institution(event: Event, sides: dict[str, Constituency], rules: Any, now: datetime) -> None:
    """An international organization comes by itself, and has not answered yet."""
    organization = Organization.objects.filter(constituency__code="IGO").order_by("pk").first()
    if organization is not None:
        row = _delegation(event, sides, rules, language="en", organization=organization)
        _nominator(row, sides["IGO"], organization, 0, now)


def _people(country: Country, code: str) -> list[Membership]:
    """Of one institution of that side, who can be written to; heads first."""
    held = Membership.objects.filter(
        ended_on=None, is_primary=True, organization__country=country, organization__constituency__root_code=code, person__archived_at=None
    )  # fmt: skip
    held = held.select_related("person", "post", "organization").prefetch_related("person__contact_points")
    rows = [row for row in held.order_by("-post__is_head", "organization_id", "pk") if _address(row)]
    return sorted(rows, key=lambda row: row.organization_id != rows[0].organization_id)


def _address(row: Membership) -> str:
    return next((p.value for p in row.person.contact_points.all() if p.kind == "email" and p.status == "active"), "")


def _nominator(
    row: Delegation, side: Constituency, organization: Organization, number: int, now: datetime
) -> Nominator:
    email = f"cabinet.{organization.pk}@nominates.test"
    is_asked = number != UNASKED
    made = Nominator.objects.create(
        delegation=row, constituency=side, organization=organization, email=email, address_hash=address_hash(address_key(email)),
        language=row.language or "en", asked_at=now - timedelta(days=24, hours=number) if is_asked else None,
        reminded_at=now - timedelta(days=6) if number == UNASKED - 1 else None,
    )  # fmt: skip
    return made


def _nomination(
    row: Delegation, by: Nominator, side: Constituency, held: Membership, letter: str, now: datetime, chance: random.Random, officer: User
) -> Nomination:  # fmt: skip
    states = {"a": "accepted", "p": "proposed", "r": "returned", "x": "replaced"}
    state = states[letter.lower()]
    is_decided = state in ("accepted", "returned")
    person, named_at = (
        held.person,
        now - timedelta(days=chance.uniform(*((0.1, 3) if state == "proposed" else (15, 20)))),
    )
    decided_at = named_at + timedelta(days=chance.uniform(0.2, 2)) if is_decided else None
    email = _address(held)
    made = Nomination.objects.create(
        delegation=row, constituency=side, role="adviser" if letter.isupper() else "delegate", state=state, named_by=by,
        organization=held.organization, name=str(person.names.get(row.language) or person.name), honorific=person.honorific_prefix,
        function=str(held.post.names.get(row.language) or held.post.name) if held.post else held.role, email=email,
        address_hash=address_hash(address_key(email)), gender=person.gender if chance.random() < 0.85 else "secret",
        passport_name=f"{person.family_name.upper()} {person.given_name}".strip()[:200] if chance.random() < 0.3 else "",
        language=row.language, reason=WHY if state == "returned" else "", decided_at=decided_at,
        decided_by=officer if is_decided else None, person=person if state == "accepted" else None,
    )  # fmt: skip
    Nomination.objects.filter(pk=made.pk).update(created_at=named_at)
    NominationMove.objects.create(nomination=made, state="proposed", at=named_at)
    if state != "proposed":
        at, words = decided_at or named_at + timedelta(days=2), made.reason
        NominationMove.objects.create(
            nomination=made, state=state, at=at, by=officer if is_decided else None, words=words
        )
    if state == "accepted" and decided_at is not None:
        made.registration = Registration.objects.create(
            event=row.event, role="delegate", state="seat", name=made.name, email=email, address_hash=made.address_hash, person=person,
            organization=held.organization, constituency=side, language=row.language, asked_at=named_at, seated_at=decided_at,
        )  # fmt: skip
        made.save(update_fields=["registration"])
        seats = row.seats.get(constituency=side, role=made.role)
        seats.taken += 1
        seats.save(update_fields=["taken"])
        number_papers(made)
    return made


def _steps(
    row: Nomination, templates: Sequence[StepTemplate], today: date, chance: random.Random, officer: User
) -> None:
    """The visa is done for most and late for some; travel is due in some days."""
    begins = row.delegation.event.local(row.delegation.event.starts_at).date()
    for place, template in enumerate(templates):
        due_on = today - timedelta(days=2) if place == 0 else begins - timedelta(days=template.days_before)
        luck = chance.random()
        decided_at = row.decided_at
        step = Step.objects.create(
            nomination=row, template=template, titles=template.titles, due_on=due_on, paper=template.paper,
            told_at=decided_at + timedelta(days=3) if decided_at and place == 0 and 0.7 < luck < 0.85 else None,
        )  # fmt: skip
        is_done = place == 0 and luck <= 0.7
        step.task = Task.objects.create(
            title=f"{step.text('en')}: {row.name} ({row.delegation.label})", due_on=due_on, assignee=officer, person=row.person,
            organization=row.organization, source="delegation", source_uid=step.uid,
            done_at=decided_at + timedelta(days=4) if decided_at and is_done else None, done_by=officer if is_done else None,
        )  # fmt: skip
        step.save(update_fields=["task"])
