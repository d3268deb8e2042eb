"""Services and settings for the test run. Imports nothing of Django, which reads its settings only after this."""

import os
import shutil

from crm.local.places import ROOT, private_directory
from crm.local.services import Private, Services, ensure, private

__all__ = ["Private", "prepare", "private", "release"]

HOME = ROOT / ".local" / "test"
_services: Services | None = None


def prepare() -> None:
    """Set the environment of this test process; the first one starts the services, xdist's workers inherit them.

    TEST_FSYNC=off starts a cluster that skips fsync. It is on by default: a test about a kill -9 means it.
    """
    global _services
    os.environ["DJANGO_SETTINGS_MODULE"] = "crm.settings"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        _services = ensure(home=HOME, durable=os.environ.get("TEST_FSYNC", "on") != "off")
        os.environ.update(DATABASE_URL=_services.database_url, REDIS_URL=_services.redis_url)
    os.environ["LOCAL"] = "true"
    os.environ["REDIS_URL"] = _own_database(os.environ["REDIS_URL"], worker)
    place = HOME / "workers" / (worker or "main")
    shutil.rmtree(place, ignore_errors=True)
    os.environ["LOCAL_DIR"] = str(private_directory(place))
    for name in ("SPOOL_DIR", "MEDIA_ROOT", "BASE_URL", "TRACKING_URL", "MAILBOX_URL", "EMAIL_URL", "LOG_FORMAT"):
        os.environ.pop(name, None)


def release() -> None:
    """Stop what `prepare` started, once, in the process that did."""
    global _services
    if _services is not None:
        _services.release()
        _services = None


def _own_database(url: str, worker: str) -> str:
    """Valkey database 0 for a run without workers, N + 1 for worker gwN."""
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return f"{url.rpartition('/')[0] if url.count('/') > 2 else url}/{number}"
