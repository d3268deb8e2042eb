"""Whose address it is: networks of mail scanners, those that we know and those that an installation adds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from django.conf import settings

from crm.env import networks_of

KNOWN = Path(__file__).parent / "data" / "scanner_ranges.txt"


@lru_cache(maxsize=8192)
def scanner_at(address: str) -> str:
    """Whose scanners have this address (IPv4, IPv6, or IPv4 in IPv6); empty for everybody else's and for no address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    ip = getattr(ip, "ipv4_mapped", None) or ip
    firsts, lasts, owners = _tables()[ip.version]
    place = bisect_right(firsts, int(ip)) - 1
    return owners[place] if place >= 0 and int(ip) <= lasts[place] else ""


@lru_cache(maxsize=8192)
def is_address(text: str) -> bool:
    """Whether PostgreSQL takes it as an inet."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # an address with its interface's name


@cache
def _tables() -> dict[int, tuple[list[int], list[int], list[str]]]:
    networks = networks_of(KNOWN.read_text(encoding="utf-8"), source=KNOWN.name) + settings.SCANNER_RANGES
    return {version: _table((n, owner) for n, owner in networks if n.version == version) for version in (4, 6)}


def _table(networks: Iterable[tuple[IPv4Network | IPv6Network, str]]) -> tuple[list[int], list[int], list[str]]:
    """Networks in order, without those that lie within another: two networks meet in no other way."""
    rows: list[tuple[int, int, str]] = []
    for network, owner in sorted(networks, key=lambda row: (int(row[0].network_address), row[0].prefixlen)):
        first, last = int(network.network_address), int(network.broadcast_address)
        if not rows or first > rows[-1][1]:
            rows.append((first, last, owner))
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
