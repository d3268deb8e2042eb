"""Four ports in a row: web, track, the mailbox's web inbox, its SMTP server. Taken ones are found before anything starts."""

import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crm.local.places import LocalServiceError

DEFAULT = 8000
STEP = 10
_OTHERS = ("TRACK_PORT", "MAILBOX_PORT", "SMTP_PORT")


class PortsCollide(LocalServiceError):
    """Two of the four ports are the same number."""


@dataclass(frozen=True)
class Ports:
    """Where a run listens, on this machine's loopback address unless HOST says otherwise."""

    web: int
    track: int
    mailbox: int
    smtp: int
    notice: str = ""  # a sentence for the person who started it, when it is not what they may expect


def choose(environ: Mapping[str, str], *, host: str, remembered: Path) -> Ports:
    """The ports that PORT, TRACK_PORT, MAILBOX_PORT and SMTP_PORT name, by default PORT and the three after it.

    Without a PORT, a checkout uses the block that it used last, else 8000, else the next block that is free: two checkouts
    run side by side, and links in mail that one of them sent stay right. Raises LocalServiceError when a port that was
    asked for is taken.
    """
    if environ.get("PORT"):
        wanted = _block(environ, _number("PORT", environ["PORT"]))
        taken = _taken(wanted, host)
        if taken:
            free = _next_free(environ, wanted.web, host)
            raise LocalServiceError(
                f"Port {taken[0]} is taken by another program, so nothing was started. Choose another one: make run PORT={free.web}"
            )
        return wanted
    first = _remember(remembered) or DEFAULT
    wanted = _block(environ, first)
    taken = _taken(wanted, host)
    if not taken:
        return wanted
    free = _next_free(environ, first, host)
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps({"port": free.web}))
    return Ports(
        free.web,
        free.track,
        free.mailbox,
        free.smtp,
        notice=f"Port {taken[0]} is taken by another program; this run uses {free.web} and the next three ports. "
        f"To choose yourself: make run PORT={free.web + STEP}",
    )


def _block(environ: Mapping[str, str], first: int) -> Ports:
    track, mailbox, smtp = (
        _number(name, environ[name]) if environ.get(name) else first + offset for offset, name in enumerate(_OTHERS, 1)
    )
    if len({first, track, mailbox, smtp}) < 4:
        raise PortsCollide(f"PORT, {', '.join(_OTHERS)} must be four different numbers.")
    return Ports(first, track, mailbox, smtp)


def _number(name: str, value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 65_532:
        raise LocalServiceError(
            f"{name} is {value!r}; a port number between 1 and 65532 was expected, for example PORT=8100."
        )
    return int(value)


def _next_free(environ: Mapping[str, str], after: int, host: str) -> Ports:
    for first in range(after - after % STEP + STEP, after + 100 * STEP, STEP):
        if first <= 65_532:
            # A block that holds a port which was named for something else is passed over, like one that is taken.
            with contextlib.suppress(PortsCollide):
                block = _block(environ, first)
                if not _taken(block, host):
                    return block
    raise LocalServiceError("No free block of four ports was found. Name one: make run PORT=8100")


def _taken(ports: Ports, host: str) -> list[int]:
    return [port for port in (ports.web, ports.track, ports.mailbox, ports.smtp) if not _free(host, port)]


def _free(host: str, port: int) -> bool:
    """Whether we could listen there; a port that is only waiting after its last connection counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            raise LocalServiceError(
                f"Port {port} needs rights that this user lacks. Choose one above 1023: make run PORT=8100"
            ) from None
        except OSError:
            return False
    return True


def _remember(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(path.read_text())["port"])
    return None
