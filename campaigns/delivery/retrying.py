"""What a reply means for a delivery: accepted, tried again later, or failed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from campaigns.delivery.composing import Item
from campaigns.delivery.models import Outcome
from campaigns.delivery.smtp import Reply

# plain words: those of an enumeration are slow to compare and to count
ACCEPTED, DEFERRED, FAILED, UNCERTAIN = (
    outcome.value for outcome in (Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.FAILED, Outcome.UNCERTAIN)
)
LONGEST_WAIT = timedelta(hours=2)
CLOSING = 421  # "service not available, closing": about the road (RFC 5321, 3.8)
SHORT, FULL = 300, 4000  # of a reply: that of a message that is over, and was not accepted, is kept in full
_NO_SUCH_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


class Verdict(NamedTuple):
    """A delivery's next state, with what the server said."""

    state: str
    code: int | None = None
    text: str = ""
    wait: timedelta = timedelta()
    is_no_such_address: bool = False


def judge(item: Item, reply: Reply, *, now: datetime | None = None) -> Verdict:
    """The verdict on a reply to RCPT, DATA or the message itself."""
    text = reply.text.replace("\n", " ").replace("\0", "")[:FULL]
    if 200 <= reply.code < 300:
        return Verdict(ACCEPTED, reply.code, text[:SHORT])
    if reply.is_permanent:
        return Verdict(FAILED, reply.code, text, is_no_such_address=reply.status in _NO_SUCH_ADDRESS)
    return later(item, reply.code or None, text, now=now, is_road=reply.code == CLOSING)


def later(item: Item, code: int | None, text: str, *, now: datetime | None = None, is_road: bool = False) -> Verdict:
    """Deferred with back-off and jitter, or failed when it was tried often or long enough. is_road: it was refused with all others, because
    the server takes nothing now or the service does not let us in; however often, that is no reason to give this one up."""
    attempts = item.attempts + 1
    moment = now or datetime.now(UTC)
    began = item.first_attempt_at or moment
    if (attempts >= settings.DELIVERY_TRIES and not is_road) or moment - began > timedelta(
        hours=settings.DELIVERY_GIVE_UP_HOURS
    ):
        return Verdict(FAILED, code, f"given up after {attempts} tries: {text}"[:FULL])
    return Verdict(DEFERRED, code, text[:SHORT], wait=backoff(attempts))


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … minutes by default, each up to a quarter longer or shorter, so that a crowd does not come back at once."""
    base = settings.DELIVERY_RETRY_SECONDS * 2 ** (attempts - 1)
    return min(LONGEST_WAIT, timedelta(seconds=base)) * random.uniform(0.75, 1.25)  # noqa: S311 only spreads the tries


def failed(text: str) -> Verdict:
    """Without asking a server: a poisoned delivery, a reserved name."""
    return Verdict(FAILED, None, text[:300])


def unanswered(item: Item, why: str, *, resends: bool) -> Verdict:
    """The final dot left and no reply came. Nobody knows; the mailing's policy decides."""
    text = f"no answer to the whole message: {why}"[:300]
    return later(item, None, text) if resends else Verdict(UNCERTAIN, None, text)
