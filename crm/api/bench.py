"""`manage.py bench api`: a page of 100 people, as a program asks for it, with a large directory behind it."""

from __future__ import annotations

import secrets
import statistics
from importlib import import_module

from django.conf import settings
from django.test import Client

from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.api.models import ApiToken
from crm.api.scopes import SCOPES
from crm.api.services import MARK, PREFIX_LENGTH, hashes_of
from crm.bench import Bar, Result
from crm.request_timing import get, make_ready, measure

P95_MS, ROUNDS = 100, 40
SCOPE = ["ZM", "TD", "NE", "KE", "UG"]
TREE = '{"version":1,"op":"all","rules":[{"field":"constituency","operator":"any_of","value":["GOV"]}]}'


def run(size: int) -> Result:
    """Plain, filtered, by rules, far on; for somebody who sees everything, and for one limited to five countries."""
    settings.API_RATE_PER_MINUTE = 1_000_000
    import_module("contacts.directory.volume").make_people(size)  # by name: the platform knows nothing of people
    make_ready()
    result = Result()
    slowest = 0.0
    for countries in (None, SCOPE):
        client = _client(countries)
        who = ", five countries" if countries else ""
        for name, urls in _pages(client).items():
            times, busy, queries = measure(client, urls, rounds=ROUNDS)
            p95 = statistics.quantiles(times, n=20)[-1]
            slowest = max(slowest, p95)
            result.figures[f"{name}{who}"] = {
                "p50_ms": round(statistics.median(times), 1),
                "p95_ms": round(p95, 1),
                "python_p95_ms": round(statistics.quantiles(busy, n=20)[-1], 1),
                "queries": queries,
            }
    result.bars = [Bar("100 people a page p95 ms", slowest, P95_MS)]
    return result


def _pages(client: Client) -> dict[str, list[str]]:
    people = "/api/v1/people?limit=100"
    return {
        "people": [people],
        "people, far on": [_further(client, people)],
        "people, filtered": [f"{people}&country=ZM", f"{people}&q=okafor", f"{people}&constituency=GOV"],
        "people, by rules": [f"{people}&filter={TREE}"],
    }


def _further(client: Client, url: str) -> str:
    for _page in range(10):
        following = get(client, url).json()["next"]
        if not following:
            break
        url = str(following).removeprefix("http://localhost")
    return url


def _client(countries: list[str] | None) -> Client:
    user = User.objects.create_user(f"bench{len(countries or [])}@bench.test", name="Bench")
    Grant.objects.create(user=user, role=Role.PLANNER, is_everywhere=countries is None, countries=countries or [])
    text = MARK + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user, name="Bench", prefix=text[:PREFIX_LENGTH], token_hash=hashes_of(text)[0], scopes=list(SCOPES)
    )
    return Client(headers={"host": "localhost", "authorization": f"Bearer {text}"})
