"""Messages that must wait for their recipient's domain, while those to others go on.

A domain waits because its limit says so, or because its servers deferred one message after the other: then it is left alone for a
while, longer each time, and all workers know (`DomainRest`). What waits is set aside by the run and given back at its end, with
the time before which it need not be claimed again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from campaigns.delivery.athand import AtHand
from campaigns.delivery.composing import Item
from campaigns.delivery.pacing import SLOW_AT_ONCE, Bucket, Budget, Pace, Tokens
from campaigns.limits.queries import REMEMBERED, Rest

if TYPE_CHECKING:
    from campaigns.delivery.lines import Connection

MOST = 2_000  # set aside by one run: then it claims no more
IN_A_ROW = (
    5  # deferrals by one domain before it is left alone; one is enough for a domain that was, and did not answer since
)
FIRST_REST, LONGEST_REST = timedelta(seconds=60), timedelta(minutes=30)
SHORTEST, LONGEST = timedelta(seconds=5), timedelta(seconds=60)  # before what a limit holds back is claimed again
_REST = """
INSERT INTO campaigns_domainrest AS t (transport_id, domain, level, until, since, reply_text)
VALUES (%(transport)s, %(domain)s, 1, now() + %(first)s, now(), %(text)s)
ON CONFLICT (transport_id, domain) DO UPDATE SET reply_text = excluded.reply_text,
   level = CASE WHEN t.until < now() - %(remembered)s THEN 1 ELSE least(t.level + 1, 20) END,
   until = now() + %(jitter)s * least(%(longest)s, %(first)s * power(2,
       CASE WHEN t.until < now() - %(remembered)s THEN 0 ELSE least(t.level, 10) END)),
   since = CASE WHEN t.until < now() - %(remembered)s THEN now() ELSE t.since END
 WHERE t.until <= now()"""


@dataclass
class _Aside:
    items: deque[Item] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Holding:
    """What one run sets aside, by domain. rates: messages a second by domain. rests: domains that were left alone lately."""

    def __init__(
        self,
        tokens: Tokens,
        buckets: tuple[Bucket, ...],
        budget: Budget | None,
        *,
        rates: Mapping[str, float],
        rests: Mapping[str, Rest],
    ) -> None:
        self.rates, self.rests = rates, dict(rests)
        self._tokens, self._buckets, self._budget = tokens, buckets, budget
        self._paces: dict[str, Pace] = {}
        self._aside: dict[str, _Aside] = {}
        self._deferred: Counter[str] = Counter()
        self.count = 0

    @property
    def is_idle(self) -> bool:
        """Whether no domain has a limit or rests: then no message is looked at."""
        return not self.rates and not self.rests

    @property
    def is_untroubled(self) -> bool:
        """Whether no domain deferred anything, now or lately."""
        return not self._deferred and not self.rests

    @property
    def is_full(self) -> bool:
        return self.count >= MOST

    @property
    def has_hope(self) -> bool:
        """Whether something that was set aside may leave within this run: a limit of one a second or more."""
        return any(
            aside.items and domain in self.rates and self.rates[domain] >= 1 and not self._rests(domain)
            for domain, aside in self._aside.items()
        )

    def _rests(self, domain: str) -> bool:
        rest = self.rests.get(domain)
        return rest is not None and rest.until > datetime.now(UTC)

    def may_leave(self, item: Item) -> bool:
        """Whether the domain lets it leave now; takes the tokens of a limited one, together with the road's."""
        domain = domain_of(item)
        if self._rests(domain):
            return False
        return domain not in self.rates

    def put_aside(self, item: Item, stop: asyncio.Event, queue: AtHand) -> None:
        """Keep it; one whose domain has a limit comes back into the queue when its tokens are there."""
        domain = domain_of(item)
        aside = self._aside.setdefault(domain, _Aside())
        aside.items.append(item)
        self.count += 1
        if domain in self.rates and not self._rests(domain) and aside.task is None:
            aside.task = asyncio.create_task(self._let_out(domain, aside, stop, queue))

    async def _let_out(self, domain: str, aside: _Aside, stop: asyncio.Event, queue: AtHand) -> None:
        pace = self._pace(domain)
        while aside.items and not stop.is_set() and not pace.is_spent and not self._rests(domain):
            if not await pace.wait(stop):
                break
            item = aside.items.popleft()
            item.is_cleared = True
            self.count -= 1
            queue.put([item])
        aside.task = None

    def _pace(self, domain: str) -> Pace:
        if domain not in self._paces:
            own = Bucket(f"to:{domain}", self.rates[domain], SLOW_AT_ONCE if self.rates[domain] < 1 else 1.0)
            self._paces[domain] = Pace(self._tokens, (own, *self._buckets), self._budget)
        return self._paces[domain]

    # --- what servers say -----------------------------------------------------------------------------------------
    def accepted(self, item: Item) -> str:
        """A message arrived; returns its domain when that one was left alone before, and need not be any more."""
        if self.is_untroubled:
            return ""
        domain = domain_of(item)
        self._deferred.pop(domain, None)
        return domain if self.rests.pop(domain, None) else ""

    def deferred(self, item: Item) -> str:
        """A message was deferred; returns its domain when it shall be left alone for a while."""
        domain = domain_of(item)
        if self._rests(domain):
            return ""
        self._deferred[domain] += 1
        if self._deferred[domain] < (1 if domain in self.rests else IN_A_ROW):
            return ""
        del self._deferred[domain]
        self.rests[domain] = Rest(datetime.now(UTC) + FIRST_REST)  # until the ledger says for how long
        return domain

    # --- the end --------------------------------------------------------------------------------------------------
    async def close(self) -> list[tuple[Item, timedelta]]:
        """All that is still set aside, each with how long it need not be claimed."""
        tasks = [aside.task for aside in self._aside.values() if aside.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = []
        for domain, aside in self._aside.items():
            wait = self._wait(domain, len(aside.items))
            left += [(item, wait) for item in aside.items]
        return left

    def _wait(self, domain: str, count: int) -> timedelta:
        if self._rests(domain):
            return self.rests[domain].until - datetime.now(UTC)
        return min(LONGEST, max(SHORTEST, timedelta(seconds=count / self.rates.get(domain, 1.0))))


def domain_of(item: Item) -> str:
    return item.address_key.rpartition("@")[2]


async def leave_alone(connection: Connection, transport_id: int, domain: str, text: str) -> datetime:
    """Write down that a domain is left alone, longer than the last time; returns until when. Two workers count as one."""
    await connection.execute(
        _REST,
        {
            "transport": transport_id,
            "domain": domain,
            "text": text,
            "first": FIRST_REST,
            "longest": LONGEST_REST,
            "remembered": REMEMBERED,
            "jitter": random.uniform(0.8, 1.2),  # noqa: S311 only spreads the tries
        },
    )
    cursor = await connection.execute(
        "SELECT until FROM campaigns_domainrest WHERE transport_id = %s AND domain = %s", [transport_id, domain]
    )
    row = await cursor.fetchone()
    return row[0] if row else datetime.now(UTC)


async def answers_again(connection: Connection, transport_id: int, domain: str) -> None:
    await connection.execute(
        "DELETE FROM campaigns_domainrest WHERE transport_id = %s AND domain = %s", [transport_id, domain]
    )


async def postpone(connection: Connection, token: Any, retries: Mapping[int, timedelta]) -> None:
    """Give retries back that are not to be claimed for a while."""
    await connection.execute(
        "UPDATE campaigns_deliveryretry r SET token = NULL, lease_until = NULL, due_at = now() + t.wait * (1 + random() / 10)"
        "  FROM unnest(%s::bigint[], %s::interval[]) AS t(id, wait) WHERE r.id = t.id AND r.token = %s",
        [list(retries), list(retries.values()), token],
    )
