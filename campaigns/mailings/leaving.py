"""Where a transport's mail leaves from, as receivers see it: addresses, networks, names of servers, or what a service says."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns.mailings.models import Transport
from campaigns.mailings.transports import road_of
from crm.errors import Invalid

MOST = 20
_NAME = re.compile(r"^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$")


@dataclass(frozen=True)
class Origin:
    """kind: address, network, name (of a server), or include (a mailing service's SPF)."""

    kind: str
    value: str

    @property
    def term(self) -> str:
        """What an SPF record says of it."""
        if self.kind in ("address", "network"):
            return f"ip{6 if ':' in self.value else 4}:{self.value}"
        return f"{'include' if self.kind == 'include' else 'a'}:{self.value}"

    @property
    def is_public(self) -> bool:
        """Whether the world can see it: names are, as far as can be told from here."""
        return self.kind not in ("address", "network") or ipaddress.ip_network(self.value).is_global


def origins_of(text: str) -> list[Origin]:
    """What is written in `leaves_from`, one by one; Invalid for what is none of these."""
    words = [word for word in re.split(r"[\s,;]+", text.strip().lower()) if word]
    if len(words) > MOST:
        raise Invalid(_("At most %(n)s, please: a service's “include:” stands for all of its servers.") % {"n": MOST})
    return [_origin(word) for word in dict.fromkeys(words)]


def _origin(word: str) -> Origin:
    body = re.sub(r"^(include|ip4|ip6|a|mx):", "", word)
    name = body.rstrip(".")
    if word.startswith("include:") and _NAME.match(name):
        return Origin("include", name)
    try:
        network = ipaddress.ip_network(body, strict=False)
    except ValueError:
        network = None
    if network is not None:
        single = network.prefixlen == network.max_prefixlen
        return Origin("address" if single else "network", str(network.network_address if single else network))
    if _NAME.match(name) and not word.startswith("mx:"):
        return Origin("name", name)
    raise Invalid(
        _("“%(word)s” is no address, no name of a server and no “include:”.") % {"word": word[:80]}, code="no_origin"
    )


def origins(transport: Transport) -> list[Origin]:
    """Of a transport: what an administrator wrote, else the server that it leads to."""
    if transport.leaves_from.strip():
        return origins_of(transport.leaves_from)
    if transport.kind == Transport.Kind.SERVICE:  # its API is not what its mail leaves from
        return []
    try:
        return [_origin(road_of(transport).host.lower())]
    except Invalid:  # a name that only this network knows, such as “postfix”
        return []
