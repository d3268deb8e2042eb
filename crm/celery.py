"""Celery carries wake-ups; the truth about what is due is in PostgreSQL."""

import contextlib
import os
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_before_create_process, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep
from redis.exceptions import RedisError

from crm import broker
from crm.heap import settle, share

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")


class SignsOfLife(bootsteps.StartStopStep):
    """A worker leaves word with the broker every few seconds, for whoever watches on the Sending page.

    Celery's own heartbeats are events that only a listener sees, and cost every worker a stream of them.
    """

    requires = ("celery.worker.components:Timer",)
    SECONDS = 5.0
    _timer: Any = None

    def start(self, worker: Any) -> None:
        self._leave(worker)
        self._timer = worker.timer.call_repeatedly(self.SECONDS, self._leave, (worker,))

    def stop(self, worker: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(RedisError):
            broker.sign_off(worker.hostname)

    terminate = stop

    def _leave(self, worker: Any) -> None:
        with contextlib.suppress(RedisError):  # the page says of a silent broker that it is silent
            broker.sign_of_life(worker.hostname)


app = Celery("groundswell")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(SignsOfLife)
app.steps["worker"].add(DjangoStructLogInitStep)  # a task logs with the request id of whoever asked for it
app.autodiscover_tasks(
    [
        "crm.accounts",
        "crm.api",
        "crm.audit",
        "crm.jobs",
        "crm.retention",
        "crm.exports",
        "contacts.directory",
        "contacts.consent",
        "contacts.reach",
        "contacts.segments",
        "contacts.importing",
        "campaigns.mailings",
        "campaigns.domains",
        "campaigns.safety",
        "campaigns.esp",
        "campaigns.oauth",
        "campaigns.delivery",
        "campaigns.engagement",
        "campaigns.feeds",
        "campaigns.outreach",
        "campaigns.todo",
        "campaigns.commitments",
        "campaigns.digest",
        "campaigns.forms",
        "campaigns.networks",
        "campaigns.offers",
        "campaigns.events",
        "campaigns.delegations",
        "campaigns.partners",
        "campaigns.reports",
    ]
)


@worker_before_create_process.connect
def share_heap(**kwargs: Any) -> None:
    share()


@worker_process_init.connect
def settle_heap(**kwargs: Any) -> None:
    """Measured while sending: 6 % of a worker process's time went."""
    settle()
