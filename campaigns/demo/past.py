"""The demo's past: a mailing that left weeks ago, with what came of it, so that reports have something to compare."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from campaigns.delivery.freezing import begin_due, freeze
from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import ensure_partitions
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP, ROLL_UP_AT_END
from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.links import HONEYPOT
from campaigns.engagement.models import TrackedLink
from campaigns.engagement.services import unsubscribe
from campaigns.engagement.spool import Hit
from campaigns.mailings.models import Approval, Mailing
from campaigns.mailings.services import move
from campaigns.mailings.states import State
from crm.audit.models import AuditEntry

TOOK = timedelta(minutes=20)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SCANNER = "Example-Link-Scanner/1.0"
HOURS = (6, 7, 7, 8, 8, 8, 9, 9, 10, 11, 13, 13, 14, 15, 17, 19)  # UTC: mornings most
# One in twenty-five is refused because its mailbox is full, which says nothing of the address. Counted among those that are
# to be sent: who is skipped has a number too.
_SETTLE = """
UPDATE delivery d SET state = CASE WHEN s.is_full THEN 'failed' ELSE 'accepted' END,
       reply_code = CASE WHEN s.is_full THEN 552 ELSE 250 END,
       reply_text = CASE WHEN s.is_full THEN '552 5.2.2 Mailbox full' ELSE '' END, attempts = 1,
       first_attempt_at = s.at, last_attempt_at = s.at, settled_at = s.at + interval '1 second'
  FROM (SELECT seq, row_number() OVER (ORDER BY seq) %% 25 = 7 AS is_full, %(at)s + seq / 10 * interval '1 second' AS at
          FROM delivery WHERE mailing_id = %(mailing)s AND state = 'pending') s
 WHERE d.mailing_id = %(mailing)s AND d.seq = s.seq"""


def send_in_the_past(mailing: Mailing, *, at: datetime, seed: int) -> None:
    """Freeze, settle and finish a mailing that is scheduled, as if it had left at `at`; then its hits and one who left.

    Runs in the transaction of the demo.
    """
    Mailing.objects.filter(pk=mailing.pk).update(send_at=at - timedelta(seconds=30), stop_until=at)
    ensure_partitions()
    begin_due(now=at)
    if not freeze(mailing_id=mailing.pk, now=at):
        raise RuntimeError(f"The demo’s mailing “{mailing.name}” could not be frozen.")
    _settle(mailing.pk, at)
    move(mailing=mailing, to=State.FINISHED, finished_at=at + TOOK)
    with connection.cursor() as cursor:
        cursor.execute(ROLL_UP_AT_END, {"mailing": mailing.pk})
    _date_back(mailing, at)
    _follow(mailing.pk, random.Random(seed))  # noqa: S311 invented clicks


def _settle(mailing_id: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, {"mailing": mailing_id, "at": at})
        cursor.execute(
            f"UPDATE campaigns_deliverychunk k SET is_done = true, counts = ({CHUNK_COUNTS}) WHERE k.mailing_id = %s",  # noqa: S608 our own words
            [mailing_id],
        )
    accepted = Delivery.objects.filter(mailing_id=mailing_id, state="accepted").values_list("seq", flat=True)
    with connection.cursor() as cursor:
        cursor.execute(ROLL_UP, {"mailing": mailing_id, "seqs": list(accepted)})


def _date_back(mailing: Mailing, at: datetime) -> None:
    """What the services dated today, to the days in which it would have been done."""
    written = at - timedelta(days=2)
    Mailing.objects.filter(pk=mailing.pk).update(created_at=written, review_asked_at=at - timedelta(days=1))
    Approval.objects.filter(mailing=mailing).update(approved_at=at - timedelta(hours=3))
    entries = AuditEntry.objects.filter(object_uid=mailing.uid)
    entries.exclude(verb="mailing.finished").update(at=at)
    entries.filter(verb="mailing.finished").update(at=at + TOOK)


def _follow(mailing_id: int, rng: random.Random) -> None:
    """A third click, half open, a few have a scanner that follows every link at once; one takes the permission back."""
    links = list(TrackedLink.objects.filter(mailing_id=mailing_id).exclude(number=HONEYPOT))
    hits: list[Hit] = []
    clicked: list[tuple[int, datetime]] = []
    rows = Delivery.objects.filter(mailing_id=mailing_id, state="accepted", is_tracked=True).order_by("seq")
    reads = 0.5 if len(rows) > 40 else 0.8  # of a small audience still enough for a report
    for place, row in enumerate(rows):
        if row.settled_at is None:
            continue
        numbers = [link.number for link in links if row.language in link.languages]
        if rng.random() < 0.06 or place == 4:  # of a small audience one at least
            soon = row.settled_at + timedelta(seconds=1)
            hits += [_hit(rng, row, soon, number, SCANNER) for number in [HONEYPOT, *numbers]]
        if rng.random() < reads:
            read = _hour(rng, row.settled_at)
            hits.append(_hit(rng, row, read, None, BROWSER))
            if numbers and rng.random() < 0.65:
                follows = read + timedelta(seconds=rng.randint(20, 400))
                hits.append(_hit(rng, row, follows, rng.choice(numbers), BROWSER))
                clicked.append((row.seq, follows))
    with connection.cursor() as cursor:  # a drain that runs beside this waits for its next tick
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('engagement drain'))")
    take_in_hits(hits)
    for seq, at in clicked[3:4]:
        unsubscribe(mailing_id=mailing_id, seq=seq, at=at + timedelta(minutes=3))


def _hour(rng: random.Random, sent: datetime) -> datetime:
    """Some time after it came: within days, the first most, at an hour when people read mail."""
    day = sent + timedelta(days=min(int(rng.expovariate(0.6)), 9))
    at = day.replace(hour=rng.choice(HOURS), minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
    return at if at > sent + timedelta(minutes=1) else at + timedelta(days=1)


def _hit(rng: random.Random, row: Delivery, at: datetime, number: int | None, agent: str) -> Hit:
    return Hit(
        id=UUID(int=rng.getrandbits(128), version=4),
        at=at,
        kind="open" if number is None else "click",
        mailing_id=row.mailing_id,
        seq=row.seq,
        number=number,
        ip=f"192.0.2.{row.seq % 250 + 1}",
        method="GET",
        agent=agent,
        purpose="",
        by_user=agent == BROWSER,
        has_language=agent == BROWSER,
    )
