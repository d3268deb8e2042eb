"""A large, believable directory by COPY, for benches, for looking at plans, and for a large demo. Never used on a real database.

100,000 people with memberships, addresses and consent take about fifteen seconds. The same n gives the same rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

from django.db import connection, transaction

from contacts.consent.addresses import address_hash
from contacts.consent.models import ConsentEvent, Suppression, Topic
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Membership,
    Organization,
    Person,
    Post,
    Tag,
)
from crm.ids import new_uid
from crm.ui.searchtext import acronyms, searchable, sorting

PEOPLE_PER_ORGANIZATION = 20
NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
GIVEN = [
    "Amina", "Jean", "Fatou", "Carlos", "María", "Ahmed", "Chidi", "Ana", "Thandiwe", "Rajesh", "Mei", "Olga",
    "Pierre", "Awa", "Juan", "Leila", "Kofi", "Ngozi", "Ali", "Sofía",
]  # fmt: skip
FAMILY = [
    "Ndiaye", "Okafor", "Mwale", "Banda", "Silva", "García", "Hassan", "Diallo", "Traoré", "Kone", "Sharma", "Rahman",
    "Nguyen", "Ivanova", "Dubois", "Martín", "Phiri", "Tembo", "Ouédraogo", "Abdi", "Moyo", "Chanda", "Zulu",
    "Mensah", "Boateng", "Haddad", "Costa", "Pereira", "López", "Fernández", "Keïta", "Sow",
]  # fmt: skip
KINDS = {
    "GOV": "Ministry", "EMP": "Employers’ Federation", "WRK": "Workers’ Confederation", "SSI": "Social Insurance Fund",
    "CSO": "Civic Alliance", "IGO": "Regional Office", "DON": "Development Agency", "RES": "Institute", "MED": "Tribune",
}  # fmt: skip


@dataclass(frozen=True)
class Volume:
    """What was made. Ids are consecutive: `first_person … first_person + people - 1`."""

    people: int
    first_person: int
    organizations: int
    first_organization: int
    topic: Topic


def make_people(n: int, *, topic: Topic | None = None, seed: int = 1) -> Volume:
    """Copy `n` people in n/20 organizations into the database, and ANALYZE.

    Of the people 97 % have an e-mail address (3 % of those bounce, 1 % are invalid), 92 % gave consent to `topic` and 4 % of
    these withdrew it, 1 % are suppressed, 20 % are tagged, 60 % were mailed in the last year; each organization has a post,
    an info@ address and its consent.
    """
    chance = random.Random(seed)  # noqa: S311  repeatable, not secret
    with transaction.atomic():
        topic = topic or Topic.objects.get_or_create(code="volume", defaults={"name": "News of the campaign"})[0]
        organizations = list(_organizations(max(1, n // PEOPLE_PER_ORGANIZATION), chance))
        people = list(_people(n, organizations, chance))
        _copy_organizations(organizations, topic)
        _copy_people(people, topic, chance)
    _analyze()
    return Volume(n, people[0]["id"], len(organizations), organizations[0]["id"], topic)


def _organizations(n: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    countries = list(Country.objects.filter(region__isnull=False).order_by("code").values("code", "name", "languages"))
    constituencies = {c.code: c.pk for c in Constituency.objects.filter(code__in=KINDS)}
    first = _next_id(Organization)
    for number in range(n):
        country = countries[number % len(countries)]
        code = list(KINDS)[number // len(countries) % len(KINDS)]
        name = f"{KINDS[code]} of {country['name']}" + (f" {number}" if number >= len(countries) * len(KINDS) else "")
        yield {
            "id": first + number,
            "uid": new_uid(),
            "name": name,
            "constituency_id": constituencies[code],
            "country_id": country["code"],
            "language": next((tag for tag in country["languages"] if tag in {"en", "fr", "es", "ar"}), "en"),
            "last_contacted_at": _ago(chance, 700) if chance.random() < 0.7 else None,
        }


def _people(n: int, organizations: Sequence[dict[str, Any]], chance: random.Random) -> Iterator[dict[str, Any]]:
    first = _next_id(Person)
    for number in range(n):
        place = organizations[number % len(organizations)]
        given, family = chance.choice(GIVEN), f"{chance.choice(FAMILY)} {chance.choice(FAMILY)}"
        yield {
            "id": first + number,
            "uid": new_uid(),
            "name": f"{given} {family}",
            "given_name": given,
            "family_name": family,
            "language": place["language"],
            "country_id": place["country_id"],
            "organization_id": place["id"],
            "is_head": number < len(organizations),
            "last_mailed_at": _ago(chance, 365) if chance.random() < 0.6 else None,
        }


def _ago(chance: random.Random, days: int) -> datetime:
    return NOW - timedelta(days=chance.randrange(1, days), seconds=chance.randrange(86_400))


def _copy_organizations(rows: Sequence[dict[str, Any]], topic: Topic) -> None:
    named = (
        {**_named(row["name"]), "search_text": searchable(row["name"], also=acronyms(row["name"])), **row}
        for row in rows
    )
    _copy(Organization, named, is_invented=True)
    first = _next_id(Post)
    posts = [
        {"id": first + i, "uid": new_uid(), "organization_id": row["id"], **_named("Director")}
        for i, row in enumerate(rows)
    ]
    _copy(Post, posts, is_head=True)
    for row, post in zip(rows, posts, strict=True):
        row["post_id"] = post["id"]
    _copy(ContactPoint, (_address(f"info@org{row['id']}.test", organization_id=row["id"]) for row in rows))
    _copy(ConsentEvent, (_consent(row["uid"], "organization", topic) for row in rows))


def _copy_people(rows: Sequence[dict[str, Any]], topic: Topic, chance: random.Random) -> None:
    _copy(
        Person,
        ({**_named(row["name"]), "sort_key": _order(row), **_without_place(row)} for row in rows),
        is_invented=True,
    )
    _copy(Membership, _memberships(rows), is_primary=True)
    _copy(ContactPoint, _addresses(rows, chance))
    _copy(ConsentEvent, _consents(rows, topic, chance))
    stopped = (row for row in rows if chance.random() < 0.01)
    _copy(Suppression, _suppressions(stopped))
    tags = [Tag.objects.get_or_create(name=f"volume {n}")[0].pk for n in range(5)]
    tagged = ({"person_id": row["id"], "tag_id": chance.choice(tags)} for row in rows if chance.random() < 0.2)
    _copy(Person.tags.through, tagged)


def _without_place(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"organization_id", "is_head"}}


def _order(row: dict[str, Any]) -> str:
    return sorting(row["family_name"], row["given_name"])


def _memberships(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    posts = dict(Post.objects.filter(is_head=True).values_list("organization_id", "pk"))
    for row in rows:
        yield {
            "uid": new_uid(),
            "person_id": row["id"],
            "organization_id": row["organization_id"],
            "post_id": posts[row["organization_id"]] if row["is_head"] else None,
            "role": "" if row["is_head"] else "Officer",
            "started_on": date(2022, 1, 1),
        }


def _addresses(rows: Iterable[dict[str, Any]], chance: random.Random) -> Iterator[dict[str, Any]]:
    for row in rows:
        draw = chance.random()
        if draw < 0.97:
            status = "invalid" if draw < 0.01 else "bouncing" if draw < 0.04 else "active"
            yield _address(f"person{row['id']}@people.test", person_id=row["id"], status=status)


def _consents(rows: Sequence[dict[str, Any]], topic: Topic, chance: random.Random) -> Iterator[dict[str, Any]]:
    for row in rows:
        draw = chance.random()
        if draw < 0.92:
            yield _consent(row["uid"], "person", topic)
        if draw < 0.04:
            yield {**_consent(row["uid"], "person", topic), "action": "withdraw", "at": NOW}


def _suppressions(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from django.conf import settings  # the ring's newest key names the hash

    key_id = next(iter(settings.ADDRESS_KEYS))
    for row in rows:
        yield {
            "address_hash": address_hash(f"person{row['id']}@people.test"),
            "key_id": key_id,
            "reason": "manual",
            "at": NOW,
        }


def _address(value: str, *, status: str = "active", **owner: int) -> dict[str, Any]:
    return {
        "uid": new_uid(),
        "kind": "email",
        "value": value,
        "status": status,
        "is_preferred": True,
        "address_key": value,
        "address_hash": address_hash(value),
        **owner,
    }


def _consent(uid: Any, kind: str, topic: Topic) -> dict[str, Any]:
    return {
        "subject_uid": uid,
        "subject_kind": kind,
        "topic_id": topic.pk,
        "action": "grant",
        "lawful_basis": "consent",
        "source": "volume",
        "at": NOW - timedelta(days=400),
    }


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "sort_key": sorting(name), "search_text": searchable(name)}


def _next_id(model: Any) -> int:
    return (model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def _copy(model: Any, rows: Iterable[dict[str, Any]], **same: Any) -> None:
    """COPY `rows` (column → value) into the model's table; other columns get the field's default."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    fields = [f for f in model._meta.concrete_fields if not f.primary_key or f.attname in first]
    columns = [f.attname for f in fields]
    default = {f.attname: _default(f) for f in fields} | same
    with connection.cursor() as cursor:
        names = ", ".join(f'"{column}"' for column in columns)
        with cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as copy:
            for row in chain([first], rows):
                values = {**default, **row}
                copy.write_row([values[column] for column in columns])
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM \"{model._meta.db_table}\"))",  # noqa: S608
            [f'"{model._meta.db_table}"'],
        )


def _default(field: Any) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return NOW
    value = field.get_default()
    return "{}" if isinstance(value, dict) else value


def _analyze() -> None:
    with connection.cursor() as cursor:
        for model in (Organization, Post, Person, Membership, ContactPoint, ConsentEvent, Suppression):
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')
        cursor.execute("ANALYZE contacts_consentstate")
        cursor.execute("ANALYZE contacts_person_tags")
