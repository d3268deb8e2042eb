"""Where a request came from: the one answer that sign-in limits, rate limits, the sessions list and the logs all use.

`X-Forwarded-For` is a list to which each proxy appends the address that spoke to it. Whatever a client writes into it
itself therefore stands to the left of what our own proxies wrote, and TRUSTED_HOPS says how many of those there are: the
address is counted from the right by that many, and nothing further left is ever read.
"""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104  no interface is bound to it: it stands for "not known", as behind a socket file


def client_address(request: HttpRequest) -> str:
    """The client's address as text, in one form (no port, no brackets, IPv4 as IPv4).

    A request that passed fewer proxies than TRUSTED_HOPS has not come the way it should: its header is worth nothing, and
    the peer's own address counts. The same holds for an entry that is not an address.
    """
    peer = _clean(request.META.get("REMOTE_ADDR", "")) or UNKNOWN
    hops = settings.TRUSTED_HOPS
    if not hops:
        return peer
    named = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return (_clean(named[-hops]) if len(named) >= hops else "") or peer


def _clean(text: str) -> str:
    """`text` as a plain address, or "" when it is none. Proxies may append a port, and brackets around IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def network_of(address: str) -> str:
    """What a limit counts by: an IPv4 address, or the /64 of an IPv6 one, of which a client has all."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
    return address
