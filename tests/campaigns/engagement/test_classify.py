import uuid
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.engagement.classify import classify
from campaigns.engagement.spool import Hit

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
