"""What freezing and sending cost, each against a baseline measured in the same run.

freeze: the whole freeze of a large audience, against INSERT … SELECT of the very same rows into a table with the same
        indexes, in turn.
send:   the engine with every guarantee on, against the standard library's smtplib on one connection that sends finished
        messages of the same size to the same sink.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import smtplib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from campaigns.delivery import waking
from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.freezing import freeze as freeze_mailing
from campaigns.delivery.ledger import utc_now
from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import FILLFACTOR, ensure_partitions, partition_of
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import send_some
from campaigns.mailings.approval import hash_of, snapshot
from campaigns.mailings.models import Approval, Mailing, Sender, Transport, Variant
from campaigns.mailings.states import State
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Country
from contacts.directory.volume import make_people
from contacts.segments.models import Segment
from crm.bench import Bar, Result
from crm.heap import settle
from crm.ids import new_uid

FREEZE_LIMIT, SEND_LEAST = 1.5, 1.5
FREEZE_ROUNDS = 7
_PARAGRAPH = (
    "<p>One in five people has adequate coverage and half the world none. In {{ country.name | default('your country') }} "
    "{{ organization.name | default('your institution') }} can change that. <a href=\"https://campaign.test/guide\">Read how</a>.</p>"
)


def freeze(size: int) -> Result:
    """The freeze of `size` people and the plain insert of its rows, in turn; the pair in the middle counts.

    A core that shares its caches with a neighbour takes half as long again, for seconds at a time: hence pairs, and so many.
    """
    pairs, rows = [], 0
    first = _mailing(size, url="")
    for mailing in [first, *(_again(first) for _round in range(FREEZE_ROUNDS - 1))]:
        began = time.perf_counter()
        with _quiet():
            assert freeze_mailing(mailing_id=mailing.pk)  # noqa: S101 a bench that freezes nothing measures nothing
        frozen = time.perf_counter() - began
        rows = sum(counts(mailing.pk).values())
        pairs.append((frozen, _plain_insert(mailing.pk)))
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {partition_of(mailing.pk)}")
    took, plain = sorted(pairs, key=lambda pair: pair[0] / pair[1])[FREEZE_ROUNDS // 2]
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


def _again(mailing: Mailing) -> Mailing:
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


def send(size: int) -> Result:
    """`size` personalised messages of about 5 KB, three times; the round in the middle counts, as machines have moods."""
    rounds = []
    with _sink() as port:
        # everybody is written to three times on one day
        first = _mailing(size, url=f"smtp://127.0.0.1:{port}", contact_guard_days=0)
        for mailing in [first, _again(first), _again(first)]:
            rounds.append(_send_round(port, mailing))
    middle = sorted(rounds, key=lambda one: one["ratio"])[1]
    return Result(
        figures={
            "messages": middle["messages"],
            "accepted": middle["accepted"],
            "bytes_each": middle["bytes_each"],
            "connections": first.transport.max_connections if first.transport else 0,
            "tasks": settings.DELIVERY_TASKS,
            "engine_per_second": round(middle["engine"]),
            "smtplib_per_second": round(middle["smtplib"]),
            "ratios": [round(one["ratio"], 2) for one in rounds],
        },
        bars=[Bar("engine / smtplib", middle["ratio"], SEND_LEAST, at_least=True)],
    )


def _send_round(port: int, mailing: Mailing) -> dict[str, Any]:
    """One mailing by the engine, with the baseline before and after it."""
    with _quiet():
        assert freeze_mailing(mailing_id=mailing.pk)  # noqa: S101 a bench that sends nothing measures nothing
    to_send = counts(mailing.pk)["pending"]
    messages = _finished(mailing, 500)
    # in short turns: one connection is at the mercy of how fast the machine wakes its two ends
    baselines = [_smtplib(port, messages, seconds=2.0) for _turn in range(2)]
    began = time.perf_counter()
    _side_by_side(mailing.pk)
    took = time.perf_counter() - began
    baselines += [_smtplib(port, messages, seconds=2.0) for _turn in range(2)]
    sent, baseline = counts(mailing.pk)["accepted"], statistics.median(baselines)
    return {
        "messages": to_send,
        "accepted": sent,
        "bytes_each": len(messages[0][2]),
        "engine": sent / took,
        "smtplib": baseline,
        "ratio": sent / took / baseline,
    }


def _side_by_side(mailing_id: int) -> None:
    """As many processes as the product would run, each a run of the engine after the other until nothing is pending."""
    connection.close()
    children = []
    for _number in range(settings.DELIVERY_TASKS):
        child = os.fork()
        if child == 0:
            status = 1
            settle()
            try:
                while counts(mailing_id)["pending"]:
                    send_some(mailing_id, seconds=30)
                status = 0
            finally:
                os._exit(status)  # nothing of the parent's may be cleaned up twice
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def _finished(mailing: Mailing, n: int) -> list[tuple[str, str, bytes]]:
    plan = plan_of(mailing.pk)
    assert plan is not None  # noqa: S101 it was frozen just now
    found = []
    for row in Delivery.objects.filter(mailing_id=mailing.pk, state="pending").order_by("seq")[:n]:
        item = Item(
            row.seq,
            row.address,
            row.address_key or "",
            row.variant_id or 0,
            row.fields,
            row.is_tracked,
            None,
            0,
            "pending",
            None,
        )
        found.append(
            (plan.return_path(item), item.recipient, b"".join([plan.message(item, utc_now()), *plan.tail(item)]))
        )
    return found


def _smtplib(port: int, messages: list[tuple[str, str, bytes]], *, seconds: float) -> float:
    """Messages a second by one connection of smtplib."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        sent, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            for sender, recipient, message in messages:
                client.sendmail(sender, [recipient], message)
            sent += len(messages)
        return sent / (time.perf_counter() - began)


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    """`manage.py smtp_sink` in a process of its own, without a log."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen(  # noqa: S603 our own command
        [sys.executable, "manage.py", "smtp_sink", "--port", str(port)], cwd=settings.BASE_DIR, env=dict(os.environ)
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nobody is woken: this process does the work."""
    before: Any = waking.post
    waking.post = lambda *args, **kwargs: None
    try:
        yield
    finally:
        waking.post = before


def _mailing(size: int, *, url: str, **values: Any) -> Mailing:
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
            name="Bench", kind=Transport.Kind.LOCAL, url=url, max_connections=max(16, 32 * cores)
        ),
        fallback_languages=["en"],
        **values,
    )
    Variant.objects.create(
        mailing=mailing, language="en", subject="Coverage in {{ country.name }}", body_html=_PARAGRAPH
    )
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
