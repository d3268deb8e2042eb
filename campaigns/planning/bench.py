"""`manage.py bench pages`: the three main lists and one person's page, with a large directory behind them."""

from __future__ import annotations

import re
import statistics
from datetime import date
from html import unescape

from django.test import Client
from django.urls import reverse

from campaigns.mailings.models import Mailing
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Constituency, Country, Organization, Person
from contacts.directory.volume import make_people
from contacts.reach.services import refresh
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.bench import Bar, Result
from crm.request_timing import get, make_ready, measure

P95_MS, QUERIES = 150, 25
MAILINGS = 300
NEXT = re.compile(r'rel="next" href="([^"]+)"')
SCOPE = ["ZM", "TD", "NE", "KE", "UG"]


def run(size: int) -> Result:
    """Each page many times: as somebody who sees everything, as one limited to five countries, searched, filtered, far on."""
    make_people(size)
    _make_mailings()
    refresh(seconds=600)  # as beat has, some minutes after any load
    make_ready()
    everything, limited = _user(None), _user(SCOPE)
    result = Result()
    slowest: dict[str, float] = {}
    most = 0
    for client, who in ((_client(everything), ""), (_client(limited), ", five countries")):
        for name, urls in _pages(client).items():
            times, busy, queries = measure(client, urls)
            p95 = statistics.quantiles(times, n=20)[-1]
            result.figures[f"{name}{who}"] = {
                "p50_ms": round(statistics.median(times), 1),
                "p95_ms": round(p95, 1),
                "python_p95_ms": round(statistics.quantiles(busy, n=20)[-1], 1),
                "queries": queries,
            }
            slowest[name] = max(p95, slowest.get(name, 0))
            most = max(most, queries)
    result.bars = [Bar(f"{name} p95 ms", value, P95_MS) for name, value in slowest.items()]
    result.bars.append(Bar("queries of any page", most, QUERIES))
    return result


def _pages(client: Client) -> dict[str, list[str]]:
    people, organizations, mailings = (reverse(n) for n in ("person_list", "organization_list", "mailing_list"))
    person = Person.objects.filter(country_id__in=SCOPE).order_by("pk").first()
    organization = Organization.objects.filter(country_id__in=SCOPE).order_by("pk").first()
    if person is None or organization is None:
        raise ValueError("the bench needs at least a few hundred people")
    return {
        "people": [people, f"{people}?q=okafor", f"{people}?country=ZM&constituency=GOV", _further(client, people)],
        "people, sorted": [f"{people}?sort=-mailed", f"{people}?sort=country", f"{people}?email=bouncing"],
        "organizations": [organizations, f"{organizations}?q=ministry", f"{organizations}?constituency=WRK"],
        "mailings": [mailings, f"{mailings}?q=news"],
        "person": [reverse("person_detail", args=[person.uid])],
        "organization": [reverse("organization_detail", args=[organization.uid])],
        "drive": [reverse("drive_detail", args=[Drive.objects.get().uid])],
        "facet": [f"{people}?facet=constituency", f"{people}?facet=country"],
    }


def _further(client: Client, url: str) -> str:
    """The address of a page some pages on."""
    for _page in range(5):
        following = NEXT.search(get(client, url).content.decode())
        if not following:
            break
        url = unescape(following[1])
    return url


def _user(countries: list[str] | None) -> User:
    user = User.objects.create_user(f"bench{len(countries or [])}@bench.test", name="Bench")
    Grant.objects.create(user=user, role=Role.PLANNER, is_everywhere=countries is None, countries=countries or [])
    return user


def _client(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def _make_mailings() -> None:
    campaign = Campaign.objects.create(name="Bench")
    drive = Drive.objects.create(
        campaign=campaign, name="Bench drive", starts_on=date(2026, 9, 1), ends_on=date(2026, 12, 15), status="active"
    )
    drive.countries.set(Country.objects.filter(code__in=SCOPE))
    drive.constituencies.set(Constituency.objects.filter(is_fixed=True))
    for number in range(MAILINGS):
        Mailing.objects.create(drive=drive, name=f"News {number}")
