"""How each kind goes: a batch at a time, whole months of hits at once. Each function runs in its caller's transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.delivery import partitions as delivery_partitions
from campaigns.engagement.partitions import next_month
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.retention.models import KeptTotals
from campaigns.retention.totals import keep_totals, take_again
from crm.retention.registry import Batch

SIZE = 20_000
INBOUND_SIZE = 500  # they hold whole messages
TOTALS_AT_ONCE = 20


def _all(sql: str, params: Any = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def _changed(sql: str, params: Any = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


# --- single opens and clicks: a month at a time -----------------------------------------------------------------------
def _months(before: datetime) -> list[str]:
    """Partitions that lie wholly before `before`, the oldest first."""
    names = _all("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'engagement'::regclass ORDER BY 1")
    found = []
    for (name,) in names:
        year, month = name.rpartition(".")[2].removeprefix("engagement_").split("_")
        end = next_month(date(int(year), int(month), 1))
        if datetime(end.year, end.month, 1, tzinfo=UTC) <= before:
            found.append(name)
    return found


def count_hits(before: datetime, since: datetime | None, limit: int) -> int:
    total = 0
    for name in _months(before):
        total += _all(f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT %s) n", [limit - total])[0][0]  # noqa: S608
        if total >= limit:
            break
    return total


def remove_hits(before: datetime, since: datetime | None) -> Batch:
    """Keep the totals of every mailing that the oldest month knows, a few at a time; then let the month go as a whole."""
    months = _months(before)
    if not months:
        return Batch(0, more=False)
    name = months[0]
    left = _all(
        f"SELECT DISTINCT e.mailing_id FROM {name} e WHERE NOT EXISTS (SELECT 1 FROM campaigns_kepttotals k"  # noqa: S608
        " WHERE k.mailing_id = e.mailing_id AND k.hits_removed_at IS NOT NULL) LIMIT %s",
        [TOTALS_AT_ONCE],
    )
    if left:
        ids = [mailing_id for (mailing_id,) in left]
        known = {row.pk: row for row in Mailing.objects.filter(pk__in=ids).defer("frozen_with")}
        for mailing_id in ids:
            if mailing_id in known:
                kept = keep_totals(known[mailing_id])
                if kept.deliveries_removed_at is None:
                    take_again(kept, known[mailing_id])
            else:  # hits of a mailing that is no more: nothing will ask for its figures
                kept = KeptTotals.objects.get_or_create(mailing_id=mailing_id)[0]
            KeptTotals.objects.filter(pk=kept.pk).update(hits_removed_at=timezone.now())
        return Batch(0, more=True)
    rows = _all(f"SELECT count(*) FROM {name}")[0][0]  # noqa: S608
    _changed(f"ALTER TABLE engagement DETACH PARTITION {name}")
    _changed(f"DROP TABLE {name}")
    return Batch(rows, more=len(months) > 1)


# --- addresses of machines in those -----------------------------------------------------------------------------------
_WITH_ADDRESS = """
SELECT at, hit_id FROM engagement WHERE at < %(before)s AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
   AND (ip IS NOT NULL OR user_agent <> '') LIMIT %(size)s
"""


def count_hit_addresses(before: datetime, since: datetime | None, limit: int) -> int:
    sql = f"SELECT count(*) FROM ({_WITH_ADDRESS}) n"  # noqa: S608
    return int(_all(sql, {"before": before, "since": since, "size": limit})[0][0])


def blank_hit_addresses(before: datetime, since: datetime | None) -> Batch:
    rows = _changed(
        f"UPDATE engagement e SET ip = NULL, user_agent = '' FROM ({_WITH_ADDRESS}) o"  # noqa: S608
        " WHERE e.at = o.at AND e.hit_id = o.hit_id",
        {"before": before, "since": since, "size": SIZE},
    )
    return Batch(rows, more=rows == SIZE)


# --- deliveries -------------------------------------------------------------------------------------------------------
def _old_mailings(before: datetime) -> Any:
    done = KeptTotals.objects.filter(is_emptied=True).values("mailing_id")
    rows = Mailing.objects.filter(state__in=["finished", "cancelled"], finished_at__lt=before, frozen_at__isnull=False)
    return rows.exclude(pk__in=done).order_by("pk").defer("frozen_with")


def count_deliveries(before: datetime, since: datetime | None, limit: int) -> int:
    ids = list(_old_mailings(before).values_list("pk", flat=True))
    sql = "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE mailing_id = ANY (%s) LIMIT %s) n"
    return int(_all(sql, [ids, limit])[0][0])


_DELETE = """
WITH old AS (SELECT mailing_id, seq FROM delivery WHERE mailing_id = %(id)s ORDER BY seq LIMIT %(size)s),
     gone AS (DELETE FROM delivery d USING old o WHERE d.mailing_id = o.mailing_id AND d.seq = o.seq
              RETURNING d.mailing_id, d.seq, d.state, d.person_id, d.organization_id),
     tail AS (INSERT INTO campaigns_deliverytail (mailing_id, seq, person_id, organization_id)
              SELECT mailing_id, seq, person_id, organization_id FROM gone WHERE state IN ('accepted', 'uncertain')
              ON CONFLICT DO NOTHING)
SELECT count(*) FROM gone
"""
_READ_MODELS = (
    "campaigns_deliveryengagement",
    "campaigns_feedback",
    "campaigns_deliveryretry",
    "campaigns_deliveryslot",
)


def remove_deliveries(before: datetime, since: datetime | None) -> Batch:
    """One mailing after the other: its totals first, then its rows by and by, at last what hung on them."""
    mailing = _old_mailings(before).select_for_update(skip_locked=True).first()
    if mailing is None:
        delivery_partitions.drop_empty()
        return Batch(0, more=False)
    kept = keep_totals(mailing)
    if kept.deliveries_removed_at is None:
        take_again(kept, mailing)
        KeptTotals.objects.filter(pk=kept.pk).update(deliveries_removed_at=timezone.now())
    rows = int(_all(_DELETE, {"id": mailing.pk, "size": SIZE})[0][0])
    if rows < SIZE:
        for table in _READ_MODELS:
            _changed(f"DELETE FROM {table} WHERE mailing_id = %s", [mailing.pk])  # noqa: S608 names of our own
        KeptTotals.objects.filter(pk=kept.pk).update(is_emptied=True)
    return Batch(rows, more=True)


# --- inbound mail -----------------------------------------------------------------------------------------------------
def _old_inbound(before: datetime) -> Any:
    """Read, and not waiting to be forwarded. What was made of it (a reply, a bounce) is kept where it was made."""
    rows = InboundMessage.objects.filter(received_at__lt=before).exclude(state="new")
    return rows.exclude(state="handled", kind="reply", forwarded_at__isnull=True)


def count_inbound(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_old_inbound(before).order_by()[:limit].count())


def remove_inbound(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old_inbound(before).order_by("pk").values_list("pk", flat=True)[:INBOUND_SIZE])
    Interaction.objects.filter(inbound_id__in=ids).update(inbound=None)
    InboundMessage.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == INBOUND_SIZE)
