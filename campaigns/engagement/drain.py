"""From spool files into PostgreSQL: exactly once, whatever dies.

One file is one transaction: its hits are classified, written, and the read models follow, then the file goes. A crash
before the commit leaves the file; a crash after it leaves a file whose hits are known by their ids and count nothing twice.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from campaigns.engagement import partitions
from campaigns.engagement.classify import CONTEXT, Verdict, classify
from campaigns.engagement.models import HitClass
from campaigns.engagement.spool import Hit, read_hits, waiting_files
from campaigns.feeds.models import EngagementBatch

logger = logging.getLogger(__name__)
Key = tuple[int, int | None, str]  # mailing, seq, and the visitor where there is no seq
Pair = tuple[int, int]

_KNOWN = "SELECT e.hit_id FROM engagement e JOIN unnest(%s::timestamptz[], %s::uuid[]) h (at, id) ON e.at = h.at AND e.hit_id = h.id"
_DELIVERIES = """
SELECT d.mailing_id, d.seq, d.person_id, d.is_tracked, d.address_key LIKE 'erased:%%',
       CASE WHEN d.state = 'accepted' THEN coalesce(d.settled_at, d.last_attempt_at) ELSE coalesce(d.last_attempt_at, d.first_attempt_at) END
  FROM delivery d JOIN unnest(%s::bigint[], %s::int[]) h (mailing_id, seq) USING (mailing_id, seq)
"""
_CONTEXT = """
SELECT e.hit_id, e.at, e.kind, e.mailing_id, e.seq, e.link_number, coalesce(host(e.ip), ''), e.user_agent, e.hit_class, e.reason
  FROM engagement e
 WHERE e.mailing_id = ANY (%s) AND e.at BETWEEN %s AND %s
   AND (e.mailing_id, e.seq) IN (SELECT * FROM unnest(%s::bigint[], %s::int[]))
"""
_GONE = "SELECT mailing_id FROM campaigns_kepttotals WHERE mailing_id = ANY (%s) AND hits_removed_at IS NOT NULL"
_INSERT = """
INSERT INTO engagement (batch_id, hit_id, at, mailing_id, seq, kind, link_number, hit_class, reason, ip, user_agent)
SELECT %s, h.* FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::int[], %s::text[], %s::smallint[],
                          %s::text[], %s::text[], %s::inet[], %s::text[]) h
ON CONFLICT DO NOTHING
"""
_REJUDGE = """
UPDATE engagement e SET hit_class = h.hit_class, reason = h.reason, batch_id = %s
  FROM unnest(%s::timestamptz[], %s::uuid[], %s::text[], %s::text[]) h (at, id, hit_class, reason)
 WHERE e.at = h.at AND e.hit_id = h.id
"""
_PER_DELIVERY = """
INSERT INTO campaigns_deliveryengagement AS t (mailing_id, seq, person_id, first_click_at, human_clicks, machine_clicks,
       unknown_clicks, human_opens, machine_opens, unknown_opens)
SELECT h.mailing_id, h.seq, h.person_id,
       min(e.at) FILTER (WHERE e.kind = 'click' AND e.hit_class = 'human'),
       count(*) FILTER (WHERE e.kind = 'click' AND e.hit_class = 'human'),
       count(*) FILTER (WHERE e.kind = 'click' AND e.hit_class = 'machine'),
       count(*) FILTER (WHERE e.kind = 'click' AND e.hit_class = 'unknown'),
       count(*) FILTER (WHERE e.kind = 'open' AND e.hit_class = 'human'),
       count(*) FILTER (WHERE e.kind = 'open' AND e.hit_class = 'machine'),
       count(*) FILTER (WHERE e.kind = 'open' AND e.hit_class = 'unknown')
  FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) h (mailing_id, seq, person_id)
  JOIN engagement e ON e.mailing_id = h.mailing_id AND e.seq = h.seq
 GROUP BY h.mailing_id, h.seq, h.person_id
ON CONFLICT (mailing_id, seq) DO UPDATE SET
       person_id = EXCLUDED.person_id, first_click_at = EXCLUDED.first_click_at,
       human_clicks = EXCLUDED.human_clicks, machine_clicks = EXCLUDED.machine_clicks, unknown_clicks = EXCLUDED.unknown_clicks,
       human_opens = EXCLUDED.human_opens, machine_opens = EXCLUDED.machine_opens, unknown_opens = EXCLUDED.unknown_opens
"""
_PER_DAY = """
INSERT INTO campaigns_engagementday AS t (person_id, day, mailed, human_clicks, replies)
SELECT h.person_id, h.day, 0, h.clicks, 0 FROM unnest(%s::bigint[], %s::date[], %s::int[]) h (person_id, day, clicks)
ON CONFLICT (person_id, day) DO UPDATE SET human_clicks = t.human_clicks + EXCLUDED.human_clicks
"""
# people are locked in the order of their ids, and before their days, as delivery's roll-up does: no two wait in a circle
_LAST_ENGAGED = """
WITH h AS (SELECT person_id, max(at) AS at FROM unnest(%s::bigint[], %s::timestamptz[]) u (person_id, at) GROUP BY person_id),
     locked AS (SELECT id FROM contacts_person WHERE id IN (SELECT person_id FROM h) ORDER BY id FOR NO KEY UPDATE)
UPDATE contacts_person p SET last_engaged_at = greatest(p.last_engaged_at, h.at)
  FROM h, locked WHERE locked.id = h.person_id AND p.id = h.person_id
"""


def drain(folder: Path, *, limit: int = 200) -> int:
    """Take in what `track` wrote, oldest first; returns how many hits were new. Two drains at once do no harm."""
    taken = 0
    for path in waiting_files(folder)[:limit]:
        try:
            hits = list(read_hits(path.read_bytes()))
        except FileNotFoundError:
            continue  # another drain was faster
        new = take_in_hits(hits)
        if new is None:
            break  # another drain is at work
        path.unlink(missing_ok=True)
        taken += new
    return taken


def take_in_hits(hits: list[Hit]) -> int | None:
    """Classify and write hits with everything that follows from them, in one transaction. None: another drain holds the lock."""
    for month in sorted({partitions.month_of(hit.at) for hit in hits}):
        partitions.ensure_month(month)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('engagement drain'))")
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_KNOWN, [[hit.at for hit in hits], [hit.id for hit in hits]])
        known = {row[0] for row in cursor.fetchall()}
        batch = Batch([hit for hit in hits if hit.id not in known])
        if batch.hits:
            batch.load(cursor)
            batch.judge()
            batch.write(cursor)
        return len(batch.hits)


class Batch:
    """New hits, with the deliveries and the earlier hits that they are judged with."""

    def __init__(self, hits: list[Hit]) -> None:
        self.hits = hits
        self.people: dict[Pair, int | None] = {}
        self.untracked: set[Pair] = set()
        self.erased: set[Pair] = set()
        self.accepted: dict[Pair, datetime | None] = {}
        self.earlier: dict[UUID, tuple[Hit, str, str]] = {}
        self.verdicts: dict[UUID, Verdict] = {}

    def load(self, cursor: Any) -> None:
        pairs = sorted({(hit.mailing_id, hit.seq) for hit in self.hits if hit.seq is not None})
        columns = [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
        cursor.execute(_DELIVERIES, columns)
        for mailing_id, seq, person_id, is_tracked, is_erased, accepted_at in cursor.fetchall():
            self.accepted[mailing_id, seq] = accepted_at
            if is_erased:  # the click counts in the report, and nothing of whoever made it is kept
                self.erased.add((mailing_id, seq))
                person_id = None
            if is_tracked:
                self.people[mailing_id, seq] = person_id
            else:  # their links carry no seq; should one come all the same, it is not kept
                self.untracked.add((mailing_id, seq))
        times = [hit.at for hit in self.hits]
        mailings = sorted({hit.mailing_id for hit in self.hits})
        cursor.execute(_CONTEXT, [mailings, min(times) - CONTEXT, max(times) + CONTEXT, *columns])
        for hit_id, at, kind, mailing_id, seq, number, ip, agent, was, why in cursor.fetchall():
            method = "HEAD" if why == "asked with HEAD" else "GET"
            hit = Hit(hit_id, at, kind, mailing_id, seq, number, ip, method, agent, "", False, was == HitClass.HUMAN)
            self.earlier[hit_id] = (hit, was, why)

    def judge(self) -> None:
        groups: dict[Key, list[Hit]] = defaultdict(list)
        for hit in [*self.hits, *(hit for hit, _, _ in self.earlier.values())]:
            groups[hit.mailing_id, hit.seq, "" if hit.seq is not None else f"{hit.ip} {hit.agent}"].append(hit)
        for (mailing_id, seq, _visitor), hits in groups.items():
            accepted_at = self.accepted.get((mailing_id, seq)) if seq is not None else None
            self.verdicts.update(classify(hits, accepted_at))
        for hit_id, (_hit, was, _why) in self.earlier.items():
            # company can only give a machine away; the request's own headers are not kept, so nothing becomes human again
            if was == HitClass.MACHINE or self.verdicts[hit_id].hit_class != HitClass.MACHINE:
                del self.verdicts[hit_id]

    def write(self, cursor: Any) -> None:
        changed = [(hit, self.verdicts[hit.id]) for hit, _, _ in self.earlier.values() if hit.id in self.verdicts]
        # the drain's lock is held until the commit, so the feed of batches is in the order of commits
        times = [hit.at for hit in [*self.hits, *(hit for hit, _ in changed)]]
        batch = EngagementBatch.objects.create(rows=len(times), first_at=min(times), last_at=max(times))
        cursor.execute(_INSERT, [batch.pk, *_columns(self._row(hit) for hit in self.hits)])
        if changed:
            rows = [(hit.at, hit.id, verdict.hit_class.value, verdict.reason) for hit, verdict in changed]
            cursor.execute(_REJUDGE, [batch.pk, *_columns(rows)])
        cursor.execute(_GONE, [sorted({hit.mailing_id for hit in self.hits})])
        gone = {mailing_id for (mailing_id,) in cursor.fetchall()}  # to count again would count too few
        touched = sorted(
            {pair for hit in self.hits if (pair := (hit.mailing_id, hit.seq)) in self.people and pair[0] not in gone}
        )
        cursor.execute(
            _PER_DELIVERY, [[p[0] for p in touched], [p[1] for p in touched], [self.people[p] for p in touched]]
        )
        self._write_people(cursor)

    def _row(self, hit: Hit) -> tuple[Any, ...]:
        verdict = self.verdicts[hit.id]
        seq = None if (hit.mailing_id, hit.seq) in self.untracked else hit.seq
        is_erased = (hit.mailing_id, hit.seq) in self.erased
        return (
            hit.id, hit.at, hit.mailing_id, seq, hit.kind, hit.number, verdict.hit_class.value, verdict.reason,
            None if seq is None or is_erased else _address(hit.ip), "" if is_erased else hit.agent[:300],
        )  # fmt: skip

    def _write_people(self, cursor: Any) -> None:
        """Daily buckets and the last engagement of people: human clicks added, and taken back when they were a scanner's."""
        days: Counter[tuple[int, date]] = Counter()
        engaged: list[tuple[int, datetime]] = []
        for hit in self.hits:
            person_id = self.people.get((hit.mailing_id, hit.seq or 0))
            if person_id and hit.kind == "click" and self.verdicts[hit.id].hit_class == HitClass.HUMAN:
                days[person_id, hit.at.date()] += 1
                engaged.append((person_id, hit.at))
        for hit, was, _why in self.earlier.values():
            person_id = self.people.get((hit.mailing_id, hit.seq or 0))
            if person_id and hit.kind == "click" and was == HitClass.HUMAN and hit.id in self.verdicts:
                days[person_id, hit.at.date()] -= 1
        if engaged:
            cursor.execute(_LAST_ENGAGED, _columns(sorted(engaged)))
        add_to_days(cursor, days)


def add_to_days(cursor: Any, clicks: Counter[tuple[int, date]]) -> None:
    """Add human clicks to people's days, in key order so that two writers never wait for one another in a circle."""
    rows = [(person_id, day, count) for (person_id, day), count in sorted(clicks.items()) if count]
    if rows:
        cursor.execute(_PER_DAY, _columns(rows))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


@lru_cache(maxsize=4096)
def _address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None
