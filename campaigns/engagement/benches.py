"""`manage.py bench track`: how many hits `track` takes a second while the consumer drains them, and whether each counts once.

The server is the one that the product runs, with one process and its spool on disk; the consumer is a process of its own, and
so is the load: fifty connections that each send one request after the other, by `wrk` where it is at hand. The baseline is the
same server with an application that notes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns.delivery.bench_usage import database_seconds, tree_seconds
from campaigns.engagement.links import MailingLinks
from campaigns.engagement.loading import find_wrk
from campaigns.engagement.spool import waiting_files
from campaigns.mailings.models import Mailing
from campaigns.planning.models import Campaign, Drive
from crm.bench import Bar, Result

CONNECTIONS = 50
PER_SECOND, P99_MS = 12_000, 15
LINKS = 3
ROUNDS = 3
PATIENCE = 300  # seconds that the consumer gets to catch up
_DELIVERIES = """
INSERT INTO delivery (mailing_id, seq, state, skip_reason, skip_also, address, address_key, is_tracked, fields, language, attempts,
                      constituency_code, country_code, reply_text, person_id, settled_at)
SELECT %s, n, 'accepted', '', '{}', n || '@bench.test', n || '@bench.test', true, '{}', 'en', 1, 'GOV', 'ZM', '', NULL,
       now() - interval '1 hour'
  FROM generate_series(1, %s) n"""


def track(size: int) -> Result:
    """`size` hits of as many recipients' links, in rounds with the baseline before each; the round in the middle counts."""
    from campaigns.delivery.partitions import ensure_partitions

    drive = Drive.objects.create(
        campaign=Campaign.objects.create(name="Bench"), name="Bench", starts_on="2026-01-01", ends_on="2026-12-31"
    )
    mailing = Mailing.objects.create(drive=drive, name="Bench")
    ensure_partitions()
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERIES, [mailing.pk, size])
    rounds = []
    with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
        spool = Path(folder)
        paths = _paths(mailing.pk, size)
        (spool / "paths").write_text("\n".join(paths))
        with _consumer(spool) as consumer, _server("campaigns.engagement.track:app", spool) as tracker:
            with _server("campaigns.engagement.loading:bare", spool) as plain:
                spent = _Spent(track=tracker.pid, server_alone=plain.pid, consumer=consumer)
                for number in range(ROUNDS):
                    share = slice(number * size // ROUNDS, (number + 1) * size // ROUNDS)
                    baseline = _load(plain.port, spool, share)
                    rounds.append((_load(tracker.port, spool, share), baseline))
                alone = spent.seconds("server_alone")
            answered = sum(one["answered"] for one, _ in rounds)
            behind = _caught_up(spool, mailing.pk, answered)
            microseconds = spent.microseconds(
                answered,
                server_alone=alone * answered / sum(one["answered"] for _, one in rounds),
                load=sum(one["load_seconds"] for one, _ in rounds),
            )
    hits, recipients, counted = _counted(mailing.pk)
    # wrk hangs up on what is under way when it ends: those few may count without an answer
    unheard = ROUNDS * CONNECTIONS if find_wrk() else 0
    wrong = max(0, answered - hits) + max(0, hits - answered - unheard) + (hits - recipients) + abs(hits - counted)
    middle, baseline = sorted(rounds, key=lambda pair: pair[0]["per_second"])[ROUNDS // 2]
    return Result(
        figures={
            "load": "wrk" if find_wrk() else "Python (wrk is not here: Debian's package wrk, see BENCH_WRK)",
            "hits_per_second": round(middle["per_second"]),
            "p50_ms": middle["p50_ms"],
            "p99_ms": middle["p99_ms"],
            "server_alone_per_second": round(baseline["per_second"]),
            "ratio": round(middle["per_second"] / baseline["per_second"], 2),
            "rounds_per_second": [round(one["per_second"]) for one, _ in rounds],
            "answered": answered,
            "written": hits,
            "counted": counted,
            "consumer_behind_seconds": round(behind, 1),
            "processor_us_a_hit": microseconds,
        },
        bars=[
            Bar("hits per second", middle["per_second"], PER_SECOND, at_least=True),
            Bar("p99 ms", middle["p99_ms"], P99_MS),
            Bar("hits lost or doubled", wrong, 0),
        ],
    )


def _paths(mailing_id: int, size: int) -> list[str]:
    """One link of each recipient, in an order that is not theirs: as people come."""
    links = MailingLinks(mailing_id)
    step = 7919  # a prime: neighbours in the ledger are far apart in time
    urls = (links.click(i * step % size + 1, i % LINKS + 1, f"https://campaign.test/{i % LINKS}") for i in range(size))
    return [url.removeprefix(settings.TRACKING_URL) for url in urls]


def _counted(mailing_id: int) -> tuple[int, int, int]:
    """Rows of hits, of how many recipients (each was asked for once), and what the read model that reports sum says of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT seq) FROM engagement WHERE mailing_id = %s", [mailing_id])
        hits, recipients = cursor.fetchone()
        cursor.execute(
            "SELECT coalesce(sum(human_clicks + machine_clicks + unknown_clicks), 0)"
            " FROM campaigns_deliveryengagement WHERE mailing_id = %s",
            [mailing_id],
        )
        (counted,) = cursor.fetchone()
    return int(hits), int(recipients), int(counted)


def _caught_up(spool: Path, mailing_id: int, answered: int) -> float:
    """Wait until the consumer has taken in all that was answered; returns how long that took, in seconds."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM engagement WHERE mailing_id = %s", [mailing_id])
            (written,) = cursor.fetchone()
        folder = spool / "hits"
        if written >= answered and not waiting_files(folder) and not list(folder.glob("*.open")):
            break
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass(frozen=True)
class _Running:
    port: int
    pid: int


class _Spent:
    """Processor time of the processes that a hit goes through, from now on: what no other work on the machine moves much."""

    def __init__(self, **processes: int) -> None:
        self.processes = processes
        self.before = self._now()

    def seconds(self, name: str) -> float:
        return self._now()[name] - self.before[name]

    def microseconds(self, hits: int, **known: float) -> dict[str, float]:
        """Of each, for one hit. known: seconds of what has ended by now."""
        after = self._now()
        seconds = {name: after[name] - before for name, before in self.before.items()} | known
        return {name: round(each / max(hits, 1) * 1e6, 1) for name, each in seconds.items()}

    def _now(self) -> dict[str, float]:
        seconds = {name: tree_seconds(pid) for name, pid in self.processes.items()}
        database = database_seconds()
        return seconds if database is None else {**seconds, "postgresql": database}


# --- processes --------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _server(application: str, spool: Path) -> Iterator[_Running]:
    """The application on a port of its own, by the server of the product."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)]
    with _child([*command, "--no-ws", "--log-level", "warning", application], SPOOL_DIR=str(spool)) as pid:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as asked:
                asked.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if asked.recv(100).startswith(b"HTTP/1.1 200"):
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"{application} does not answer within a minute")
        yield _Running(port, pid)


@contextlib.contextmanager
def _consumer(spool: Path) -> Iterator[int]:
    """What beat asks a worker for again and again; its process id."""
    code = (
        "import sys, time, pathlib, django; django.setup()\n"
        "from campaigns.engagement.drain import drain\n"
        "while True:\n    drain(pathlib.Path(sys.argv[1])) or time.sleep(0.2)"
    )
    with _child([sys.executable, "-c", code, str(spool / "hits")]) as pid:
        yield pid


@contextlib.contextmanager
def _child(command: Sequence[str], **environment: str) -> Iterator[int]:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "crm.settings", **environment}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)  # noqa: S603 our own commands
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _load(port: int, spool: Path, share: slice) -> dict[str, Any]:
    """Ask for a share of the paths by CONNECTIONS connections, from a process of its own."""
    command = [sys.executable, "-m", "campaigns.engagement.loading", str(port), str(CONNECTIONS), str(spool / "paths")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603 our own command
        [*command, str(share.start), str(share.stop)], cwd=settings.BASE_DIR, stdout=subprocess.PIPE, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = json.loads(done.stdout)
    return {
        "answered": int(measured["answered"]),
        "per_second": measured["answered"] / measured["seconds"],
        "p50_ms": round(measured["p50_ms"], 2),
        "p99_ms": round(measured["p99_ms"], 2),
        "load_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }
