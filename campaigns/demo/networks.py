"""A network that looks lived in: institutions of some sixty countries, individuals, who brought whom, and five who wait."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.utils import timezone

from campaigns.commitments.models import Commitment
from campaigns.forms.models import Form
from campaigns.networks.models import Application, Kind, Member, Network, Representative
from campaigns.offers.services import offer
from campaigns.partners.accounts import open_for
from campaigns.planning.models import Campaign
from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import Topic
from contacts.directory.models import Constituency, Country, Membership, Organization, Person

INSTITUTIONS, INDIVIDUALS = 260, 40
DAYS = 380
HEADLINES = {
    "en": "Half the world has no social protection. Help change that in your country.",
    "fr": "La moitié du monde n’a aucune protection sociale. Aidez à changer cela dans votre pays.",
    "es": "La mitad del mundo no tiene protección social. Ayude a cambiarlo en su país.",
    "ar": "نصف العالم بلا حماية اجتماعية. ساعدوا على تغيير ذلك في بلدكم.",
}
LEADS = {
    "en": "Governments, employers, workers and civil society, together for a plan in each country.",
    "fr": "Gouvernements, employeurs, travailleurs et société civile, ensemble pour un plan dans chaque pays.",
    "es": "Gobiernos, empleadores, trabajadores y sociedad civil, juntos por un plan en cada país.",
    "ar": "الحكومات وأصحاب العمل والعمال والمجتمع المدني معًا من أجل خطة في كل بلد.",
}
CHARTER = {
    "en": "Members work for social protection that reaches everybody, the informal economy first.\n\n"
    "They tell the others what they learn, and once a year what they did.\n\nThey leave whenever they like.",
    "fr": "Les membres œuvrent pour une protection sociale qui atteigne tout le monde, l’économie informelle d’abord.\n\n"
    "Ils partagent ce qu’ils apprennent et, une fois par an, ce qu’ils ont fait.\n\nIls partent quand ils veulent.",
}
QUESTION = {
    "key": "contribution", "kind": "long",
    "labels": {
        "en": "What would you like to do with the network?", "fr": "Que souhaitez-vous faire avec le réseau ?",
        "es": "¿Qué le gustaría hacer con la red?", "ar": "ماذا تودون أن تفعلوا مع الشبكة؟",
    },
}  # fmt: skip
# name, institution, kind of it, country, address, language, answer
WAITING = [
    ("Hery Rakoto", "Alliance des travailleurs informels", "CSO", "MG", "hery@alliance-mg.test", "fr", "Partager notre expérience des marchés d’Antananarivo."),
    ("Grace Phiri", "Market Women’s Association", "CSO", "MW", "grace@market-women.test", "en", "We would like to hear how others reached their members."),
    ("Dr. Amina Diallo", "", "", "SN", "amina.diallo@university.test", "fr", "Je fais de la recherche sur les mutuelles de santé."),
    ("Tesfaye Bekele", "Confederation of Trade Unions", "WRK", "ET", "tesfaye@unions-et.test", "en", ""),
    ("Lucía Gómez", "", "", "HN", "lucia@example.test", "es", "Quisiera traducir materiales."),
]  # fmt: skip
SHOWN = [["country"], ["country", "kind"], ["country", "kind", "since"], ["country", "kind", "website"], []]  # of Shown


def make_network(campaign: Campaign, topic: Topic, *, now: datetime, seed: int) -> Network:
    chance = random.Random(seed)  # noqa: S311 the same demo each time
    form = Form.objects.create(
        campaign=campaign, purpose=Form.Purpose.JOINING, name="Friends of Social Security for All", slug="friends-joining", questions=[QUESTION]
    )  # fmt: skip
    network = Network.objects.create(
        campaign=campaign, name="Friends of Social Security for All", slug="social-security-for-all",
        names={"fr": "Amis de la sécurité sociale pour tous", "es": "Amigos de la seguridad social para todos"},
        headlines=HEADLINES, leads=LEADS, charters=CHARTER, form=form, topic=topic, is_public=True, renews=True,
    )  # fmt: skip
    civil = Organization.objects.filter(constituency__root_code__in=["CSO", "WRK", "EMP", "SSI"], archived_at=None)
    chosen = list(civil.order_by("pk").values_list("pk", flat=True))
    people = list(Person.objects.filter(archived_at=None, memberships=None).order_by("pk").values_list("pk", flat=True))
    if len(people) < INDIVIDUALS:
        people = list(Person.objects.filter(archived_at=None).order_by("-pk").values_list("pk", flat=True)[:400])
    rows = [{"organization_id": pk} for pk in chance.sample(chosen, min(INSTITUTIONS, len(chosen)))]
    rows += [{"person_id": pk} for pk in chance.sample(people, min(INDIVIDUALS, len(people)))]
    chance.shuffle(rows)
    days = sorted((chance.uniform(1, DAYS) for _row in rows), reverse=True)
    members = Member.objects.bulk_create(
        Member(
            network=network,
            joined_at=now - timedelta(days=ago),
            is_listed=chance.random() < 0.8,
            shows=SHOWN[chance.randrange(len(SHOWN))],
            **row,
        )
        for ago, row in zip(days, rows, strict=True)
    )
    for place, member in enumerate(members):  # who was there first brings the others
        if place and chance.random() < 0.4:
            member.brought_by = members[chance.randrange(place)]
        if chance.random() < 0.05:
            member.left_at = member.joined_at + (now - member.joined_at) * chance.uniform(0.2, 0.9)
    Member.objects.bulk_update(members, ["brought_by", "left_at"])
    _make_applications(network, members, now)
    _make_people(members, now)
    _make_offers(network)
    return network


OFFERS = [
    ("Open a help desk for the registration of market traders in three towns.", True),
    ("Put the contribution scheme for domestic workers before our congress.", False),
]


def _make_offers(network: Network) -> None:
    """What two members want to do, which nobody has taken on yet."""
    rows = Member.objects.filter(network=network, contact__isnull=False, left_at=None).order_by("pk")
    for (text, is_public), member in zip(OFFERS, rows[3:], strict=False):
        if member.organization:
            offer(
                organization=member.organization, campaign=network.campaign, person=member.contact, text=text,
                due_on=timezone.localdate() + timedelta(days=120), is_public=is_public,
            )  # fmt: skip


def _make_people(members: list[Member], now: datetime) -> None:
    """Who acts for institutions, who is asked to decide and to renew; and one partner who has an account."""
    institutions = [row for row in members if row.organization_id and row.left_at is None]
    first: dict[int, int] = {}
    belongs = Membership.objects.filter(organization__in=[row.organization_id for row in institutions], ended_on=None)
    for organization_id, person_id in belongs.order_by("-pk").values_list("organization_id", "person_id"):
        first[organization_id] = person_id
    people = Person.objects.in_bulk(first.values())
    taken: set[int] = set()
    acting = []
    for place, row in enumerate(institutions):
        person = people.get(first.get(row.organization_id or 0, 0))
        if person is None or person.pk in taken:
            continue
        taken.add(person.pk)
        row.contact, row.decides = person, place % 20 == 0
        if now - row.joined_at > timedelta(days=340):
            row.renew_by = now.date() + timedelta(days=place % 20)
        acting.append(
            Representative(
                member=row,
                person=person,
                state="current",
                name=person.label,
                decided_at=row.joined_at,
                language=person.language or "en",
                is_admin=place % 3 == 0,
            )  # fmt: skip
        )
    Member.objects.bulk_update(institutions, ["contact", "decides", "renew_by"])
    Representative.objects.bulk_create(acting)
    _make_partner(members[0].network, members, now)


def _make_partner(network: Network, members: list[Member], now: datetime) -> None:
    """Somebody whose institution promised something: a member for a year, which they administer; they named a colleague, and have an account."""
    promised = Commitment.objects.filter(state="open").order_by("pk").values_list("organization_id", flat=True)
    belongs = Membership.objects.filter(organization__in=list(promised), ended_on=None, person__language__in=["", "en"])
    for place in belongs.select_related("person", "organization").order_by("organization", "pk"):
        person, points = place.person, place.person.contact_points.emails().usable().exclude(value__contains="+")
        point = points.order_by("pk").first()
        user = open_for(point.value) if point and person.name.isascii() else None
        if user is None or point is None:
            continue
        member, _made = Member.objects.get_or_create(
            network=network,
            organization=place.organization,
            left_at=None,
            defaults={"joined_at": now - timedelta(days=352)},
        )
        Member.objects.filter(pk=member.pk).update(
            contact=person, renew_by=now.date() + timedelta(days=12), is_listed=True
        )
        me, _made = Representative.objects.get_or_create(
            member=member,
            person=person,
            state="current",
            defaults={"name": person.label, "decided_at": member.joined_at},
        )
        Representative.objects.filter(pk=me.pk).update(is_admin=True, post="Head of partnerships", email=point.value)
        key = address_key("peter.banda@partner.test")
        Representative.objects.create(
            member=member, state="proposed", name="Peter Banda", post="Legal adviser", email=key, address_hash=address_hash(key),
            named_by=me,
        )  # fmt: skip
        Member.objects.filter(pk__in=[row.pk for row in members[:40:10]]).exclude(pk=member.pk).update(
            brought_by=member
        )
        return


def _make_applications(network: Network, members: list[Member], now: datetime) -> None:
    kinds = {row.code: row for row in Constituency.objects.filter(code__in=["CSO", "WRK"])}
    countries = Country.objects.in_bulk([row[3] for row in WAITING])
    for place, (name, institution, code, country, email, language, answer) in enumerate(WAITING):
        Application.objects.create(
            network=network, state=Application.State.CONFIRMED, email=email, address_hash=address_hash(address_key(email)),
            kind=Kind.INSTITUTION if institution else Kind.INDIVIDUAL, name=name, organization_name=institution,
            constituency=kinds.get(code), country=countries[country], language=language, wants_listing=place % 2 == 0,
            wants_letter=place % 3 == 0, brought_by=members[place] if place < 2 and members else None,
            answers={QUESTION["key"]: answer} if answer else {},
            confirmed_at=now - timedelta(hours=7 + 31 * place), agent="a phone's browser",
        )  # fmt: skip
