"""One file of hits into PostgreSQL, in sets: nothing is done for each hit in Python that a statement can do for all.

The lines of the spool are copied into a temporary table as they are. What a request says of itself is judged once for all
that say the same; only hits with company (several of one delivery, or of one visitor, within minutes) are read one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.engagement.classify import CONTEXT, READING_TIME, Verdict, classify, judge_alone
from campaigns.engagement.links import HONEYPOT
from campaigns.engagement.models import HitClass
from campaigns.engagement.ranges import is_address, scanner_at
from campaigns.engagement.spool import EPOCH, Hit
from campaigns.feeds.models import EngagementBatch

Pair = tuple[int, int]
Key = tuple[int, int | None, str]  # mailing, seq, and the visitor where there is no seq

_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS incoming_hit (
    hit_id uuid, micros bigint, kind text, mailing_id bigint, seq int, number smallint, ip text, method text, agent text,
    purpose text, by_user boolean, has_language boolean) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS judged_hit (
    hit_id uuid, at timestamptz, mailing_id bigint, seq int, kind text, number smallint, hit_class text, reason text,
    ip inet, agent text, person_id bigint, is_counted boolean) ON COMMIT DELETE ROWS;
DELETE FROM incoming_hit; DELETE FROM judged_hit;
"""
# A line of the spool without its brackets is a line of CSV, as long as nothing in it is escaped.
_COPY_LINES = "COPY incoming_hit FROM STDIN WITH (FORMAT csv, NULL 'null')"
_COPY_ROWS = "COPY incoming_hit FROM STDIN"
_AT = "('epoch'::timestamptz + i.micros * interval '1 microsecond')"
_FORGET_KNOWN = f"DELETE FROM incoming_hit i USING engagement e WHERE e.hit_id = i.hit_id AND e.at = {_AT}"  # noqa: S608 our own words
_SPAN = "SELECT min(micros), max(micros), array_agg(DISTINCT mailing_id), count(*) FROM incoming_hit"
_ADDRESSES = "SELECT DISTINCT ip FROM incoming_hit"
_LOOKS = "i.kind, coalesce(i.number = 0, false), i.method, i.purpose <> '', i.agent, i.by_user, i.has_language"
_VISITOR = "i.mailing_id, coalesce(i.seq, 0), CASE WHEN i.seq IS NULL THEN i.ip || ' ' || i.agent ELSE '' END"
# OFFSET 0: each hit looks its rows up by their index. Left to itself the planner, which knows nothing of a temporary table, reads
# all that came in these minutes, and all recipients of the mailing below: twice the time for a file of 4,000 hits of 90,000.
_EARLIER = """
SELECT e.hit_id, e.at, e.kind, i.mailing_id, i.seq, e.link_number, coalesce(host(e.ip), ''), e.user_agent, e.hit_class, e.reason
  FROM (SELECT DISTINCT mailing_id, seq FROM incoming_hit WHERE seq IS NOT NULL) i
 CROSS JOIN LATERAL (
       SELECT * FROM engagement e WHERE e.mailing_id = i.mailing_id AND e.seq = i.seq AND e.at BETWEEN %s AND %s OFFSET 0) e
"""
_WITH_COMPANY = f"""
SELECT i.hit_id, i.micros, i.kind, i.mailing_id, i.seq, i.number, i.ip, i.method, i.agent, i.purpose, i.by_user, i.has_language
  FROM incoming_hit i
 WHERE ({_VISITOR}) IN (
       SELECT {_VISITOR} FROM incoming_hit i GROUP BY 1, 2, 3 HAVING count(*) > 1
       UNION ALL SELECT mailing_id, seq, '' FROM unnest(%s::bigint[], %s::int[]) e (mailing_id, seq))
"""  # noqa: S608 our own words
_ACCEPTED = "CASE WHEN d.state = 'accepted' THEN coalesce(d.settled_at, d.last_attempt_at) ELSE coalesce(d.last_attempt_at, d.first_attempt_at) END"
_DELIVERIES = f"""
SELECT d.mailing_id, d.seq, d.is_tracked, CASE WHEN d.address_key LIKE 'erased:%%' THEN NULL ELSE d.person_id END, {_ACCEPTED}
  FROM delivery d JOIN unnest(%s::bigint[], %s::int[]) h (mailing_id, seq) USING (mailing_id, seq)
 WHERE d.mailing_id = ANY (%s)
"""  # noqa: S608 our own words
# Untracked people's links carry no seq: should one come all the same, it is not kept. Of whom was erased the click counts in
# the report, and nothing of whoever made it is kept. To count again where hits were removed would count too few.
_JUDGE = f"""
INSERT INTO judged_hit
SELECT i.hit_id, {_AT}, i.mailing_id, k.seq, CASE i.kind WHEN 'o' THEN 'open' ELSE 'click' END, i.number,
       coalesce(own.hit_class, alone.hit_class), coalesce(own.reason, alone.reason),
       CASE WHEN k.seq IS NULL OR k.is_erased OR i.ip = ANY (%s) THEN NULL ELSE i.ip::inet END,
       CASE WHEN k.is_erased THEN '' ELSE left(i.agent, 300) END,
       CASE WHEN d.is_tracked AND NOT k.is_erased THEN d.person_id END,
       coalesce(d.is_tracked, false) AND i.mailing_id <> ALL (%s)
  FROM incoming_hit i
  LEFT JOIN LATERAL (
       SELECT is_tracked, address_key, person_id, state, settled_at, last_attempt_at, first_attempt_at
         FROM delivery d WHERE d.mailing_id = i.mailing_id AND d.seq = i.seq OFFSET 0) d ON true
 CROSS JOIN LATERAL (SELECT CASE WHEN d.is_tracked IS FALSE THEN NULL ELSE i.seq END AS seq,
                            coalesce(d.address_key LIKE 'erased:%%', false) AS is_erased) k
  LEFT JOIN unnest(%s::uuid[], %s::text[], %s::text[]) own (hit_id, hit_class, reason) ON own.hit_id = i.hit_id
  LEFT JOIN unnest(%s::text[], %s::boolean[], %s::text[], %s::boolean[], %s::text[], %s::boolean[], %s::boolean[],
                   %s::boolean[], %s::boolean[], %s::text[], %s::text[])
            alone (kind, is_trap, method, has_purpose, agent, by_user, has_language, at_scanner, too_soon, hit_class, reason)
    ON ({_LOOKS}) = (alone.kind, alone.is_trap, alone.method, alone.has_purpose, alone.agent, alone.by_user, alone.has_language)
   AND alone.at_scanner = (i.ip = ANY (%s)) AND alone.too_soon = coalesce({_AT} < {_ACCEPTED} + %s, false)
"""  # noqa: S608 our own words
_WRITE = """
INSERT INTO engagement (batch_id, hit_id, at, mailing_id, seq, kind, link_number, hit_class, reason, ip, user_agent)
SELECT %s, hit_id, at, mailing_id, seq, kind, number, hit_class, reason, ip, agent FROM judged_hit
"""
_REJUDGE = """
UPDATE engagement e SET hit_class = h.hit_class, reason = h.reason, batch_id = %s
  FROM unnest(%s::timestamptz[], %s::uuid[], %s::text[], %s::text[]) h (at, id, hit_class, reason)
 WHERE e.at = h.at AND e.hit_id = h.id
"""
_COUNTS = ", ".join(
    f"count(*) FILTER (WHERE h.kind = '{kind}' AND h.hit_class = '{hit_class}')"
    for kind, hit_class in product(("click", "open"), ("human", "machine", "unknown"))
)
_COUNTERS = ("human_clicks", "machine_clicks", "unknown_clicks", "human_opens", "machine_opens", "unknown_opens")
_FIRST = "min(h.at) FILTER (WHERE h.kind = 'click' AND h.hit_class = 'human')"
_ADD_TO_DELIVERIES = f"""
INSERT INTO campaigns_deliveryengagement AS t (mailing_id, seq, person_id, first_click_at, {", ".join(_COUNTERS)})
SELECT h.mailing_id, h.seq, min(h.person_id), {_FIRST}, {_COUNTS}
  FROM judged_hit h
 WHERE h.is_counted AND (h.mailing_id, h.seq) NOT IN (SELECT * FROM unnest(%s::bigint[], %s::int[]))
 GROUP BY h.mailing_id, h.seq
ON CONFLICT (mailing_id, seq) DO UPDATE SET
       person_id = EXCLUDED.person_id, first_click_at = least(t.first_click_at, EXCLUDED.first_click_at),
       {", ".join(f"{name} = t.{name} + EXCLUDED.{name}" for name in _COUNTERS)}
"""  # noqa: S608 our own names
_COUNT_AGAIN = f"""
INSERT INTO campaigns_deliveryengagement AS t (mailing_id, seq, person_id, first_click_at, {", ".join(_COUNTERS)})
SELECT p.mailing_id, p.seq, p.person_id, {_FIRST}, {_COUNTS}
  FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) p (mailing_id, seq, person_id)
  JOIN engagement h ON h.mailing_id = p.mailing_id AND h.seq = p.seq
 GROUP BY p.mailing_id, p.seq, p.person_id
ON CONFLICT (mailing_id, seq) DO UPDATE SET
       person_id = EXCLUDED.person_id, first_click_at = EXCLUDED.first_click_at,
       {", ".join(f"{name} = EXCLUDED.{name}" for name in _COUNTERS)}
"""  # noqa: S608 our own names
# people are locked in the order of their ids, and before their days, as delivery's roll-up does: no two wait in a circle
_LAST_ENGAGED = """
WITH h AS (SELECT person_id, max(at) AS at FROM judged_hit
            WHERE person_id IS NOT NULL AND kind = 'click' AND hit_class = 'human' GROUP BY person_id),
     locked AS (SELECT id FROM contacts_person WHERE id IN (SELECT person_id FROM h) ORDER BY id FOR NO KEY UPDATE)
UPDATE contacts_person p SET last_engaged_at = greatest(p.last_engaged_at, h.at)
  FROM h, locked WHERE locked.id = h.person_id AND p.id = h.person_id
"""
_PER_DAY = """
INSERT INTO campaigns_engagementday AS t (person_id, day, mailed, human_clicks, replies)
SELECT person_id, day, 0, sum(clicks), 0
  FROM (SELECT person_id, (at AT TIME ZONE 'UTC')::date AS day, 1 AS clicks FROM judged_hit
         WHERE person_id IS NOT NULL AND kind = 'click' AND hit_class = 'human'
        UNION ALL SELECT * FROM unnest(%s::bigint[], %s::date[], %s::int[])) h
 GROUP BY person_id, day HAVING sum(clicks) <> 0 ORDER BY person_id, day
ON CONFLICT (person_id, day) DO UPDATE SET human_clicks = t.human_clicks + EXCLUDED.human_clicks
"""
_GONE = "SELECT mailing_id FROM campaigns_kepttotals WHERE mailing_id = ANY (%s) AND hits_removed_at IS NOT NULL"


def copy_lines(cursor: Any, data: bytes) -> None:
    """Lines of a spool file, whole and without an escape in them, as they are."""
    cursor.execute(_TABLES)
    with connection.wrap_database_errors, cursor.copy(_COPY_LINES) as copy:
        copy.write(data[1:-2].replace(b"]\n[", b"\n"))


def copy_hits(cursor: Any, hits: Iterable[Hit]) -> None:
    """Hits one by one, without those that are known."""
    cursor.execute(_TABLES)
    with cursor.copy(_COPY_ROWS) as copy:
        for hit in {hit.id: hit for hit in hits}.values():
            texts = (text.replace("\0", "") for text in (hit.ip, hit.method, hit.agent[:300], hit.purpose))
            row = (hit.id, micros_of(hit.at), hit.kind[0], hit.mailing_id, hit.seq, hit.number, *texts)
            copy.write_row((*row, hit.by_user, hit.has_language))
    cursor.execute(_FORGET_KNOWN)


def micros_of(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


class Batch:
    """What was copied, with the earlier hits that it is judged with, and everything that follows from it."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        first, last, self.mailings, self.size = self._rows(_SPAN)[0]
        if self.size:
            self.first, self.last = (EPOCH + timedelta(microseconds=micros) for micros in (first, last))
        self.earlier: dict[UUID, tuple[Hit, HitClass]] = {}
        self.changed: list[tuple[Hit, HitClass, Verdict]] = []  # earlier hits, what they were, and what they are
        self.people: dict[Pair, int | None] = {}  # of tracked deliveries whose hits have company

    def take_in(self) -> int:
        """Judge and write all of it; returns how many hits that are."""
        if not self.size:
            return 0
        addresses = [ip for (ip,) in self._rows(_ADDRESSES)]
        scanners = [ip for ip in addresses if scanner_at(ip)]
        invalid = [ip for ip in addresses if not is_address(ip)]
        gone = [mailing_id for (mailing_id,) in self._rows(_GONE, self.mailings)]
        own = [(hit_id, verdict.hit_class.value, verdict.reason) for hit_id, verdict in self._judge_company()]
        looks = self._rows(f"SELECT DISTINCT {_LOOKS} FROM incoming_hit i")  # noqa: S608 our own words
        alone = [row for look in looks for row in _judge_look(*look)]
        self.cursor.execute(
            _JUDGE,
            [invalid, gone, *columns(own, 3), *columns(alone, 11), scanners, READING_TIME],
        )
        self._write(gone)
        return int(self.size)

    def _judge_company(self) -> list[tuple[UUID, Verdict]]:
        """Verdicts of hits that others may give away; earlier ones that are given away now go to `changed`."""
        rows = self._rows(_EARLIER, self.first - CONTEXT, self.last + CONTEXT)
        for hit_id, at, kind, mailing_id, seq, number, ip, agent, was, why in rows:
            method = "HEAD" if why == "asked with HEAD" else "GET"
            hit = Hit(hit_id, at, kind, mailing_id, seq, number, ip, method, agent, "", False, was == HitClass.HUMAN)
            self.earlier[hit_id] = (hit, HitClass(was))
        pairs = sorted({(hit.mailing_id, hit.seq) for hit, _ in self.earlier.values()})
        groups: dict[Key, list[Hit]] = defaultdict(list)
        for hit in [
            *map(_hit, self._rows(_WITH_COMPANY, *columns(pairs, 2))),
            *(hit for hit, _ in self.earlier.values()),
        ]:
            groups[hit.mailing_id, hit.seq, "" if hit.seq is not None else f"{hit.ip} {hit.agent}"].append(hit)
        accepted = self._deliveries([(mailing_id, seq) for mailing_id, seq, _ in groups if seq is not None])
        verdicts: dict[UUID, Verdict] = {}
        for (mailing_id, seq, _visitor), hits in groups.items():
            verdicts.update(classify(hits, accepted.get((mailing_id, seq or 0))))
        for hit_id, (hit, was) in self.earlier.items():
            # company can only give a machine away; the request's own headers are not kept, so nothing becomes human again
            if was != HitClass.MACHINE and verdicts[hit_id].hit_class == HitClass.MACHINE:
                self.changed.append((hit, was, verdicts[hit_id]))
        return [(hit_id, verdict) for hit_id, verdict in verdicts.items() if hit_id not in self.earlier]

    def _deliveries(self, pairs: list[Pair]) -> dict[Pair, datetime | None]:
        """When each was handed over; notes whose they are."""
        accepted: dict[Pair, datetime | None] = {}
        if not pairs:
            return accepted
        for mailing_id, seq, is_tracked, person_id, at in self._rows(_DELIVERIES, *columns(pairs, 2), self.mailings):
            accepted[mailing_id, seq] = at
            if is_tracked:
                self.people[mailing_id, seq] = person_id
        return accepted

    def _write(self, gone: Sequence[int]) -> None:
        # the drain's lock is held until the commit, so the feed of batches is in the order of commits
        times = [self.first, self.last, *(hit.at for hit, _, _ in self.changed)]
        batch = EngagementBatch.objects.create(
            rows=self.size + len(self.changed), first_at=min(times), last_at=max(times)
        )
        self.cursor.execute(_WRITE, [batch.pk])
        if self.changed:
            rows = [(hit.at, hit.id, verdict.hit_class.value, verdict.reason) for hit, _, verdict in self.changed]
            self.cursor.execute(_REJUDGE, [batch.pk, *columns(rows, 4)])
        moved = sorted({pair for hit, _, _ in self.changed if (pair := (hit.mailing_id, hit.seq or 0)) in self.people})
        self.cursor.execute(_ADD_TO_DELIVERIES, columns(moved, 2))
        again = [(*pair, self.people[pair]) for pair in moved if pair[0] not in gone]
        if again:
            self.cursor.execute(_COUNT_AGAIN, columns(again, 3))
        self.cursor.execute(_LAST_ENGAGED)
        taken_back = self._taken_back()
        self.cursor.execute(_PER_DAY, columns([(*key, count) for key, count in taken_back.items()], 3))

    def _taken_back(self) -> Counter[tuple[int, date]]:
        """Human clicks that were a scanner's."""
        days: Counter[tuple[int, date]] = Counter()
        for hit, was, _verdict in self.changed:
            person_id = self.people.get((hit.mailing_id, hit.seq or 0))
            if person_id and hit.kind == "click" and was == HitClass.HUMAN:
                days[person_id, hit.at.date()] -= 1
        return days

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        self.cursor.execute(statement, list(values) or None)
        rows: list[tuple[Any, ...]] = self.cursor.fetchall()
        return rows


def _hit(row: tuple[Any, ...]) -> Hit:
    hit_id, micros, kind, *rest = row
    at = EPOCH + timedelta(microseconds=micros)
    return Hit(hit_id, at, "open" if kind == "o" else "click", *rest)


def _judge_look(
    kind: str, is_trap: bool, method: str, has_purpose: bool, agent: str, by_user: bool, has_language: bool
) -> list[tuple[Any, ...]]:
    """What requests that say the same of themselves are: from a scanner's address or not, too soon or not."""
    number = HONEYPOT if is_trap else 1
    hit = Hit(
        UUID(int=0), EPOCH, "open" if kind == "o" else "click", 0, None, number, "", method, agent,
        "prefetch" if has_purpose else "", by_user, has_language,
    )  # fmt: skip
    rows = []
    for at_scanner, too_soon in product((False, True), repeat=2):
        verdict = judge_alone(hit, at_scanner=at_scanner, too_soon=too_soon)
        key = (kind, is_trap, method, has_purpose, agent, by_user, has_language, at_scanner, too_soon)
        rows.append((*key, verdict.hit_class.value, verdict.reason))
    return rows


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
