"""What the ledger says. `counts` is the promise of DESIGN.md section 5: it adds up to the audience at every moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from campaigns.delivery.models import Delivery, Outcome
from campaigns.mailings.models import Mailing
from campaigns.mailings.queries import WAITING, chunk_counts
from campaigns.mailings.states import State

# rows that went in time (campaigns/retention) are counted as they were kept
_COUNTS = """
WITH kept AS (SELECT figures -> 'counts' AS counts FROM campaigns_kepttotals
               WHERE mailing_id = %s AND deliveries_removed_at IS NOT NULL)
SELECT c.key, c.value::bigint FROM kept, jsonb_each_text(kept.counts) c
UNION ALL
SELECT state, count(*) FROM delivery WHERE mailing_id = %s AND NOT EXISTS (SELECT 1 FROM kept) GROUP BY state
"""
OPEN = (Outcome.PENDING, Outcome.IN_FLIGHT, Outcome.DEFERRED)
# of one row of the directory: a message that may still leave, or that left and is not yet in the day's figures
UNDER_WAY = "SELECT 1 FROM delivery d WHERE {theirs} AND d.state IN ('pending', 'in_flight', 'deferred', 'uncertain')"
WENT_OUT = "SELECT 1 FROM delivery d WHERE {theirs} AND d.state = 'accepted'"


def counts(mailing_id: int) -> dict[str, int]:
    """Outcome → rows, all eight of them; their sum is the audience. One query on the ledger itself."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [mailing_id, mailing_id])
        found = dict(cursor.fetchall())
    return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}


def quick_counts(mailing_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """The same by mailing, for the live bar: all outcomes of `chunk_counts`."""
    return {
        pk: {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}
        for pk, found in chunk_counts(mailing_ids).items()
    }


def has_open(mailing_id: int) -> bool:
    """Whether anything is pending, in flight or deferred."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE mailing_id = %s AND state = ANY (%s))",
            [mailing_id, [state.value for state in OPEN]],
        )
        return bool(cursor.fetchone()[0])


def skip_counts(mailing_id: int) -> dict[str, int]:
    """First reason → rows skipped at freeze."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT skip_reason, count(*) FROM delivery WHERE mailing_id = %s AND state = 'skipped' GROUP BY skip_reason",
            [mailing_id],
        )
        return dict(cursor.fetchall())


def address_of(mailing_id: int, seq: int) -> str | None:
    """The normal form of the address that a delivery went to; None when it was blanked or skipped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT address_key FROM delivery WHERE mailing_id = %s AND seq = %s AND address <> ''", [mailing_id, seq]
        )
        row = cursor.fetchone()
    return row[0] if row else None


@dataclass(frozen=True)
class Progress:
    """How far a mailing is. What cannot be known yet is None."""

    counts: dict[str, int]
    audience: int
    to_send: int
    settled: int
    percent: float
    per_second: float | None
    seconds_left: float | None
    is_moving: bool
    waiting: int = 0  # of what is left, for their country's time

    @property
    def left(self) -> int:
        return self.to_send - self.settled


_WINDOW = 20.0  # seconds over which the rate is measured


def progress(mailing: Mailing, *, now: datetime | None = None) -> Progress:
    """Counts, rate over the last seconds and time left, for the mailing's page, Today and the report."""
    moving = mailing.state == State.SENDING
    found = chunk_counts([mailing.pk])[mailing.pk] if moving else counts(mailing.pk)
    return _progress(mailing, found, now or timezone.now())


def progress_of(mailings: Iterable[Mailing], *, now: datetime | None = None) -> dict[int, Progress]:
    """The same by mailing id for many, those with a frozen audience, from one query on their chunks."""
    frozen = {row.pk: row for row in mailings if row.frozen_at is not None}
    moment = now or timezone.now()
    return {pk: _progress(frozen[pk], found, moment) for pk, found in chunk_counts(frozen).items()}


def _progress(mailing: Mailing, sums: dict[str, int], moment: datetime) -> Progress:
    moving = mailing.state == State.SENDING
    found = {outcome.value: sums.get(outcome.value, 0) for outcome in Outcome}
    waiting = sums.get(WAITING, 0) if moving else 0
    audience = sum(found.values())
    to_send = audience - found["skipped"] - found["cancelled"]
    settled = found["accepted"] + found["failed"] + found["uncertain"]
    rate = _rate(mailing, settled, moment) if moving else None
    return Progress(
        counts=found,
        audience=audience,
        to_send=to_send,
        settled=settled,
        percent=100 * settled / to_send if to_send else 100.0,
        per_second=rate,
        seconds_left=(to_send - settled - waiting) / rate if rate else None,
        is_moving=moving,
        waiting=waiting,
    )


def _rate(mailing: Mailing, settled: int, moment: datetime) -> float | None:
    """From samples that the last readers left in the cache; since the start when there are none."""
    at = moment.timestamp()
    key = f"progress:{mailing.pk}"
    samples: list[tuple[float, int]] = [s for s in _read(key) if at - s[0] <= _WINDOW and s[1] <= settled]
    if not samples and mailing.started_at:
        samples = [(mailing.started_at.timestamp(), 0)]
    rate = None
    if samples and at - samples[0][0] >= 0.5 and settled > samples[0][1]:
        rate = (settled - samples[0][1]) / (at - samples[0][0])
    _write(key, [*samples[-40:], (at, settled)])
    return rate


def _read(key: str) -> list[Any]:
    try:
        return cache.get(key) or []
    except Exception:  # the cache is a convenience here: without it the rate is that since the start
        return []


def _write(key: str, value: list[Any]) -> None:
    with contextlib.suppress(Exception):  # see _read
        cache.set(key, value, 120)


def find_delivery(mailing_id: int, seq: int) -> Delivery | None:
    """A delivery, also one whose row went in time: then only whom it went to is known, and its state is empty."""
    from campaigns.retention.models import DeliveryTail

    found = Delivery.objects.filter(mailing_id=mailing_id, seq=seq).first()
    if found is None and (tail := DeliveryTail.objects.filter(mailing_id=mailing_id, seq=seq).first()):
        return Delivery(
            mailing_id=mailing_id, seq=seq, person_id=tail.person_id, organization_id=tail.organization_id, state=""
        )
    return found
