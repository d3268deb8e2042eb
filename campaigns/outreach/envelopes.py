"""To whom and from whom a message came, where only the message itself can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from campaigns.delivery.addresses import read_address
from campaigns.outreach.mail.addresses import all_in
from campaigns.outreach.mail.classify import envelope_sender
from campaigns.outreach.mail.parts import Part, parse

# Written by whoever delivered it, the most trusted first; then by whoever sent it.
_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "X-Forwarded-To", "To", "Cc")
# What mail servers put in place of the empty sender of a notification.
_NULL = {"", "<>", "mailer-daemon"}


@dataclass(frozen=True)
class Envelope:
    recipient: str
    sender: str


def find_envelope(raw: bytes, *, recipient: str = "", sender: str | None = None) -> Envelope:
    """The envelope as it was given, and the missing of it from the headers: an address that we signed before any other."""
    message = parse(raw)
    found = sender if sender is not None else envelope_sender(message)
    if found is None:
        found = next((address for _at, address in all_in(message.get("From"))), "")
    clean = found.strip().strip("<>").strip()
    return Envelope(recipient.strip() or _recipient(message), "" if clean.lower() in _NULL else clean)


OWN: list[Callable[[str], bool]] = []


def register_own(is_own: Callable[[str], bool]) -> None:
    """Say which addresses of another kind are ours too: they are found among those of a message as the signed ones are."""
    OWN.append(is_own)


def _recipient(message: Part) -> str:
    known = [address for name in _TO for value in message.all(name) for _at, address in all_in(value)]
    signed = (address for address in known if read_address(address) is not None or any(own(address) for own in OWN))
    return next(signed, known[0] if known else "")
