"""`manage.py bench pages`: the ten main pages, with a large directory and a campaign that has run for a while behind them."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from html import unescape

from django.test import Client
from django.urls import reverse

from campaigns.planning.bench_world import World, make_world
from contacts.directory.volume import make_people
from contacts.reach.services import refresh
from crm.accounts.models import User
from crm.bench import Bar, Result
from crm.request_timing import get, make_ready, measure

P95_MS, QUERIES = 150, 25
NEXT = re.compile(r'rel="next" href="([^"]+)"')
# what a page asks for by itself as soon as it is there
AT_ONCE = re.compile(r'<[^>]*\bhx-get="([^"]+)"[^>]*\bhx-trigger="load"')

Pages = dict[str, list[str]]


def run(size: int) -> Result:
    """Each page many times: as somebody who sees everything, and as one limited to five countries."""
    world = make_world(make_people(size).topic)
    refresh(seconds=600)  # as beat has, some minutes after any load
    make_ready()
    return measured(world)


def measured(world: World) -> Result:
    """Bars are for the worse of the two users."""
    result = Result()
    slowest: dict[str, float] = {}
    most: dict[str, int] = {}
    for user, who in ((world.everything, ""), (world.limited, ", five countries")):
        client = client_of(user)
        for name, urls in all_pages(world, client):
            for url in urls:
                get(
                    client, url
                )  # what counts a large audience is remembered for half a minute; `counted anew` tells the first
            times, busy, queries = measure(client, urls)
            p95 = statistics.quantiles(times, n=20)[-1]
            result.figures[f"{name}{who}"] = {
                "p50_ms": round(statistics.median(times), 1),
                "p95_ms": round(p95, 1),
                "python_p95_ms": round(statistics.quantiles(busy, n=20)[-1], 1),
                "queries": queries,
            }
            slowest[name] = max(p95, slowest.get(name, 0))
            most[name] = max(queries, most.get(name, 0))
    result.figures["pre-flight, counted anew"] = {"ms": _once(client_of(world.everything), world)}
    result.bars = [Bar(f"{name} p95 ms", value, P95_MS) for name, value in slowest.items()]
    result.bars += [Bar(f"queries of {name}", value, QUERIES) for name, value in most.items()]
    return result


def _once(client: Client, world: World) -> float:
    """Milliseconds of the pre-flight of a large audience when nothing is remembered. It has no bar: it reads all of it."""
    began = time.perf_counter()
    get(client, f"{reverse('mailing_preflight', args=[world.draft.uid])}?fresh=1")
    return round((time.perf_counter() - began) * 1000, 1)


def main_pages(world: World) -> Pages:
    """The ten main pages, by name; of each the addresses at which people look at it."""
    at = {"mailing": world.sent.uid, "drive": world.drive.uid, "segment": world.segment.uid}
    return {
        "today": ["/"],
        "people": [reverse("person_list")],
        "person": [reverse("person_detail", args=[world.person.uid])],
        "organizations": [reverse("organization_list")],
        "organization": [reverse("organization_detail", args=[world.organization.uid])],
        "segments": [
            reverse("segment_list"),
            *(reverse(n, args=[at["segment"]]) for n in ("segment_edit", "segment_members")),
        ],
        "mailings": [
            reverse("mailing_list"),
            reverse("mailing_detail", args=[at["mailing"]]),
            reverse("mailing_detail", args=[world.draft.uid]),
        ],
        "report": [reverse("report_list"), reverse("mailing_report", args=[at["mailing"]])],
        "drive": [reverse("drive_detail", args=[at["drive"]]), reverse("drive_next", args=[at["drive"]])],
        "countries": [reverse("country_list"), reverse("country_detail", args=[world.country])],
    }


def harder_forms(world: World, client: Client) -> Pages:
    """The same pages searched, filtered, sorted, far on, and what counts a large audience anew."""
    people, organizations, mailings = (reverse(n) for n in ("person_list", "organization_list", "mailing_list"))
    report = reverse("mailing_report_people", args=[world.sent.uid])
    return {
        "people, searched": [f"{people}?q=okafor", f"{people}?country=ZM&constituency=GOV", _further(client, people)],
        "people, sorted": [f"{people}?sort=-mailed", f"{people}?sort=country", f"{people}?email=bouncing"],
        "facet": [f"{people}?facet=constituency", f"{people}?facet=country"],
        "organizations, searched": [f"{organizations}?q=ministry", f"{organizations}?constituency=WRK"],
        "mailings, searched": [f"{mailings}?q=news", f"{mailings}?state=finished"],
        "report, people": [f"{report}?who={who}" for who in ("accepted", "clicked", "skipped", "bounced")],
        "lists": [reverse("list_list"), reverse("list_detail", args=[world.contact_list.uid])],
        "pre-flight": [reverse("mailing_preflight", args=[world.draft.uid])],
    }


def all_pages(world: World, client: Client) -> Iterator[tuple[str, list[str]]]:
    """Each with what it asks for by itself as soon as it is there, which is measured apart."""
    for name, urls in main_pages(world).items():
        yield name, urls
        if afterwards := sorted({part for url in urls for part in _asked_at_once(client, url)}):
            yield f"{name}, a moment later", afterwards
    yield from harder_forms(world, client).items()


def _asked_at_once(client: Client, url: str) -> list[str]:
    return [unescape(found) for found in AT_ONCE.findall(get(client, url).content.decode())]


def _further(client: Client, url: str) -> str:
    """The address of a page some pages on."""
    for _page in range(5):
        following = NEXT.search(get(client, url).content.decode())
        if not following:
            break
        url = unescape(following[1])
    return url


def client_of(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client
