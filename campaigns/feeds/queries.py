"""Pages of the feeds. Each reads a bounded number of rows, whatever is asked for: a page may be short, and `next` says whether more follows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from campaigns.delivery.models import Delivery, Feedback
from campaigns.engagement.models import Engagement, TrackedLink
from campaigns.feeds.models import DeliveryPlace, EngagementBatch
from campaigns.mailings.models import Mailing
from contacts.directory.models import Organization, Person, Post

Place = tuple[int, int]  # position, seq


@dataclass(frozen=True)
class FeedPage:
    """rows: (place, row), in order. last: the place to come back with. has_more: something follows already."""

    rows: list[Any]
    last: Sequence[Any] | None
    has_more: bool


def deliveries_after(place: Place | None, *, limit: int, narrow: Q) -> FeedPage:
    """Deliveries in the order in which their chunks last changed. Whoever was read before and changed comes again."""
    position, seq = place or (0, 0)
    chunks = _first_of(_CHUNKS_AFTER, [position, position, seq, limit + 1])
    if not chunks:
        return FeedPage([], place, False)
    rule = Q(seq__lt=0)
    for at, mailing_id, first, last in chunks:
        rule |= Q(mailing_id=mailing_id, seq__gte=max(first, seq + 1) if at == position else first, seq__lte=last)
    places = {(mailing_id, first): at for at, mailing_id, first, _last in chunks}
    starts: dict[int, list[int]] = {}
    for mailing_id, first in sorted(places):
        starts.setdefault(mailing_id, []).append(first)

    def place_of(row: Delivery) -> Place:
        begun = starts[row.mailing_id]
        return places[row.mailing_id, begun[bisect_right(begun, row.seq) - 1]], row.seq

    found = sorted(Delivery.objects.filter(narrow).filter(rule), key=place_of)
    if len(found) > limit:
        return FeedPage(found[:limit], place_of(found[limit - 1]), True)
    end, last = chunks[-1][0], chunks[-1][3]
    return FeedPage(found, (end, last), DeliveryPlace.objects.filter(position__gt=end).exists())


# the first chunks that together hold at least as many rows as were asked for
_CHUNKS_AFTER = """
SELECT position, mailing_id, first_seq, last_seq FROM (
    SELECT p.*, sum(last_seq - first_seq + 1) OVER (ORDER BY position) - (last_seq - first_seq + 1) AS before
      FROM (SELECT * FROM campaigns_deliveryplace
             WHERE position > %s OR (position = %s AND last_seq > %s) ORDER BY position LIMIT 200) p) counted
 WHERE before < %s ORDER BY position"""


def hits_after(place: tuple[int, str] | None, *, limit: int, narrow: Q) -> FeedPage:
    """Hits in the order in which they were taken in. One whose class changed comes again, with the new one."""
    batch_id, hit = place or (0, "")
    batches = list(EngagementBatch.objects.filter(pk__gte=batch_id).order_by("pk")[:200])
    if not batches:
        return FeedPage([], place, False)
    chosen, rows = [], 0
    for batch in batches:
        chosen.append(batch)
        rows += batch.rows
        if rows > limit and len(chosen) > 1:
            break
    hits = Engagement.objects.filter(
        narrow, batch_id__in=[batch.pk for batch in chosen], at__gte=min(batch.first_at for batch in chosen),
        at__lte=max(batch.last_at for batch in chosen),
    )  # fmt: skip
    if hit:
        hits = hits.filter(Q(batch_id__gt=batch_id) | Q(hit_id__gt=hit))
    found = list(hits.order_by("batch_id", "hit_id")[: limit + 1])
    if len(found) > limit:
        end = found[limit - 1]
        return FeedPage(found[:limit], (end.batch_id, str(end.hit_id)), True)
    end_of = (chosen[-1].pk, "ffffffff-ffff-ffff-ffff-ffffffffffff")
    return FeedPage(found, end_of, EngagementBatch.objects.filter(pk__gt=chosen[-1].pk).exists())


def feedback_rows(narrow: Q) -> QuerySet[Feedback]:
    return Feedback.objects.filter(narrow, position__isnull=False)


def _first_of(sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


# --- what rows of the ledger refer to, which has no foreign keys: one query for each kind ------------------------------
class Names:
    """uids of what a page of rows refers to."""

    def __init__(self, mailing_ids: Iterable[int], deliveries: Iterable[Delivery]) -> None:
        rows = list(deliveries)
        self.mailings = _uids(Mailing, mailing_ids)
        self.people = _uids(Person, (row.person_id for row in rows))
        self.organizations = _uids(Organization, (row.organization_id for row in rows))
        self.posts = _uids(Post, (row.post_id for row in rows))


def _uids(model: Any, ids: Iterable[int | None]) -> dict[int, Any]:
    wanted = {pk for pk in ids if pk}
    return dict(model.objects.filter(pk__in=wanted).values_list("pk", "uid")) if wanted else {}


def deliveries_of(pairs: Iterable[tuple[int, int | None]]) -> dict[tuple[int, int], Delivery]:
    """By (mailing id, seq)."""
    wanted = sorted({(mailing_id, seq) for mailing_id, seq in pairs if seq is not None})
    if not wanted:
        return {}
    rows = Delivery.objects.filter(pk__in=wanted)
    return {(row.mailing_id, row.seq): row for row in rows}


def link_urls(pairs: Iterable[tuple[int, int | None]]) -> dict[tuple[int, int], str]:
    """By (mailing id, number of the link)."""
    wanted = {pair for pair in pairs if pair[1] is not None}
    if not wanted:
        return {}
    rows = TrackedLink.objects.filter(mailing_id__in={mailing_id for mailing_id, _number in wanted})
    return {(row.mailing_id, row.number): row.url for row in rows if (row.mailing_id, row.number) in wanted}
