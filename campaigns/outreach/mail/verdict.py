"""The answer: what a message is, whose address it is about, and what was said of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    HARD = "hard"  # an address will never take mail
    SOFT = "soft"  # a message did not get in; its address may be good
    COMPLAINT = "complaint"  # somebody called a message unwanted
    AUTO_REPLY = "auto_reply"  # a program answered
    REPLY = "reply"  # somebody wrote back
    NONE = "none"  # neither: good news of a server, a newsletter, no message at all


@dataclass(frozen=True)
class Verdict:
    """`recipients` are the addresses that `kind` is true of: those that failed so, or that complained; lower-cased, in order.

    Where a notification names some that failed for good and some for now, kind is HARD and the recipients are the former.
    Empty for the other kinds, and where a report leaves the address out.
    """

    kind: Kind
    recipients: tuple[str, ...] = ()
    status: str = ""
    reason: str = ""
    is_delay: bool = False  # SOFT, and the server goes on trying
    is_personal: bool = False  # NONE, yet it looks like somebody's own words
    note: str = ""

    def as_json(self) -> dict[str, object]:
        return {"kind": self.kind.value, "recipients": list(self.recipients)}


@dataclass(frozen=True)
class Failure:
    """One address that a notification speaks of."""

    address: str
    is_hard: bool
    status: str = ""
    reason: str = ""
    is_delay: bool = False


def of_failures(failures: list[Failure]) -> Verdict | None:
    """The worst of them, with all addresses of which it is true."""
    for wanted in (
        [one for one in failures if one.is_hard],
        [one for one in failures if not one.is_delay],
        failures,
    ):
        if wanted:
            first = wanted[0]
            addresses = tuple(dict.fromkeys(one.address for one in wanted if one.address))
            kind = Kind.HARD if first.is_hard else Kind.SOFT
            return Verdict(kind, addresses, first.status, first.reason[:300], is_delay=first.is_delay)
    return None
