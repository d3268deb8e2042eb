"""What a Postfix log says of our messages: queue id → Message-ID → what became of it.

A message stands in the log under a queue id, and its Message-ID is ours when its MAC says so. Once it has a status the relay had
taken it, whatever became of it then; so the log settles a delivery whose answer nobody heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from campaigns.delivery.addresses import read_message_id

SENT, BOUNCED, DEFERRED = "sent", "bounced", "deferred"
LONGEST_LINE = 4_000
_LINE = re.compile(
    r"\bpostfix(?:-[\w.]+)?(?:/[\w.-]+)+\[\d+\]: (?:\[[^\]]{0,60}\] )?([0-9A-F]{6,20}|[0-9A-Za-z]{10,24}): (.*)",
    re.DOTALL,
)
_MESSAGE_ID = re.compile(r"^message-id=(<[^<>\s]{10,400}>)")
_STATUS = re.compile(r"\bdsn=([245]\.\d{1,3}\.\d{1,3}), status=(sent|bounced|deferred)\b ?(?:\((.*)\))?")


@dataclass(frozen=True)
class Trace:
    """The last that a log says of one message."""

    status: str
    dsn: str
    said: str


def read_log(lines: Iterable[str]) -> dict[tuple[UUID, int], Trace]:
    """(mailing uid, seq) → what the log says last of it. A message that passes a filter has two queue ids, the later one counts."""
    ours: dict[str, tuple[UUID, int]] = {}
    found: dict[tuple[UUID, int], Trace] = {}
    for queue_id, rest in _of_postfix(lines):
        if named := _MESSAGE_ID.match(rest):
            known = read_message_id(named[1])
            if known is None:
                ours.pop(queue_id, None)  # queue ids are used again
            else:
                ours[queue_id] = known
        elif queue_id in ours and (state := _STATUS.search(rest)):
            found[ours[queue_id]] = Trace(state[2], state[1], " ".join((state[3] or "").split())[:280])
    return found


def _of_postfix(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _LINE.search(line[:LONGEST_LINE])
        if match:
            yield match[1], match[2].rstrip("\n")
