"""What sending costs: the engine with every guarantee on and durable commits, against three others that send to the same sink in
the same run (`bench_peers.py`): Postfix's own load generator, a plain Celery task, and smtplib.

The machine has moods, so each round of the engine stands between two runs of what it is compared with, and of each ratio the one in the
middle counts. smtplib has one connection and waits for one answer after the other, so what it reaches says most about how long the
machine sleeps between them: what it costs of the processor is told beside it, and that does not swing.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection

from campaigns.delivery.bench_peers import (
    HOW_TO_INSTALL,
    SESSIONS,
    TASK_ROWS,
    Postfix,
    Sink,
    celery_like,
    sink,
    smtplib_rate,
)
from campaigns.delivery.bench_usage import Usage, commits_and_log, database_seconds, process_seconds, side_by_side
from campaigns.delivery.benches import again, make_mailing, quiet
from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.freezing import freeze
from campaigns.delivery.ledger import utc_now
from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import send_some
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from crm.bench import Bar, Result, apart

SOURCE_LEAST, TASK_LEAST, SMTPLIB_LEAST = 0.5, 3.0, 1.5
PROCESSES = (2, 3, 2, 3, 2, 3, 1, 4)  # of each round
# The better of these decides, as the best number of sessions does for smtp-source: on two cores the second fills what the first waits
# for commits, and a third does where the disk is slow.
DECIDING = (2, 3)
MANY, PROCESSES_OF_MANY = 300_000, (2,)  # so many people take minutes a round: what is asked then is a worker's memory
PEAK_MB = 300
CHUNKS_OF_TASKS = 4  # that each of the plain tasks is given
# Styles, and what only Outlook reads: half of a short message, and nothing that differs between people.
_LOOKS = re.compile(r"<!--\[if.*?endif\]-->|<!--<!\[endif\]-->|<style.*?</style>| style=\"[^\"]*\"", re.DOTALL)


@dataclass
class Round:
    """One mailing by the engine, and what stood before and behind it."""

    processes: int
    messages: int
    accepted: int
    took: float
    usage: Usage
    database: float | None
    sink: float
    commits: int
    log: int  # bytes
    source: float  # messages a second, 0 when it is not here
    smtplib: float
    smtplib_seconds: float  # of the processor, for a message

    @property
    def rate(self) -> float:
        return self.accepted / self.took

    @property
    def ratio(self) -> float:
        """To smtp-source; where that is not here, to smtplib."""
        return self.rate / (self.source or self.smtplib)

    @property
    def to_smtplib(self) -> float:
        return self.rate / self.smtplib

    def as_figures(self) -> dict[str, Any]:
        thousand = self.accepted / 1000
        database = {} if self.database is None else {"database_cpu": round(self.database / thousand, 3)}
        return {
            "processes": self.processes,
            "per_second": round(self.rate),
            "smtp_source": round(self.source),
            "smtplib": round(self.smtplib),
            "smtplib_cpu": round(self.smtplib_seconds * 1000, 3),
            "worker_cpu": round(self.usage.seconds / thousand, 3),
            **database,
            "sink_cpu": round(self.sink / thousand, 3),
            "messages_per_commit": round(self.accepted / max(1, self.commits)),
            "log_bytes_each": round(self.log / self.accepted),
            "peak_mb": round(self.usage.peak_mb),
        }


def send(size: int) -> Result:
    """A mailing of three tracked links in HTML and text, about 5 KB, to `size` people, eight times; to very many, once."""
    postfix = Postfix.find()
    with sink(postfix) as to:
        # Everybody is written to eight times on one day. In a process of its own: the workers are forked from this one, and what
        # making the people needs for a moment would count as their memory.
        apart(partial(make_mailing, size, url=f"smtp://127.0.0.1:{to.port}", contact_guard_days=0))
        first = Mailing.objects.latest("pk")
        _freeze(first)
        messages = _finished(first, 500)
        length = round(statistics.mean(len(message) for _sender, _recipient, message in messages))
        sessions = _best_sessions(postfix, to, length)
        task = _celery_rate(first, to)
        # Half sent and with nobody at it, it would have each run of the others make room for it every two seconds.
        Mailing.objects.filter(pk=first.pk).update(state=State.CANCELLED)
        rounds = []
        for processes in PROCESSES if size < MANY else PROCESSES_OF_MANY:
            mailing = again(first)
            _freeze(mailing)
            rounds.append(_round(mailing, to, postfix, processes, sessions, messages, length))
    peak = max(one.usage.peak_mb for one in rounds)
    deciding = best_of(rounds)
    middle = sorted(deciding, key=lambda one: one.ratio)[len(deciding) // 2]
    return Result(
        figures={
            "messages": middle.messages,
            "accepted": middle.accepted,
            "bytes_each": length,
            "connections": first.transport.max_connections if first.transport else 0,
            "sink": to.name,
            "engine_per_second": round(middle.rate),
            "smtp_source_per_second": round(middle.source) if postfix else HOW_TO_INSTALL,
            "smtp_source_sessions": sessions,
            "celery_task_per_second": round(task),
            "smtplib_per_second": round(middle.smtplib),
            "engine_cpu_seconds_per_1000": round(
                (middle.usage.seconds + (middle.database or 0)) / middle.accepted * 1000, 3
            ),
            "worker_peak_mb": round(peak),
            "smtplib_ratios": [round(one.to_smtplib, 2) for one in deciding],
            "ratios": [round(one.ratio, 2) for one in deciding],
            "processes": middle.processes,
            "rounds": [one.as_figures() for one in rounds],
        },
        bars=[Bar("largest worker, MB", peak, PEAK_MB)]
        if size >= MANY
        else [
            *([Bar("engine / smtp-source -d", middle.rate / middle.source, SOURCE_LEAST, True)] if postfix else []),
            Bar("engine / Celery task with Django's backend", middle.rate / task, TASK_LEAST, at_least=True),
            Bar(
                "engine / smtplib", statistics.median(one.to_smtplib for one in deciding), SMTPLIB_LEAST, at_least=True
            ),
            Bar("largest worker, MB", peak, PEAK_MB),
        ],
    )


def best_of(rounds: list[Round]) -> list[Round]:
    """The rounds that decide: those with the number of processes whose round in the middle is best."""
    groups = [[one for one in rounds if one.processes == number] for number in DECIDING]
    return max((group for group in groups if group), key=lambda group: statistics.median(one.ratio for one in group))


def _freeze(mailing: Mailing) -> None:
    """Freeze it, and leave the looks out of its page: the bar is about 5 KB."""
    with quiet():
        assert freeze(mailing_id=mailing.pk)  # noqa: S101 a bench that sends nothing measures nothing
    mailing.refresh_from_db()
    for variant in mailing.frozen_with["variants"].values():
        variant["html"] = _LOOKS.sub("", variant["html"])
    mailing.save(update_fields=["frozen_with"])


def _best_sessions(postfix: Postfix | None, to: Sink, length: int) -> int:
    if postfix is None:
        return 0
    rates = {n: postfix.send(to.port, sessions=n, messages=10_000, length=length) for n in SESSIONS}
    return max(rates, key=rates.__getitem__)


def _celery_rate(mailing: Mailing, to: Sink) -> float:
    """Messages a second by as many plain tasks as there are cores."""
    cores = os.cpu_count() or 1
    chunks = max(1, min(CHUNKS_OF_TASKS, counts(mailing.pk)["pending"] // (TASK_ROWS * cores)))
    works = [celery_like(mailing.pk, to.port, range(number * chunks, (number + 1) * chunks)) for number in range(cores)]
    began = time.perf_counter()
    side_by_side(works)
    return counts(mailing.pk)["accepted"] / (time.perf_counter() - began)


def _round(
    mailing: Mailing,
    to: Sink,
    postfix: Postfix | None,
    processes: int,
    sessions: int,
    messages: list[tuple[str, str, bytes]],
    length: int,
) -> Round:
    to_send = counts(mailing.pk)["pending"]

    def peers() -> tuple[float, float, float]:
        source = postfix.send(to.port, sessions=sessions, messages=20_000, length=length) if postfix else 0.0
        return source, *smtplib_rate(to.port, messages, seconds=1.5)

    before = peers()
    database, sunk, (commits, log) = database_seconds(), process_seconds(to.pid) or 0.0, commits_and_log()
    began = time.perf_counter()
    usage = side_by_side([partial(_send_all, mailing.pk)] * processes)
    took = time.perf_counter() - began
    spent = None if database is None else (database_seconds() or database) - database
    sunk = (process_seconds(to.pid) or sunk) - sunk
    commits, log = (now - then for now, then in zip(commits_and_log(), (commits, log), strict=True))
    after = peers()
    peer = [statistics.mean(pair) for pair in zip(before, after, strict=True)]
    accepted = counts(mailing.pk)["accepted"]
    return Round(processes, to_send, accepted, took, usage, spent, sunk, commits, log, *peer)


def _send_all(mailing_id: int) -> None:
    """One run of the engine after the other, as Celery would start them, until nothing is pending."""
    while counts(mailing_id)["pending"]:
        send_some(mailing_id, seconds=30)


def _finished(mailing: Mailing, n: int) -> list[tuple[str, str, bytes]]:
    """(sender, recipient, bytes) of some messages of it."""
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
    connection.close()
    return found
