import csv
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from campaigns.engagement import ranges
from campaigns.engagement.classify import classify
from campaigns.engagement.spool import Hit
from crm.env import networks_of

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


def hit(seconds=60.0, **changes):
    values = {
        "id": uuid.uuid4(), "at": NOON + timedelta(seconds=seconds), "kind": "click", "mailing_id": 1, "seq": 1, "number": 1,
        "ip": "192.0.2.1", "method": "GET", "agent": BROWSER, "purpose": "", "by_user": True, "has_language": True,
    }  # fmt: skip
    return Hit(**(values | changes))


def verdicts(*hits, accepted_at=NOON):
    found = classify(hits, accepted_at)
    return [(found[h.id].hit_class.value, found[h.id].reason) for h in hits]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, ("human", "browser")),
        ({"by_user": False}, ("human", "browser")),
        ({"by_user": False, "has_language": False}, ("unknown", "unknown program")),
        ({"agent": ""}, ("unknown", "says nothing of itself")),
        ({"agent": "MyReader/2"}, ("unknown", "unknown program")),
        ({"method": "HEAD"}, ("machine", "asked with HEAD")),
        ({"purpose": "prefetch;prerender"}, ("machine", "prefetched")),
        ({"number": 0}, ("machine", "followed the hidden link")),
        ({"agent": "curl/8.5"}, ("machine", "known program")),
        ({"agent": BROWSER.replace("Chrome", "HeadlessChrome")}, ("machine", "known program")),
        ({"kind": "open", "number": None}, ("human", "browser")),
        ({"kind": "open", "number": None, "agent": "Mozilla/5.0"}, ("machine", "mail provider’s image proxy")),
        (
            {"kind": "open", "number": None, "agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"},
            ("machine", "mail provider’s image proxy"),
        ),
        ({"kind": "open", "number": None, "agent": "Thunderbird/128"}, ("human", "mail program")),
    ],
)
def test_hit_is_judged_with_its_reason(changes, verdict):
    assert verdicts(hit(**changes)) == [verdict]


def test_click_right_after_delivery_is_no_human():
    assert verdicts(hit(2), hit(4)) == [("machine", "too soon after delivery"), ("human", "browser")]


def test_unknown_time_of_delivery_says_nothing_about_speed():
    assert verdicts(hit(0), accepted_at=None) == [("human", "browser")]


def test_honeypot_makes_the_whole_visit_a_machine_and_spares_a_later_click():
    before, trap, after, later = hit(60), hit(61, number=0), hit(62, number=2), hit(600)

    assert verdicts(before, trap, after, later) == [
        ("machine", "with a scanner’s visit"),
        ("machine", "followed the hidden link"),
        ("machine", "with a scanner’s visit"),
        ("human", "browser"),
    ]


def test_three_links_at_once_are_a_program_and_two_are_a_hasty_person():
    assert [v for v, _ in verdicts(hit(60, number=1), hit(60.5, number=2))] == ["human", "human"]
    assert [v for v, _ in verdicts(hit(60, number=1), hit(60.5, number=2), hit(61, number=3), hit(70, number=4))] == [
        "machine",
        "machine",
        "machine",
        "human",
    ]


CORPUS = list(csv.DictReader((Path(__file__).parent / "corpus.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("row", CORPUS, ids=[f"{number}: {row['what']}" for number, row in enumerate(CORPUS)])
def test_corpus_of_programs_addresses_and_times(row):
    assert verdicts(hit_of(row)) == [(row["verdict"], row["reason"])]


def hit_of(row, **changes):
    said = row["headers"].split()
    return hit(
        float(row["seconds"]),
        kind=row["kind"],
        number=None if row["kind"] == "open" else 1,
        ip=row["address"],
        agent=row["agent"].replace("KHTML like", "KHTML, like"),
        method="HEAD" if "head" in said else "GET",
        purpose="prefetch" if "prefetch" in said else "",
        by_user="by" in said,
        has_language="language" in said,
        **changes,
    )


def test_an_installation_adds_networks_of_its_own(settings):
    settings.SCANNER_RANGES = networks_of("198.51.100.0/28 Our gateway # since May", source="test")
    forget()

    assert [v for v, _ in verdicts(hit(ip="198.51.100.15"))] == ["machine"]
    assert [v for v, _ in verdicts(hit(ip="198.51.100.16"))] == ["human"]


@pytest.fixture(autouse=True)
def forget_networks():
    yield
    forget()


def forget():
    ranges._tables.cache_clear()
    ranges.scanner_at.cache_clear()


@given(st.ip_addresses())
def test_an_address_is_a_scanners_when_a_network_holds_it(address):
    known = networks_of(ranges.KNOWN.read_text(encoding="utf-8"), source="known")

    assert bool(ranges.scanner_at(str(address))) == any(address in network for network, _ in known)


@given(st.sampled_from(networks_of(ranges.KNOWN.read_text(encoding="utf-8"), source="known")), st.data())
def test_each_networks_own_addresses_are_its_owners(known, data):
    network, owner = known
    last = network.num_addresses - 1

    assert ranges.scanner_at(str(network[data.draw(st.integers(0, last))])) == owner


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("192.0.2.1/24 x", "has host bits set"),
        ("10.0.0.0/8\nnonsense", "line 2"),
        ("0.0.0.0/0 everybody", "too wide"),
        ("2000::/3", "too wide"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_its_line(text, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence):
        networks_of(text, source="SCANNER_RANGES")
