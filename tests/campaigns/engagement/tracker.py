"""A `track` process under granian, as the product runs it, to be asked over HTTP and to be killed."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.conf import settings as django_settings
from django.db import connection

from tests.campaigns.engagement.test_classify import BROWSER

ROOT = Path(__file__).resolve().parents[3]
HEADERS = {"User-Agent": BROWSER, "Accept-Language": "fr", "Sec-Fetch-User": "?1"}


class Tracker:
    def __init__(self, process, port, spool):
        self.process, self.port, self.spool = process, port, spool

    def ask(self, method, url, body=None, headers=HEADERS):
        connection_ = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection_.request(method, urlsplit(url).path, body=body, headers=headers)
            answer = connection_.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection_.close()


def database_url(**changes):
    found = {**connection.settings_dict, **changes}
    login = quote(found["USER"]) + (f":{quote(found['PASSWORD'])}" if found["PASSWORD"] else "")
    return f"postgresql://{login}@/{found['NAME']}?host={quote(found['HOST'])}&port={found['PORT'] or 5432}"


@contextlib.contextmanager
def tracking(spool, **environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {
        "SPOOL_DIR": str(spool),
        "DATABASE_URL": database_url(),
        "TRACKING_KEYS": ",".join(f"{name}:{key.hex()}" for name, key in django_settings.TRACKING_KEYS.items()),
        **environment,
    }
    process = subprocess.Popen(
        [*command, "--no-ws", "campaigns.engagement.track:app"], cwd=ROOT, env=environment, start_new_session=True
    )
    tracker = Tracker(process, port, spool)
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                if tracker.ask("GET", "/readyz")[0] == 200:
                    break
            time.sleep(0.05)
        yield tracker
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
