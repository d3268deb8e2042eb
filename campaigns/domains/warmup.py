"""Warming a sending domain up: receivers trust a new one slowly, so each day allows more messages than the day before.

Days are UTC days from the day it began. What a day allowed is counted in PostgreSQL, in handfuls that workers take: a worker that dies
has taken up to a handful too many, and never sends one too many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from campaigns.domains.models import SendingDomain, WarmupDay

if TYPE_CHECKING:
    from campaigns.delivery.lines import Connection

USUAL = (50, 100, 200, 400, 800, 1_500, 3_000, 6_000, 12_000, 25_000, 50_000, 100_000)
_TAKE = """
UPDATE campaigns_warmupday w SET taken = least(%(most)s, o.taken + %(n)s)
  FROM (SELECT id, taken FROM campaigns_warmupday WHERE domain_id = %(domain)s AND day = %(day)s FOR UPDATE) o
 WHERE w.id = o.id AND o.taken < %(most)s RETURNING w.taken - o.taken"""


@dataclass(frozen=True)
class Today:
    """A day of a schedule: its number, and the most messages that may leave in it."""

    domain_id: int
    day: date
    number: int
    days: int
    most: int

    @property
    def next_at(self) -> datetime:
        """When the next day begins."""
        return datetime.combine(self.day + timedelta(days=1), datetime.min.time(), UTC)


def today_of(row: SendingDomain | None, *, now: datetime | None = None) -> Today | None:
    """Where in its schedule a domain is; None when it is not being warmed up (any more, or yet)."""
    if row is None or row.pk is None or row.warmup_from is None:
        return None
    day = (now or timezone.now()).astimezone(UTC).date()
    number = (day - row.warmup_from).days + 1
    if number < 1 or number > len(row.warmup_steps):
        return None
    return Today(row.pk, day, number, len(row.warmup_steps), row.warmup_steps[number - 1])


def taken(today: Today) -> int:
    """How many of the day's messages are taken."""
    row = WarmupDay.objects.filter(domain_id=today.domain_id, day=today.day).first()
    return min(row.taken, today.most) if row else 0


@dataclass(frozen=True)
class Standing:
    """A domain that is being warmed up, and how much of today is taken."""

    name: str
    today: Today
    taken: int

    @property
    def is_spent(self) -> bool:
        return self.taken >= self.today.most


def standings(names: Iterable[str], *, now: datetime | None = None) -> dict[str, Standing]:
    """Of those that are being warmed up, by name; two queries for any number."""
    todays = {row.name: today_of(row, now=now) for row in SendingDomain.objects.filter(name__in=set(names))}
    found = {name: today for name, today in todays.items() if today is not None}
    days = {today.day for today in found.values()}
    rows = WarmupDay.objects.filter(domain__name__in=found, day__in=days).values_list("domain_id", "taken")
    spent = dict(rows)
    return {
        name: Standing(name, today, min(spent.get(today.domain_id, 0), today.most)) for name, today in found.items()
    }


def is_spent(today: Today) -> bool:
    return taken(today) >= today.most


def days_for(row: SendingDomain, messages: int, *, now: datetime | None = None) -> int:
    """On how many days so many messages leave, beginning now; 0 when the schedule does not stretch them."""
    today = today_of(row, now=now)
    if today is None or messages <= 0:
        return 0
    left = messages - max(0, today.most - taken(today))
    days = 1
    for most in row.warmup_steps[today.number :]:
        if left <= 0:
            return days
        left -= most
        days += 1
    return days if left <= 0 else days + 1  # behind the last step nothing limits it


async def take(line: Connection, today: Today, n: int) -> int:
    """Take up to `n` of the day's messages; 0 when it is spent."""
    values = {"domain": today.domain_id, "day": today.day, "most": today.most, "n": n}
    await line.execute(
        "INSERT INTO campaigns_warmupday (domain_id, day, taken) VALUES (%(domain)s, %(day)s, 0) ON CONFLICT DO NOTHING",
        values,
    )
    cursor = await line.execute(_TAKE, values)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def give_back(line: Connection, today: Today, n: int) -> None:
    await line.execute(
        "UPDATE campaigns_warmupday SET taken = greatest(0, taken - %s) WHERE domain_id = %s AND day = %s",
        [n, today.domain_id, today.day],
    )
