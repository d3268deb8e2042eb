"""A PostgreSQL, a Valkey, Celery workers, schedulers and an SMTP sink that a test may kill, restart and flush.

The workers, the schedulers and the sink are real processes; only the clock is faster: a scheduler here sweeps every 0.3 s
instead of every ten, leases and back-offs are short.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from json import loads
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from campaigns.delivery.queries import counts
from campaigns.mailings.approval import hash_of, snapshot
from campaigns.mailings.models import Approval, Mailing
from campaigns.mailings.states import State
from contacts.consent.addresses import address_hash
from contacts.consent.models import ConsentEvent, Topic
from contacts.directory.models import ContactPoint, Country, Person
from crm.local.places import ROOT
from crm.local.services import Private
from tests.campaigns.delivery.sinks import free_port
from tests.factories import DriveFactory, MailingFactory, SegmentFactory, SenderFactory, TopicFactory, TransportFactory

LEASE = 4
_SCHEDULER = """
import logging, time, django
django.setup()
from django.db import close_old_connections, connection
from campaigns.delivery.sweeping import sweep
logging.getLogger("campaigns.delivery.sweeping").setLevel(logging.CRITICAL)
while True:
    sweep()
    connection.close()
    time.sleep(0.3)
"""


# A process whose machine's clock is wrong until somebody sets it: whatever asks for the time of day gets another one, and from the
# moment that the file is there the right one. What counts seconds does not change.
_WRONG_CLOCK = """
import datetime, os, time
from django.utils import timezone
_time, _now = time.time, timezone.now
_by = lambda: 0.0 if os.path.exists({is_set!r}) else {clock}
time.time = lambda: _time() + _by()
timezone.now = lambda: _now() + datetime.timedelta(seconds=_by())
"""
# A worker of another release: it freezes in another version's form, and reads what the others do.
_OTHER_RELEASE = """
from celery.signals import worker_process_init
@worker_process_init.connect(weak=False)
def of_another_release(**_):
    from campaigns.mailings import compiling
    compiling.VERSION, compiling.READABLE = {writes}, {reads}
"""
_CELERY = """
import sys
from celery.__main__ import main
sys.argv[0] = "celery"
main()
"""


class Ground:
    """`people()`, `send()`, `wait_for()`, `audit()`, and the processes by name."""

    def __init__(self, folder: Path, pair: Private) -> None:
        self.folder, self.pair = folder, pair
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.sink_port = free_port()
        self.sink_log = folder / "sink.log"
        self.environment = {
            **os.environ,
            "DATABASE_URL": pair.database_url,
            "REDIS_URL": pair.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.sink_port}",
            "DELIVERY_LEASE_SECONDS": str(LEASE),
            "DELIVERY_EVIDENCE_SECONDS": "0",
            "DELIVERY_RETRY_SECONDS": "1",
            "DELIVERY_TASKS": "4",  # the worker runs two at once; what dead ones had holds up nobody
            "DELIVERY_BREAKER_SECONDS": "1",
            "CONN_MAX_AGE": "0",
            "LOG_FORMAT": "console",
            "PYTHONWARNINGS": "ignore",
        }
        self._countries = iter(Country.objects.order_by("code").values_list("code", flat=True))
        self.topic: Topic = TopicFactory()

    # --- processes ----------------------------------------------------------------------------------------------
    def start(self, name: str, *command: str) -> None:
        if self.runs(name):
            return
        log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115 the child's
        self.processes[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        log.close()

    def runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def start_worker(
        self,
        name: str = "worker",
        *,
        clock: float = 0.0,
        at_once: int = 2,
        release: tuple[int, tuple[int, ...]] | None = None,
    ) -> None:
        """clock: seconds by which its machine's clock is wrong; at_once: its processes; release: the version in which it freezes,
        and those that it reads, where they are not today's."""
        before = self._wrong_clock(clock) if clock else ""
        if release:
            before += _OTHER_RELEASE.format(writes=release[0], reads=release[1])
        celery = ("-c", before + _CELERY) if before else ("-m", "celery")
        self.start(
            name,
            *(sys.executable, *celery, "--app", "crm", "--quiet", "worker", "--queues", "delivery"),
            *("--hostname", f"{name}@%h"),
            *(
                "--concurrency",
                str(at_once),
                "--loglevel",
                "INFO",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ),
        )

    def start_scheduler(self, number: int = 1, *, clock: float = 0.0) -> None:
        wrong = self._wrong_clock(clock) if clock else ""
        self.start(f"scheduler{number}", sys.executable, "-c", wrong + _SCHEDULER)

    def _wrong_clock(self, clock: float) -> str:
        self.set_clocks(is_right=False)
        return _WRONG_CLOCK.format(clock=clock, is_set=str(self.folder / "clocks-are-set"))

    def set_clocks(self, *, is_right: bool) -> None:
        """Step the clocks of those that were started with a wrong one."""
        path = self.folder / "clocks-are-set"
        if is_right:
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def ask(self, code: str) -> None:
        """Run Python in a process of its own, with Django and the broker of this ground."""
        command = [sys.executable, "-c", f"import django; django.setup()\n{code}"]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise AssertionError(done.stderr)

    def start_sink(self, *options: str) -> None:
        command = (sys.executable, "manage.py", "smtp_sink", "--port", str(self.sink_port), "--log", str(self.sink_log))

        def listens() -> bool:
            # again where it ended: while it is away any connection of this machine may hold its port for a moment
            self.start("sink", *command, *options)
            return self._answers()

        self.wait_for(listens, "the sink listens", seconds=90)

    def _answers(self) -> bool:
        import socket

        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.sink_port), 1):
            return True
        return False

    def kill9(self, name: str) -> None:
        """The process and all that it started, at once."""
        process = self.processes.pop(name, None)
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def send_signal(self, name: str, number: int) -> None:
        """To the process and all that it started."""
        os.killpg(self.processes[name].pid, number)

    def end(self, name: str, *, seconds: float = 40) -> None:
        """Ask it to end, as a deployment does, and wait until it has."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(seconds)

    def kill9_children(self, name: str) -> int:
        """The processes that do the work of a Celery worker, all of them; it makes new ones. Returns how many there were."""
        killed: list[int] = []
        for pid in self.children(name):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        self.wait_for(lambda: not set(killed) & set(self.children(name)), "they are gone")
        return len(killed)

    def children(self, name: str) -> list[int]:
        """Process ids of what a process started itself, those that have ended and still have a name left out."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, parent = status.read_text().rpartition(")")[2].split()[:2]
                if int(parent) == self.processes[name].pid and state != "Z":
                    found.append(int(status.parent.name))
        return found

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill9(name)

    def be_whole(self) -> None:
        """All services and processes run, and no work of the test before waits for them."""
        for service in (self.pair.pg, self.pair.valkey):
            if not service.running:
                service.start()
        self.pair.valkey.flush()
        self.start_worker()
        self.start_scheduler()
        self.start_sink()

    # --- data -----------------------------------------------------------------------------------------------------
    def people(self, n: int, slow: int = 0) -> str:
        """n subscribers in a country of their own, the first `slow` of them at slow.test; returns its code."""
        code = next(self._countries)
        people = Person.objects.bulk_create(
            [Person(name=f"Ada {i}", sort_key=f"ada {i}", country_id=code, language="en") for i in range(n)]
        )
        keys = [f"p{code.lower()}{i}@{'slow' if i < slow else 'people'}.test" for i in range(n)]
        ContactPoint.objects.bulk_create(
            [
                ContactPoint(person=person, value=key, address_key=key, address_hash=address_hash(key))
                for person, key in zip(people, keys, strict=True)
            ]
        )
        now = timezone.now()
        ConsentEvent.objects.bulk_create(
            [
                ConsentEvent(
                    subject_uid=person.uid,
                    subject_kind="person",
                    topic=self.topic,
                    action="grant",
                    lawful_basis="consent",
                    source="test",
                    at=now,
                )
                for person in people
            ]
        )
        return code

    def send(
        self, n: int, *, connections: int = 4, per_second: int | None = None, slow: int = 0, **values: Any
    ) -> Mailing:
        """A mailing to n people, approved, and due now."""
        country = self.people(n, slow)
        mailing = MailingFactory(
            drive=DriveFactory(),
            sender=SenderFactory(),
            topic=self.topic,
            transport=TransportFactory(max_connections=connections, per_second=per_second),
            segment=SegmentFactory(
                tree={
                    "version": 1,
                    "op": "all",
                    "rules": [{"field": "country", "operator": "any_of", "value": [country]}],
                }
            ),
            **values,
        )
        snap = snapshot(mailing)
        mailing.approval = Approval.objects.create(
            mailing=mailing, content_hash=hash_of(snap), snapshot=snap, audience_count=n
        )
        mailing.state, mailing.send_at = State.SCHEDULED, timezone.now()
        mailing.save()
        return mailing

    # --- watching -------------------------------------------------------------------------------------------------
    def wait_for(self, condition: Callable[[], bool], what: str, *, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"It did not happen within {seconds} s that {what}.\n{self.logs()}")
            time.sleep(0.05)

    def logs(self) -> str:
        parts = []
        for path in sorted(self.folder.glob("*.log")):
            if path != self.sink_log:
                parts.append(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(parts)

    def state(self, mailing: Mailing) -> str:
        mailing.refresh_from_db()
        return mailing.state

    def accepted(self, mailing: Mailing) -> int:
        return counts(mailing.pk)["accepted"]

    def sent(self, mailing: Mailing, least: int) -> None:
        """Wait until so many are accepted."""
        self.wait_for(lambda: self.accepted(mailing) >= least, f"{least} are accepted")

    def finished(self, mailing: Mailing, *, seconds: float = 120) -> None:
        self.wait_for(lambda: self.state(mailing) == State.FINISHED, f"“{mailing.name}” is finished", seconds=seconds)

    def audit(self, mailing: Mailing) -> dict[str, Any]:
        """What `manage.py audit_mailing --sink` prints; it must exit 0."""
        out = StringIO()
        try:
            call_command("audit_mailing", str(mailing.uid), sink=self.sink_log, stdout=out)
        except CommandError as error:
            raise AssertionError(f"{error}: {out.getvalue()}") from error
        return dict(loads(out.getvalue()))


@contextlib.contextmanager
def database(url: str) -> Iterator[None]:
    """Point this process's ORM at another database, for the length of the block."""
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        NAME=unquote(parts.path.lstrip("/")),
        USER=unquote(parts.username or ""),
        PASSWORD=unquote(parts.password or ""),
        HOST=unquote(query.pop("host", "") or parts.hostname or ""),
        PORT=str(parts.port or query.pop("port", "") or ""),
    )
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
