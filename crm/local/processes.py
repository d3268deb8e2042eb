"""The processes of Groundswell, in one place: `make run` starts them here, production starts the same ones.

web       pages and forms (WSGI)
track     links, opens, one-click unsubscribes (a small ASGI application of its own)
delivery  Celery worker that sends mailings, and nothing else, so that an import never delays it
worker    Celery worker for what is short: own mail such as confirmations, what track wrote down, bounces and replies
jobs      Celery worker for what is long: imports, exports, erasures, so that none of them delays a confirmation
beat      Celery's clock; two of them would do no harm
mailbox   the local mailbox: an SMTP server and its web inbox (only on a laptop)
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from crm.local.ports import Ports

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - HOST may say so; nothing listens there by default


@dataclass(frozen=True)
class Process:
    """One process: what starts it, the address that shows it is ready, and how long it may take to end."""

    name: str
    command: tuple[str, ...]
    ready_url: str = ""
    stop_seconds: float = 8.0
    once: bool = False  # it is meant to end
    last: bool = False  # ended after the others, which still need it while they finish


def processes(*, ports: Ports, host: str) -> list[Process]:
    """What `make run` keeps running."""
    address = _reachable(host)
    return [
        Process(
            "mailbox",
            (
                *manage("local_mailbox"),
                "--host",
                host,
                "--smtp-port",
                str(ports.smtp),
                "--web-port",
                str(ports.mailbox),
            ),
            ready_url=f"http://{address}:{ports.mailbox}/",
            last=True,
        ),
        Process(
            "web",
            _granian("wsgi", "crm.wsgi:application", host, ports.web, "--blocking-threads", "4"),
            ready_url=f"http://{address}:{ports.web}/healthz",
        ),
        Process(
            "track",
            _granian("rsgi", "campaigns.engagement.track:app", host, ports.track),
            ready_url=f"http://{address}:{ports.track}/readyz",
        ),
        Process("delivery", _worker("delivery", queues="delivery", children=3), stop_seconds=20),
        Process("worker", _worker("worker", queues="default", children=2), stop_seconds=20),
        Process("jobs", _worker("jobs", queues="jobs", children=2), stop_seconds=20),
        Process(
            # Its default keeps a file that a kill -9 can damage. Every task is due again within seconds, and what must
            # not be missed is found in PostgreSQL, so it needs to remember nothing.
            "beat",
            _celery("beat", "--pidfile=", "--scheduler", "celery.beat.Scheduler", "--loglevel", "WARNING"),
        ),
    ]


def environment(*, ports: Ports, host: str) -> dict[str, str]:
    """The settings that follow from the ports, for each process and for the demo; what is set already stays."""
    address = _reachable(host)
    derived = {
        "BASE_URL": f"http://{address}:{ports.web}",
        "TRACKING_URL": f"http://{address}:{ports.track}",
        "MAILBOX_URL": f"http://{address}:{ports.mailbox}",
        "EMAIL_URL": f"smtp://{'127.0.0.1' if address == 'localhost' else address}:{ports.smtp}",
        # two checkouts in one browser do not sign each other out: cookies know no ports
        "SESSION_COOKIE_NAME": f"gs_session_{ports.web}",
        "CSRF_COOKIE_NAME": f"gs_csrf_{ports.web}",
        "LOG_TIMES": "false",
        "PYTHONUNBUFFERED": "1",
    }
    if os.geteuid() == 0:  # in a container; Celery would warn about it in eight lines per worker
        derived["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser privileges"
    return {**derived, **{name: os.environ[name] for name in derived if os.environ.get(name)}}


def _reachable(host: str) -> str:
    """The name under which this machine reaches a server that listens on `host`."""
    return "localhost" if host in _EVERYWHERE | {"127.0.0.1", "::1"} else host


def manage(command: str) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).resolve().parents[2] / "manage.py"), command)


def _granian(interface: str, application: str, host: str, port: int, *more: str) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", "--interface", interface, "--host", host, "--port", str(port), "--no-ws"),
        *("--log-level", "warning", "--workers-kill-timeout", "5", "--respawn-failed-workers", *more, application),
    )


def _celery(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app", "crm", "--quiet", *arguments)


def _worker(name: str, *, queues: str, children: int) -> tuple[str, ...]:
    return _celery(
        *(
            "worker",
            "--hostname",
            f"{name}@%h",
            "--queues",
            queues,
            "--concurrency",
            str(children),
            "--loglevel",
            "INFO",
        ),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
