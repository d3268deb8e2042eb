"""One call of a service's token address (RFC 6749, 3.2): bounded in time and size, and to nowhere that it must not go.

The address is an administrator's. All the same: https, no redirect is followed, and names that lead to what belongs to this
machine's own network segment (link-local, where clouds keep their keys) or to no host are refused.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext as _

from crm.errors import Unavailable

CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 5, 10, 25
MAX_ANSWER = 100_000
# What services call it when somebody's yes is worth nothing any more (RFC 6749, 5.2; OpenID Connect Core, 3.1.2.6).
_LOST = frozenset(("invalid_grant", "interaction_required", "consent_required", "login_required"))


class ConsentLost(Unavailable):
    """The service takes our refresh token no more. data["said"]: its words."""

    code = "consent_lost"


def is_here(host: str) -> bool:
    """Whether it is this machine: by its name, or by an address and not by a name that begins like one."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(url: str) -> bool:
    """Whether a secret may be sent there at all: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return (
            bool(host)
            and not parts.username
            and (parts.scheme == "https" or (parts.scheme == "http" and is_here(host)))
        )
    except ValueError:
        return False


def ask(url: str, asked: dict[str, str]) -> dict[str, Any]:
    """The answer. ConsentLost or Unavailable, with what the service said, when it gives no token."""
    if not is_safe(url):
        raise Unavailable(_("Tokens are asked for by https:// only."), code="refused")
    host = urlsplit(url).hostname or url
    _check(host)
    began = time.monotonic()
    body = bytearray()
    try:
        with requests.post(
            url, data=asked, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False, stream=True,
            headers={"Accept": "application/json"},
        ) as response:  # fmt: skip
            for piece in response.iter_content(8192):
                body += piece
                if len(body) > MAX_ANSWER or time.monotonic() - began > ALL_SECONDS:
                    break
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            _("%(where)s, which gives the tokens, does not answer (%(error)s).")
            % {"where": host, "error": type(error).__name__}
        ) from error
    answer = _json(bytes(body))
    if status != 200 or "error" in answer:
        _refuse(host, status, answer)
    return answer


def _refuse(host: str, status: int, answer: dict[str, Any]) -> None:
    code = str(answer.get("error") or "")
    said = " ".join(str(answer.get("error_description") or code or f"HTTP {status}").split())[:160].rstrip(".")
    if code in _LOST:
        raise ConsentLost(lost_words(host, said), said=said)
    raise Unavailable(
        _("%(where)s gives no token. It said: “%(said)s”.") % {"where": host, "said": said}, code="refused"
    )


def lost_words(host: str, said: str) -> str:
    return _(
        "The consent for it was withdrawn or has ended, says %(where)s (“%(said)s”). Somebody must sign in there again."
    ) % {
        "where": host,
        "said": said,
    }


def _check(host: str) -> None:
    """Unavailable for a name that no secret goes to."""
    if is_here(host):
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise Unavailable(
            _("%(where)s, which gives the tokens, does not answer (%(error)s).")
            % {"where": host, "error": type(error).__name__}
        ) from error
    for text in found:
        address = ipaddress.ip_address(str(text).partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
            raise Unavailable(
                _("%(where)s leads to %(address)s, where no service for tokens can be. Nothing was sent to it.")
                % {"where": host, "address": address},
                code="refused",
            )


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
