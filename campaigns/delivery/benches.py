"""What freezing costs: the whole freeze of a large audience, against INSERT … SELECT of the very same rows into a table with the
same indexes, in turn. And the mailing that the bench of sending uses too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.delivery import waking
from campaigns.delivery.freezing import freeze as freeze_mailing
from campaigns.delivery.partitions import FILLFACTOR, ensure_partitions, partition_of
from campaigns.delivery.queries import counts
from campaigns.mailings.approval import hash_of, snapshot
from campaigns.mailings.models import Approval, Mailing, Sender, Transport, Variant
from campaigns.mailings.states import State
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Country
from contacts.directory.volume import make_people
from contacts.segments.models import Segment
from crm.bench import Bar, Result
from crm.ids import new_uid

FREEZE_LIMIT = 1.5
LARGE = 500_000  # from here on a round lasts half a minute, and the machine's moods are even within it
_BODY = (
    "<p>One in five people has adequate coverage and half the world none. In {{ country.name | default('your country') }} "
    "{{ organization.name | default('your institution') }} can change that. <a href=\"https://campaign.test/guide\">Read how</a>.</p>"
    "<p>Three countries of your region have put a floor into law this year, and each of them began with one ministry that asked "
    "what it would cost. The answer was less than the subsidies on fuel in all three.</p>"
    "<p><a href=\"https://campaign.test/costs\">What it would cost in {{ country.name | default('your country') }}</a>, and "
    '<a href="https://campaign.test/convention">what the convention asks of a state that ratifies it</a>.</p>'
)


def freeze(size: int) -> Result:
    """The freeze of `size` people and the plain insert of its rows, in turn; the pair in the middle counts.

    A core that shares its caches with a neighbour takes half as long again, for seconds at a time: hence pairs, and seven of
    them where each is short.
    """
    rounds = 3 if size >= LARGE else 7
    pairs, rows = [], 0
    first = make_mailing(size, url="")
    for mailing in [first, *(again(first) for _round in range(rounds - 1))]:
        began = time.perf_counter()
        with quiet():
            assert freeze_mailing(mailing_id=mailing.pk)  # noqa: S101 a bench that freezes nothing measures nothing
        frozen = time.perf_counter() - began
        rows = sum(counts(mailing.pk).values())
        pairs.append((frozen, _plain_insert(mailing.pk)))
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {partition_of(mailing.pk)}")  # its disk is needed again, and its pages in memory
    took, plain = sorted(pairs, key=lambda pair: pair[0] / pair[1])[rounds // 2]
    return Result(
        figures={
            "rows": rows,
            "freeze_seconds": round(took, 3),
            "insert_select_seconds": round(plain, 3),
            "rows_per_second": round(rows / took),
            "ratios": [round(frozen / plain, 2) for frozen, plain in pairs],
        },
        bars=[Bar("freeze / INSERT … SELECT", took / plain, FREEZE_LIMIT)],
    )


def again(mailing: Mailing) -> Mailing:
    """The same mailing once more, approved and due."""
    copy = Mailing.objects.get(pk=mailing.pk)
    variant = copy.variants.get()
    copy.pk, copy.uid, copy._state.adding = None, new_uid(), True
    copy.save()
    variant.pk, variant.uid, variant.mailing, variant._state.adding = None, new_uid(), copy, True
    variant.save()
    return _approved(copy)


def _plain_insert(mailing_id: int) -> float:
    """The same rows, finished, into a table like the partition."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_delivery")
        cursor.execute(
            f"CREATE TABLE bench_delivery (LIKE {partition_of(mailing_id)} INCLUDING ALL) WITH (fillfactor = {FILLFACTOR})"
        )
        began = time.perf_counter()
        cursor.execute("INSERT INTO bench_delivery SELECT * FROM delivery WHERE mailing_id = %s", [mailing_id])
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE bench_delivery")
    return took


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nobody is woken: this process does the work."""
    before: Any = waking.post
    waking.post = lambda *args, **kwargs: None
    try:
        yield
    finally:
        waking.post = before


def make_mailing(size: int, *, url: str, **values: Any) -> Mailing:
    """An approved mailing to everybody in a directory of `size` people."""
    topic = make_people(size).topic
    ensure_partitions()
    campaign = Campaign.objects.create(name="Bench")
    drive = Drive.objects.create(campaign=campaign, name="Bench", starts_on="2026-01-01", ends_on="2026-12-31")
    empty = Country.objects.exclude(people__isnull=False).order_by("code").values_list("code", flat=True)[0]
    segment = Segment.objects.create(
        name="Everybody",
        tree={"version": 1, "op": "none", "rules": [{"field": "country", "operator": "any_of", "value": [empty]}]},
    )
    cores = multiprocessing.cpu_count()
    mailing = Mailing.objects.create(
        name="Bench",
        drive=drive,
        segment=segment,
        topic=topic,
        sender=Sender.objects.create(name="Campaign", email="us@campaign.test"),
        transport=Transport.objects.create(
            name="Bench", kind=Transport.Kind.LOCAL, url=url, max_connections=max(16, 64 * cores)
        ),
        fallback_languages=["en"],
        **values,
    )
    Variant.objects.create(mailing=mailing, language="en", subject="Coverage in {{ country.name }}", body_html=_BODY)
    return _approved(mailing)


def _approved(mailing: Mailing) -> Mailing:
    snap = snapshot(mailing)
    mailing.approval = Approval.objects.create(
        mailing=mailing, content_hash=hash_of(snap), snapshot=snap, audience_count=_readers(mailing)
    )
    mailing.state, mailing.send_at = State.FREEZING, timezone.now()
    mailing.save()
    return mailing


def _readers(mailing: Mailing) -> int:
    from campaigns.delivery.audience import audience_summary  # only to state what was approved

    return audience_summary(mailing).will_get
