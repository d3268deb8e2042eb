"""The roads by which a domain's mail leaves, as the DNS sees them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.domains.book import Book
from campaigns.mailings.leaving import Origin, origins
from campaigns.mailings.models import Transport
from campaigns.mailings.transports import road_of

MOST_ADDRESSES = 8


@dataclass(frozen=True)
class RoadOut:
    """One transport that leads out. name_for: the domain that a name is proposed in where it has none."""

    name: str
    host: str
    origins: tuple[Origin, ...] = ()
    uid: str = ""
    name_for: str = ""
    by_service: bool = False

    @property
    def is_name(self) -> bool:
        """Whether its server is called by a name that the world may know."""
        return any(origin.kind == "name" for origin in self.origins)

    @property
    def is_service(self) -> bool:
        return self.by_service or any(origin.kind == "include" for origin in self.origins)

    def addresses(self, book: Book) -> tuple[list[str], bool]:
        """Public addresses that its mail leaves from, and whether all names were answered. Networks count by none."""
        found: list[str] = []
        known = True
        for origin in self.origins:
            if origin.kind == "address" and origin.is_public:
                found.append(origin.value)
            elif origin.kind == "name":
                answer = book.addresses(origin.value)
                known &= answer.is_known
                found += [text for value in answer.values if (text := public(value))]
        return list(dict.fromkeys(found))[:MOST_ADDRESSES], known


def public(text: str) -> str:
    """An address in its normal form; "" for what the world cannot reach."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return str(address) if address.is_global else ""


def roads_out(transports: Iterable[Transport], return_domain: str) -> list[RoadOut]:
    """Transports that lead out of this machine; the local mailbox does not."""
    found = []
    for transport in transports:
        if transport.kind == Transport.Kind.LOCAL:
            continue
        own = tuple(origins(transport))
        by_service = transport.kind == Transport.Kind.SERVICE
        reached = transport.name if by_service else road_of(transport).host
        host = next((origin.value for origin in own if origin.kind == "name"), reached)
        found.append(RoadOut(transport.name, host, own, str(transport.uid), return_domain, by_service))
    return found
