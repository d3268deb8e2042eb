"""Who was it: a human, a machine, or unknown; always with the reason. Reports count humans and name machines.

All hits of one delivery are judged together, because a scanner betrays itself by what it does besides: it follows the link
that people cannot see, asks with HEAD, or opens everything at once. What was judged before is judged again while the
delivery's other hits of the last minutes are at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from campaigns.engagement.links import HONEYPOT
from campaigns.engagement.models import HitClass
from campaigns.engagement.ranges import scanner_at
from campaigns.engagement.spool import Hit

# Nobody reads a message and follows a link within this time after our server handed it over: transport alone takes longer.
READING_TIME = timedelta(seconds=3)
BURST = timedelta(seconds=2)
BURST_LINKS = 3  # different links within BURST: two may be a double click, three are a program
# A scanner's visit: whatever it asks for this long before or after it gave itself away is its doing.
VISIT = timedelta(seconds=30)
CONTEXT = timedelta(minutes=2)  # how far back the drain fetches a delivery's earlier hits

_MACHINE_AGENT = re.compile(
    r"bot\b|crawl|spider|scan|preview|fetch|monitor|proofpoint|barracuda|mimecast|safelinks|forcepoint|sophos|fireeye|trendmicro"
    r"|symantec|messagelabs|urldefense|cisco|virustotal|checkpoint|zscaler|headless|phantomjs|puppeteer|playwright|curl|wget"
    r"|python|httpx|aiohttp|libwww|okhttp|java/|go-http|apache-http|node-fetch|axios|ruby|perl|guzzle|^whatsapp/|slack-imgproxy"
    r"|facebookexternalhit|skypeuripreview|bingpreview|google-safety|existence discovery",
    re.IGNORECASE,
)
_PROXY_AGENT = re.compile(r"GoogleImageProxy|ggpht\.com|YahooMailProxy|yahoo! ?mail|YahooCacheSystem", re.IGNORECASE)
_APPLE_PROXY_AGENT = "Mozilla/5.0"  # all that Apple's Mail Privacy Protection says of itself
_BROWSER = re.compile(r"^Mozilla/5\.0 \(.+\).*(Firefox|Chrome|CriOS|FxiOS|Safari|Edg|OPR|SamsungBrowser)/\d", re.DOTALL)
_MAIL_PROGRAM = re.compile(r"Thunderbird|Outlook|Microsoft Office|AppleWebKit", re.IGNORECASE)


class _Looks(NamedTuple):
    """What a User-Agent gives away."""

    is_proxy: bool
    is_program: bool
    is_browser: bool
    is_mail_program: bool


# a few hundred names make nearly all hits, and reading one takes longer than all else about a hit
@lru_cache(maxsize=4096)
def _looks_of(agent: str) -> _Looks:
    return _Looks(
        is_proxy=bool(_PROXY_AGENT.search(agent)),
        is_program=bool(_MACHINE_AGENT.search(agent)),
        is_browser=bool(_BROWSER.search(agent)),
        is_mail_program=bool(_MAIL_PROGRAM.search(agent)),
    )


class Verdict(NamedTuple):
    hit_class: HitClass
    reason: str


def _machine(reason: str) -> Verdict:
    return Verdict(HitClass.MACHINE, reason)


def classify(hits: Sequence[Hit], accepted_at: datetime | None) -> dict[UUID, Verdict]:
    """A verdict for each of one delivery's hits (or, for people who are not tracked, one visitor's).

    accepted_at: when the message was handed over; None when that is not known, and then speed says nothing.
    """
    visits = [hit for hit in hits if (hit.kind == "click" and hit.number == HONEYPOT) or hit.method == "HEAD"]
    bursts = list(_bursts(hits))
    verdicts = {}
    for hit in hits:
        too_soon = accepted_at is not None and hit.at < accepted_at + READING_TIME
        verdict = _by_itself(hit, at_scanner=bool(scanner_at(hit.ip))) or _by_speed(too_soon)
        if verdict is None:
            verdict = _by_company(hit, visits, bursts) or _by_looks(hit)
        verdicts[hit.id] = verdict
    return verdicts


def judge_alone(hit: Hit, *, at_scanner: bool, too_soon: bool) -> Verdict:
    """The verdict for a hit that has no company; of its address and time no more is needed than these two."""
    return _by_itself(hit, at_scanner=at_scanner) or _by_speed(too_soon) or _by_looks(hit)


def _by_itself(hit: Hit, *, at_scanner: bool) -> Verdict | None:
    """What the request alone gives away."""
    if hit.kind == "click" and hit.number == HONEYPOT:
        return _machine("followed the hidden link")
    if hit.method == "HEAD":
        return _machine("asked with HEAD")
    if hit.purpose:
        return _machine("prefetched")
    looks = _looks_of(hit.agent)
    if looks.is_proxy or (hit.kind == "open" and hit.agent.strip() == _APPLE_PROXY_AGENT):
        return _machine("mail provider’s image proxy")
    if looks.is_program:
        return _machine("known program")
    if at_scanner:
        return _machine("a mail scanner’s address")
    return None


def _by_speed(too_soon: bool) -> Verdict | None:
    return _machine("too soon after delivery") if too_soon else None


def _by_company(hit: Hit, visits: Iterable[Hit], bursts: Iterable[tuple[datetime, datetime]]) -> Verdict | None:
    """What the delivery's other hits give away."""
    for other in visits:
        if abs(hit.at - other.at) <= VISIT:
            return _machine("with a scanner’s visit")
    if hit.kind == "click" and any(first <= hit.at <= last for first, last in bursts):
        return _machine("many links at once")
    return None


def _by_looks(hit: Hit) -> Verdict:
    looks = _looks_of(hit.agent)
    if looks.is_browser and (hit.kind == "open" or hit.by_user or hit.has_language):
        return Verdict(HitClass.HUMAN, "browser")
    if hit.kind == "open" and looks.is_mail_program:
        return Verdict(HitClass.HUMAN, "mail program")
    return Verdict(HitClass.UNKNOWN, "unknown program" if hit.agent else "says nothing of itself")


def _bursts(hits: Iterable[Hit]) -> Iterable[tuple[datetime, datetime]]:
    """Spans in which BURST_LINKS different links were followed within BURST."""
    clicks = sorted((hit for hit in hits if hit.kind == "click"), key=lambda hit: hit.at)
    start = 0
    for end, hit in enumerate(clicks):
        while hit.at - clicks[start].at > BURST:
            start += 1
        if len({other.number for other in clicks[start : end + 1]}) >= BURST_LINKS:
            yield clicks[start].at, hit.at
