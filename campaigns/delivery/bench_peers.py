"""What the engine is measured against: Postfix's own load generator, a plain Celery task, and smtplib; and where all of them send to.

Postfix's `smtp-sink` and `smtp-source` are used when they are on PATH, or below the folder that BENCH_POSTFIX names, into which
Debian's package was unpacked (`apt-get download postfix && dpkg -x postfix_*.deb FOLDER`): nothing of it needs to be installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.core.signing import Signer
from django.template import Context, Engine
from django.utils import timezone

from campaigns.delivery.composing import plan_of
from campaigns.delivery.models import Delivery, Outcome
from campaigns.mailings.content import render

HOW_TO_INSTALL = (
    "not measured: smtp-sink and smtp-source are not here. They are in Debian's package postfix: install it, or unpack it with"
    " `apt-get download postfix && dpkg -x postfix_*.deb FOLDER` and set BENCH_POSTFIX=FOLDER. The local sink is used instead."
)
SESSIONS = (4, 8, 16, 32)  # of smtp-source; the best number counts
TASK_ROWS = 500  # of one Celery task: the engine's chunk


@dataclass(frozen=True)
class Postfix:
    """The two programs, and the environment that they need to find their libraries."""

    sink: str
    source: str
    env: dict[str, str]

    @classmethod
    def find(cls) -> Postfix | None:
        folder = os.environ.get("BENCH_POSTFIX", "")
        # Debian keeps them with the administrator's programs
        path = [f"{folder}/usr/sbin"] if folder else [os.environ.get("PATH", ""), "/usr/sbin"]
        sink, source = (shutil.which(name, path=os.pathsep.join(path)) for name in ("smtp-sink", "smtp-source"))
        if sink is None or source is None:
            return None
        libraries = {"LD_LIBRARY_PATH": f"{folder}/usr/lib/postfix"} if folder else {}
        return cls(sink, source, {**os.environ, **libraries})

    def send(self, port: int, *, sessions: int, messages: int, length: int) -> float:
        """Messages a second by `smtp-source -d`: sessions that stay connected, one message of `length` bytes after the other."""
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 found above
            [
                self.source, "-d", "-s", str(sessions), "-m", str(messages), "-l", str(length),
                "-f", "us@campaign.test", "-t", "person@people.test", f"127.0.0.1:{port}",
            ],
            env=self.env, check=True, timeout=300,
        )  # fmt: skip
        return messages / (time.perf_counter() - began)


@dataclass(frozen=True)
class Sink:
    port: int
    pid: int
    name: str


@contextlib.contextmanager
def sink(postfix: Postfix | None) -> Iterator[Sink]:
    """Postfix's sink, else `manage.py smtp_sink`, in a process of its own, without a log."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command, env = [sys.executable, "manage.py", "smtp_sink", "--port", str(port)], dict(os.environ)
    if postfix:
        # as root it wants to be told whom to become
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        # its own limit of 256 connections would leave some of four workers waiting for one
        command, env = [postfix.sink, *user, "-m", "2048", f"127.0.0.1:{port}", "1000"], postfix.env
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)  # noqa: S603
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Sink(port, process.pid, Path(command[0]).name if postfix else "smtp_sink")
    finally:
        process.terminate()
        process.wait()


def smtplib_rate(port: int, messages: list[tuple[str, str, bytes]], *, seconds: float) -> tuple[float, float]:
    """Messages a second by one connection of smtplib, which has nothing to do but to send finished messages, and seconds of the processor
    for each."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        sent, began, spent = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            for sender, recipient, message in messages[:200]:
                client.sendmail(sender, [recipient], message)
            sent += len(messages[:200])
        return sent / (time.perf_counter() - began), (time.process_time() - spent) / sent


def celery_like(mailing_id: int, port: int, numbers: range) -> Callable[[], None]:
    """What a straightforward Celery task does with one chunk, for each of the chunks of `numbers`.

    It is given the best case: templates are parsed once, all messages of a chunk leave by one connection, nobody else's suppression or
    pause is looked at, and one UPDATE a chunk says what became of it; a task that dies half-way sends its chunk again.
    """
    plan = plan_of(mailing_id)
    assert plan is not None  # noqa: S101 it was frozen just now
    variant = next(iter(plan.variants.values()))
    source = render(  # the same text with Django's places, so that both render the same page
        variant,
        {name: f"{{{{ fields.{name.replace('.', '_')} }}}}" for name in variant.fields},
        lambda number, _url: f"{{{{ link_{number} }}}}",
        unsubscribe_url="{{ unsubscribe }}", preferences_url="{{ unsubscribe }}", open_url="{{ pixel }}", trap_url="{{ link_0 }}",
    )  # fmt: skip
    engine = Engine()
    subject, html = (engine.from_string(part) for part in (source.subject, source.html))
    plain = engine.from_string("{% autoescape off %}" + source.text + "{% endautoescape %}")
    links, sign, base = [link.url for link in variant.links], Signer(salt="click").sign, settings.TRACKING_URL

    def compose(row: Delivery, backend: Any) -> EmailMultiAlternatives:
        unsubscribe = f"{base}/u/{sign(f'{mailing_id}:{row.seq}')}"
        context: dict[str, Any] = {
            "fields": {name.replace(".", "_"): value for name, value in row.fields.items()},
            "unsubscribe": unsubscribe,
            "pixel": f"{base}/o/{sign(f'{mailing_id}:{row.seq}:o')}.gif",
            "link_0": f"{base}/c/{sign(f'{mailing_id}:{row.seq}:0:{base}')}",
        }
        for number, url in enumerate(links, 1):
            context[f"link_{number}"] = f"{base}/c/{sign(f'{mailing_id}:{row.seq}:{number}:{url}')}"
        message = EmailMultiAlternatives(
            subject.render(Context(context)).strip(),
            plain.render(Context(context)),
            "Campaign <us@campaign.test>",
            [row.address],
            connection=backend,
            headers={"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        )
        message.attach_alternative(html.render(Context(context)), "text/html")
        return message

    def run() -> None:
        backend = EmailBackend(host="127.0.0.1", port=port, username="", password="", use_tls=False, use_ssl=False)
        backend.open()
        for number in numbers:
            first = number * TASK_ROWS + 1
            rows = Delivery.objects.filter(
                mailing_id=mailing_id, seq__gte=first, seq__lt=first + TASK_ROWS, state=Outcome.PENDING
            )
            sent = [row.seq for row in rows if compose(row, backend).send()]
            Delivery.objects.filter(mailing_id=mailing_id, seq__in=sent).update(
                state=Outcome.ACCEPTED, attempts=1, settled_at=timezone.now()
            )
        backend.close()

    return run
