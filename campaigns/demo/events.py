"""Three events of the drive: a dialogue in five weeks or more, whose answers are coming in, whose seats are all taken and for which some sign up by
themselves; a webinar that is over; and a conference to which countries send delegations. A reminder and a letter to those who came are begun."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.events.mailings import begin_mailing
from campaigns.events.models import Event, Invitation, Quota, Registration, Session, SignUp, wall_clock
from campaigns.planning.models import Drive
from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import Topic
from contacts.directory.models import Constituency, Country, Membership, Person
from crm.accounts.models import User

TUESDAY, WEDNESDAY, THURSDAY = 1, 2, 3
INVITED, SEATS = 130, 48
ANSWERS = ["yes"] * 46 + ["no"] * 18 + ["maybe"] * 8 + ["other"] * 6 + [""] * 22  # of a hundred
NOTES = [
    "Could you send the draft agenda?", "Arrivée la veille au soir.", "I will need a visa letter.", "Llegaré el primer día por la tarde.",
    "Vegetarian, please.",
]  # fmt: skip
DELEGATES = [
    "Awa Sarr",
    "Moussa Traoré",
    "Grace Banda",
    "Haja Rakoto",
    "Fatima Idriss",
    "Jean-Pierre Mbala",
    "Esther Mwale",
    "Omar Said",
]
ABOUT = {
    "en": "Ministries, employers, workers and social security institutions of ten countries sit down together: what a plan for the informal "
    "economy would cost, who pays, and who takes the first step.\n\nEach delegation leaves with one commitment and a date.",
    "fr": "Ministères, employeurs, travailleurs et institutions de sécurité sociale de dix pays autour d’une table : ce que coûterait un plan "
    "pour l’économie informelle, qui paie, et qui fait le premier pas.\n\nChaque délégation repart avec un engagement et une date.",
    "es": "Ministerios, empleadores, trabajadores e instituciones de seguridad social de diez países se sientan juntos: qué costaría un plan "
    "para la economía informal, quién paga y quién da el primer paso.\n\nCada delegación se va con un compromiso y una fecha.",
    "ar": "وزارات وأصحاب عمل وعمال ومؤسسات ضمان اجتماعي من عشرة بلدان حول طاولة واحدة: كم تكلف خطة للاقتصاد غير المنظم، ومن يدفع، ومن يبدأ."
    "\n\nيغادر كل وفد بالتزام واحد وموعد.",
}
PROGRAMME = [
    (0, "09:00", "09:45", "Opening: where ten countries stand", "Plenary hall"),
    (0, "10:00", "12:30", "What it costs, and who pays", "Plenary hall"),
    (0, "14:00", "17:00", "Country tables: one step each", "Rooms 1 to 5"),
    (1, "09:00", "12:00", "Commitments, read out by each delegation", "Plenary hall"),
    (1, "12:00", "12:30", "Closing", "Plenary hall"),
]


WISHES = [  # who signs up: name, institution, country, language, what they say
    (
        "Ndeye Fall",
        "Réseau des femmes du marché, Thiès",
        "SN",
        "fr",
        "Nous organisons 400 vendeuses et voudrions présenter notre mutuelle.",
    ),
    ("Peter Ochieng", "Boda Riders Cooperative", "UG", "en", "Two of us could share one seat."),
    ("Hanta Rabe", "", "MG", "fr", ""),
    (
        "Samuel Tesfaye",
        "Institute for Labour Studies",
        "ET",
        "en",
        "I write on the costing of extension and can send the paper.",
    ),
]


def make_events(
    drive: Drive, *, countries: Sequence[Country], now: datetime, seed: int, editor: User, topic: Topic
) -> Event:
    chance = random.Random(seed)  # noqa: S311 the same demo each time
    people = _people(countries)
    first = _on_a(TUESDAY, (now + timedelta(days=35)).date())
    dialogue = _event(
        drive, "Dialogue of ten countries: a plan for the informal economy", "dialogue-dakar", "discussion", "Africa/Dakar",
        (first, "09:00"), (first + timedelta(days=1), "12:30"), place="Conference centre, Avenue des Exemples, Dakar",
        sign_ups="staff", country=Country.objects.get(code="SN"), capacity=SEATS, guests_each=1, answer_by=(now + timedelta(days=21)).date(), abouts=ABOUT,
        names={
            "fr": "Dialogue de dix pays : un plan pour l’économie informelle", "es": "Diálogo de diez países: un plan para la economía informal",
            "ar": "حوار عشرة بلدان: خطة للاقتصاد غير المنظم",
        },
    )  # fmt: skip
    Session.objects.bulk_create(
        Session(
            event=dialogue, title=title, place=place, starts_local=_clock(first + timedelta(days=day), begin),
            ends_local=_clock(first + timedelta(days=day), end),
        )
        for day, begin, end, title, place in PROGRAMME
    )  # fmt: skip
    _answers(dialogue, people[:INVITED], chance, now)
    _quotas(dialogue)
    _wishes(dialogue, now)
    day = _on_a(THURSDAY, (now - timedelta(days=12)).date(), step=-1)
    webinar = _event(
        drive, "Webinar: reading the coverage figures of your country", "webinar-figures", "webinar", "Europe/Zurich", (day, "14:00"),
        (day, "15:30"), online_url="https://meet.campaign.test/figures", capacity=None, guests_each=0, answer_by=None, abouts={}, country=None,
    )  # fmt: skip
    _answers(webinar, people[-70:], chance, webinar.starts_at - timedelta(days=1))
    seats = list(webinar.registrations.filter(state="seat"))
    for row in seats:
        if chance.random() < 0.7:
            row.came_at = webinar.starts_at + timedelta(minutes=chance.uniform(-10, 15))
    Registration.objects.bulk_update(seats, ["came_at"])
    _invite_partner(dialogue, webinar, now)
    for event, purpose in ((dialogue, "reminder"), (webinar, "came")):
        begin_mailing(event=event, actor=editor, purpose=purpose, topic=topic)
    return dialogue


def make_conference(drive: Drive, *, now: datetime) -> Event:
    """Delegations come to it; nobody is invited by themselves."""
    first = _on_a(WEDNESDAY, (now + timedelta(days=38)).date())
    return _event(
        drive, "Conference on social protection: one step each", "conference-geneva", "conference", "Europe/Zurich",
        (first, "09:30"), (first + timedelta(days=1), "17:00"), place="Conference centre, Rue des Exemples, Geneva",
        country=Country.objects.get(code="CH"), capacity=80, guests_each=0, abouts={},
        names={
            "fr": "Conférence sur la protection sociale : un pas chacun", "es": "Conferencia sobre la protección social: un paso cada uno",
            "ar": "مؤتمر الحماية الاجتماعية: خطوة لكلٍّ",
        },
    )  # fmt: skip


def _wishes(event: Event, now: datetime) -> None:
    """Some signed up on the page of the event, and wait for a decision."""
    for number, (name, institution, country, language, note) in enumerate(WISHES):
        email = f"{name.split()[0].lower()}@wishes.test"
        SignUp.objects.create(
            event=event, state="confirmed", name=name, email=email, address_hash=address_hash(address_key(email)), language=language,
            organization_name=institution, country_id=country, note=note, confirmed_at=now - timedelta(hours=3 + 11 * number),
        )  # fmt: skip


def _people(countries: Sequence[Country]) -> list[Membership]:
    """Those who hold a post there and can be written to, the heads first."""
    held = Membership.objects.filter(
        ended_on=None,
        is_primary=True,
        post__isnull=False,
        organization__country__in=countries,
        person__archived_at=None,
    ).exclude(organization__constituency__root_code="DON")
    held = held.select_related("person", "post", "organization__constituency").prefetch_related(
        "person__contact_points"
    )
    rows = [row for row in held.order_by("-post__is_head", "organization_id", "pk") if _address(row)]
    return rows


def _address(row: Membership) -> str:
    return next((p.value for p in row.person.contact_points.all() if p.kind == "email" and p.status == "active"), "")


def _event(drive: Drive, name: str, slug: str, kind: str, zone: str, begin: Any, end: Any, **values: Any) -> Event:
    where = ZoneInfo(zone)
    starts, ends = (datetime.fromisoformat(f"{day} {clock}") for day, clock in (begin, end))
    return Event.objects.create(
        drive=drive, name=name, slug=slug, kind=kind, zone=zone, starts_local=wall_clock(starts), ends_local=wall_clock(ends),
        starts_at=starts.replace(tzinfo=where), ends_at=ends.replace(tzinfo=where), is_public=True, **values,
    )  # fmt: skip


def _on_a(weekday: int, day: date, *, step: int = 1) -> date:
    """The next such day, or with step -1 the one before; none of the weeks in which offices are closed at the turn of the year."""
    while day.weekday() != weekday or (day.month, day.day) >= (12, 19) or (day.month, day.day) <= (1, 7):
        day += timedelta(days=step)
    return day


def _clock(day: Any, clock: str) -> datetime:
    return wall_clock(datetime.fromisoformat(f"{day} {clock}"))


def _answers(event: Event, people: Sequence[Membership], chance: random.Random, now: datetime) -> None:
    """Invited ten days ago, answered since; the last ones minutes ago. Seats in the order of the answers, then the line."""
    invited_at = now - timedelta(days=10)
    rows = []
    for held in people:
        answer = chance.choice(ANSWERS)
        at = now - timedelta(minutes=chance.expovariate(1 / 3000) % 13_000) if answer else None
        rows.append(
            Invitation(
                event=event, person=held.person, organization=held.organization, post=held.post, email=_address(held),
                language=held.person.language or "en", answer=answer, answered_at=at,
                came_by=chance.choice(["link", "link", "link", "reply", "staff"]) if answer and answer != "other" else ("link" if answer else ""),
                note=chance.choice(NOTES) if answer and chance.random() < 0.12 else "",
            )
        )  # fmt: skip
    made = Invitation.objects.bulk_create(rows)
    Invitation.objects.filter(event=event).update(created_at=invited_at)
    taken = 0
    seats: list[Registration] = []
    for row in sorted((row for row in made if row.answer in ("yes", "other")), key=lambda row: row.answered_at or now):
        is_full = event.capacity is not None and taken >= event.capacity
        place = row.organization
        is_other = row.answer == "other"
        name = chance.choice(DELEGATES) if is_other else row.label
        seats.append(
            Registration(
                event=event, invitation=row, role="delegate" if is_other else "invited", state="waiting" if is_full else "seat",
                name=name, email=f"{name.split()[0].lower()}.{len(seats)}@people.test" if is_other else row.email,
                person=None if is_other else row.person, organization=place, constituency=place.constituency if place else None,
                language=row.language, asked_at=row.answered_at or now, seated_at=None if is_full else row.answered_at,
            )
        )  # fmt: skip
        taken += not is_full
    Registration.objects.bulk_create(seats)
    event.taken = taken
    event.save(update_fields=["taken"])


def _invite_partner(dialogue: Event, webinar: Event, now: datetime) -> None:
    """Whoever has an account finds there an invitation that waits for an answer, and an event that they came to."""
    person = Person.objects.filter(partner_account__isnull=False).order_by("pk").first()
    held = person and person.memberships.filter(ended_on=None, is_primary=True).select_related("organization").first()
    if not held:
        return
    who = {"organization": held.organization, "language": held.person.language or "en", "email": _address(held)}
    Invitation.objects.get_or_create(event=dialogue, person=held.person, defaults=who)
    if webinar.invitations.filter(person=held.person).exists():
        return
    at = webinar.starts_at - timedelta(days=3)
    asked = Invitation.objects.create(
        event=webinar, person=held.person, answer="yes", answered_at=at, came_by="link", **who
    )
    Registration.objects.create(
        event=webinar, invitation=asked, role="invited", state="seat", name=held.person.label, person=held.person, asked_at=at, seated_at=at,
        came_at=webinar.starts_at, constituency=held.organization.constituency if held.organization else None, **who,
    )  # fmt: skip
    webinar.taken += 1
    webinar.save(update_fields=["taken"])


def _quotas(event: Event) -> None:
    """Seats set aside for workers and employers, as many as are taken and some more."""
    for code in ("WRK", "EMP"):
        taken = event.registrations.seated().filter(constituency__root_code=code).count()
        Quota.objects.create(
            event=event, constituency=Constituency.objects.get(code=code), seats=taken + 2, taken=taken
        )
