"""Whether a process of production is well: exit code 0, or 1 and a sentence. Health checks run it inside the container.

    python -m crm.health http://127.0.0.1:8000/healthz   it answers 200
    python -m crm.health worker:delivery                 the Celery worker of this host answers a ping
    python -m crm.health beat                            beat ticked within a minute (BEAT_FILE)

An address is asked under the name that people use (BASE_URL), because any other host is refused.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 60


def main(arguments: list[str]) -> int:
    what = arguments[0] if len(arguments) == 1 else ""
    if what.startswith("http://"):
        problem = _address(what)
    elif what.startswith("worker:"):
        problem = _worker(what.partition(":")[2])
    elif what == "beat":
        problem = _beat()
    else:
        problem = "Name one of: an address, worker:<name>, beat."
    if problem:
        sys.stderr.write(problem + "\n")
    return 1 if problem else 0


def _address(url: str) -> str:
    parts = urlsplit(url)
    name = urlsplit(os.environ.get("BASE_URL", "")).netloc or parts.netloc
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path, headers={"Host": name, "X-Forwarded-Proto": "https"})
        status = connection.getresponse().status
    except OSError as error:
        return f"{url} does not answer: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"{url} answers {status}."


def _worker(name: str) -> str:
    from celery.utils.nodenames import gethostname

    from crm.celery import app

    node = f"{name}@{gethostname()}"
    try:
        answers = app.control.ping(destination=[node], timeout=10)
    except Exception as error:  # whatever the broker's driver raises, the answer is "not well"
        return f"The broker does not answer: {type(error).__name__}."
    return "" if answers else f"{node} does not answer."


def _beat() -> str:
    try:
        age = time.time() - Path(os.environ.get("BEAT_FILE", "")).stat().st_mtime
    except OSError as error:
        return f"BEAT_FILE cannot be read: {error.strerror}."
    return "" if age < SECONDS else f"Beat's last tick was {age:.0f} s ago."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
