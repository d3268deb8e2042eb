"""`manage.py bench search`: what somebody waits for while typing into Ctrl-K, and for the first page of a searched list.

Names are drawn from the directory itself, so common and rare ones come as they do in it: whole, begun, in another order,
with a letter wrong, without accents, in another script, and parts of addresses and numbers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection

from contacts.directory.models import ContactPoint, Organization, Person
from contacts.directory.volume import make_people
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.bench import Bar, Result
from crm.request_timing import make_ready
from crm.ui import search as everything

LIMIT_MS = 100.0
EACH = 25  # of a kind
PHONES = 2000
PAGE = 51


def prepare(size: int) -> User:
    made = make_people(size)
    points = [
        ContactPoint(person_id=made.first_person + n * (size // PHONES or 1), kind="phone", value=f"+221 77 {n:03d} {n % 89:02d} {n % 97:02d}")
        for n in range(min(PHONES, size))
    ]  # fmt: skip
    ContactPoint.objects.bulk_create(points, batch_size=500)
    rare = [("Wilhelmina", "Köberle-Özdemir"), ("Xóchitl", "Quetzalcóatl"), ("Сергей", "Щербаков"), ("小龙", "李")]
    for given, family in rare:
        Person(name=f"{given} {family}", given_name=given, family_name=family, country_id="DE").save()
    Organization(name="International Trade Union Confederation", constituency_id=_workers()).save()
    user = User.objects.create(email="bench@campaign.test", name="Bench")
    Grant.objects.create(user=user, role=Role.PLANNER, is_everywhere=True)
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # one process for each search, as under load
    return User.objects.get(pk=user.pk)


def _workers() -> int:
    from contacts.directory.models import Constituency

    return Constituency.objects.get(code="WRK").pk


def queries(chance: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, what is typed)."""
    names = list(Person.objects.order_by("uid").values_list("given_name", "family_name")[:5000])
    for given, family in chance.sample(names, min(EACH, len(names))):
        first = family.split()[0]
        yield "whole name", f"{given} {family}"
        yield "other order", f"{first} {given}"
        yield "common word", first
        yield "two letters", first[:2]
        yield "three letters", given[:3]
        yield "begun", f"{given} {first[:3]}"
        yield "misspelt", f"{_wrong(given, chance)} {_wrong(first, chance)}"
        yield "misspelt word", _wrong(first, chance)
    for number in chance.sample(range(1, 4000), EACH):
        yield "local part", f"person{number}"
        yield "phone, national", f"077 {number % PHONES:03d}"
    for text in (
        "people.test",
        "@people",
        "info@org7",
        "zzqx",
        "ministry of senegal",
        "ituc",
        "MoS",
        "workers confederation 123",
    ):
        yield "institution or domain", text
    for text in (
        "Koberle",
        "koeberle ozdemir",
        "xochitl",
        "shcherbakov sergey",
        "Щербаков",
        "lixiaolong",
        "李",
        "Quetzalcoatle",
    ):
        yield "script, accent, rare", text


def _wrong(word: str, chance: random.Random) -> str:
    if len(word) < 4:
        return word
    place = chance.randrange(1, len(word) - 2)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def run(size: int) -> Result:
    result = Result()
    user = prepare(size)
    make_ready()
    asked = list(queries(random.Random(1)))  # noqa: S311  repeatable, not secret
    for name, ask in (("Ctrl-K", _ctrl_k), ("list", _list)):
        taken: dict[str, list[float]] = {}
        cut = 0
        for kind, text in asked:
            started = time.perf_counter()
            cut += bool(ask(user, text))
            taken.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
        for kind, values in taken.items():
            result.figures[f"{name}: {kind}"] = {"p50_ms": _share(values, 0.5), "p95_ms": _share(values, 0.95), "max_ms": round(max(values), 1)}  # fmt: skip
        everything_taken = [value for values in taken.values() for value in values]
        result.figures[f"{name}: stopped by the time limit"] = cut
        result.bars.append(Bar(f"{name}, p95 ms", _share(everything_taken, 0.95), LIMIT_MS))
    return result


def _ctrl_k(user: User, text: str) -> bool:
    return any(group.is_cut for group in everything.search(user, text))


def _list(user: User, text: str) -> bool:
    """The ids of the first page, in the order of the list."""
    rows: Any = Person.objects.active().visible_to(user).search(text).order_by("sort_key", "pk")
    list(rows[:PAGE].values_list("pk", flat=True))
    return False


def _share(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1)
