"""Read settings from the environment, loudly: every error names the variable and says what was expected.

`NAME_FILE` may be given instead of `NAME` for any value (a secret mounted as a file).
"""

import os
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

_MISSING = object()


def env(name: str, default: str | object = _MISSING) -> str:
    """The variable's text; `NAME_FILE` wins when both are absent from one another."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE points to {file}, which cannot be read: {error.strerror}."
            ) from error
    value = os.environ.get(name)
    if value:
        return value
    if default is _MISSING:
        raise ImproperlyConfigured(f"{name} is not set. See the settings table in README.md.")
    return str(default)


def env_bool(name: str, default: bool) -> bool:
    value = env(name, "true" if default else "false").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; use true or false.")


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    value = env(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; a whole number was expected.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} is {number}; the smallest value is {minimum}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


def env_url(name: str, default: str | object = _MISSING, *, schemes: tuple[str, ...]) -> SplitResult:
    """A URL whose scheme is one of `schemes`, and that has a host or a path."""
    value = env(name, default)
    parts = urlsplit(value)
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; a URL that begins with {' or '.join(s + ':' for s in schemes)} was expected."
        )
    return parts


def env_server(name: str, *, port: int) -> tuple[str, int] | None:
    """`address:port` of a server, by its IP address; `port` where none is given, None where nothing is set."""
    value = env(name, "").strip()
    if not value:
        return None
    parts = urlsplit(f"//{value}" if value.count(":") < 2 or value.startswith("[") else f"//[{value}]")
    try:
        return str(ip_address(parts.hostname or "")), parts.port or port
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; an IP address with a port was expected, such as 127.0.0.1:53 or [::1]:53."
        ) from None


def env_networks(name: str) -> list[tuple[IPv4Network | IPv6Network, str]]:
    """Networks and whose they are, as `networks_of` reads them."""
    return networks_of(env(name, ""), source=name)


def networks_of(text: str, *, source: str) -> list[tuple[IPv4Network | IPv6Network, str]]:
    """`192.0.2.0/24 Name` a line (or between commas); `#` begins a remark.

    Raises ImproperlyConfigured with the line that is no network, or one so wide that it is nobody's alone.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for entry in line.partition("#")[0].split(","):
            network, _space, owner = entry.strip().partition(" ")
            if not network:
                continue
            try:
                parsed = ip_network(network)
            except ValueError as error:
                raise ImproperlyConfigured(f"{source}, line {number}: {error}.") from error
            if parsed.prefixlen < (8 if parsed.version == 4 else 16):
                raise ImproperlyConfigured(f"{source}, line {number}: {network} is too wide to be anybody’s alone.")
            found.append((parsed, owner.strip()))
    return found


def env_keyring(name: str, default: str | object = _MISSING) -> dict[str, bytes]:
    """Keys as `id:hex,id:hex`; the first signs, all verify. Ids are 1-8 letters or digits; keys have 16 bytes or more."""
    ring: dict[str, bytes] = {}
    for item in env(name, default).split(","):
        key_id, separator, secret = item.strip().partition(":")
        try:
            key = bytes.fromhex(secret)
        except ValueError:
            key = b""
        if not separator or not key_id.isalnum() or len(key_id) > 8 or len(key) < 16:
            raise ImproperlyConfigured(f"{name} must look like `k1:<32 or more hex digits>,…`; one entry does not.")
        ring[key_id] = key
    return ring
